"""What a new process costs: compilation, first calls, memory. Each is measured in one of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

LAYERS: dict[str, dict[str, Any]] = {
    "once": {"ansatz": "rx_chain", "depth": 4},
    "re-upload": {"ansatz": "rx_chain", "depth": 4, "reupload": True},
    "conv": {},
}
"""Whose memory is measured; without options it is `nn.Conv2d`."""

ENGINES: dict[str, dict[str, Any]] = {
    "fourier": {"ansatz": "rx_chain", "depth": 4, "engine": "fourier"},
    "alternating": {"ansatz": "rx_chain", "depth": 4, "reupload": True, "engine": "alternating"},
    "chains": {"ansatz": "ry_chain", "depth": 2, "reupload": True, "engine": "chains"},
    "fused": {"ansatz": "strongly_entangling", "depth": 2, "reupload": True, "engine": "fused"},
    "fused, real amplitudes": {
        "ansatz": "ry_chain",
        "depth": 2,
        "reupload": True,
        "engine": "fused",
    },
}
"""A layer for each engine that compiles, and for each kind of code that it has."""

LATER = 5
"""How many later processes are measured; the median is shown."""

_CHILD = """
import json, re, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
# Not getrusage: what it says of the peak is inherited from the process that started this one.
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
base = peak()
images, options = int(sys.argv[1]), json.loads(sys.argv[2])
x = torch.rand(images, 1, 28, 28, requires_grad=True)
if options:
    from resqunn import Quanv2d
    layer = Quanv2d(1, 4, 2, 2, **options)
else:
    layer = torch.nn.Conv2d(1, 4, 2, 2)
wall, cpu = time.perf_counter(), time.process_time()
layer(x).square().sum().backward()
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps({"torch": base, "peak": peak(), "seconds": wall, "cpu": cpu}))
"""


def _child(images: int, options: dict[str, Any], cache: str | None = None) -> dict[str, float]:
    variables = os.environ | ({"RESQUNN_CACHE": cache} if cache else {})
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(images), json.dumps(options)],
        check=True,
        capture_output=True,
        text=True,
        env=variables,
    )
    return json.loads(done.stdout)


def memory() -> dict[str, float]:
    """Peak resident size over that of importing torch: 256 images, depth 4, both gradients."""
    for options in LAYERS.values():
        _child(1, options)  # so that nothing is compiled in the process that is measured
    found = {kind: _child(256, options) for kind, options in LAYERS.items()}
    return {kind: entry["peak"] / entry["torch"] for kind, entry in found.items()}


def compilation() -> dict[str, dict[str, float]]:
    """Seconds of each engine's first forward and backward pass ever, and in later processes; on
    the clock and of the processor."""
    found = {}
    for kind, options in ENGINES.items():
        with tempfile.TemporaryDirectory() as cache:
            ever = _child(16, options, cache)
            later = [_child(16, options, cache) for _ in range(LATER)]
        found[kind] = {
            "ever": ever["seconds"],
            "ever_cpu": ever["cpu"],
            "later": statistics.median(entry["seconds"] for entry in later),
            "later_cpu": statistics.median(entry["cpu"] for entry in later),
        }
    return found
