"""Whole data sets in bounded memory, and long studies that leave nothing behind.

Memory is measured in processes of their own (`loads.py`), as the growth of the peak that the
system has seen. The bounds, in multiples of the data (float32 images) and with `SLACK` for
what does not grow with them:

    what                                      measured   bound
    checking images, their checksum               0.0     0.1
    evaluation, an epoch of training              0.0     0.1
    loading the files                             1.3     1.5
    a whole run: loading, training, checks        1.3     1.5
    all images in one forward pass, paper         1.2     1.5
    the same, defaults (16 channels, 14x14)      14.0    16.0
"""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="memory is measured through /proc"
)
TESTS = Path(__file__).parents[1]
SLACK = 32 * 2**20
"""Batches of the evaluation and what the allocator keeps."""

PER_RUN, LEAST = 16 * 2**10, 8 * 2**20
"""Memory that a study may take more after warm-up: progress keeps times, 2 to 5 kB a run."""


def measured(*arguments: object) -> dict[str, Any]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-m", "reliability.loads", *map(str, arguments)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=3000
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_within(found: dict[str, int], bounds: dict[str, float]) -> None:
    for what, factor in bounds.items():
        assert found[what] <= factor * found["data"] + SLACK, (what, found)


@pytest.mark.parametrize(("config", "at_once"), [("defaults", 16), ("paper", 1.5)])
def test_images_take_no_memory_but_their_own(config: str, at_once: float, size) -> None:
    count = size(20_000, 60_000)
    found = measured("network", config, count)
    assert_within(found, {"checked": 0.1, "scores": 0.1, "epoch": 0.1, "forward": at_once})


@pytest.mark.skipif("RESQUNN_DATA" not in os.environ, reason="RESQUNN_DATA names no data")
@pytest.mark.parametrize("form", [pytest.param("long", marks=pytest.mark.slow)], indirect=True)
@pytest.mark.parametrize("config", ["defaults", "paper"])
@pytest.mark.usefixtures("form")
def test_a_run_on_all_of_mnist(config: str, tmp_path: Path) -> None:
    found = measured("mnist", config, tmp_path)
    assert_within(found, {"loading": 1.5, "checksum": 0.1, "run": 1.5})


@pytest.mark.parametrize("workers", [1, 2])
def test_long_studies_leak_nothing(workers: int, tmp_path: Path, size) -> None:
    seeds = size(24, 1000)
    found = measured("study", workers, seeds, tmp_path / "results")
    assert found["failed"] == 0
    *during, after = found["samples"]
    warm, *rest = during[len(during) // 4 :]
    assert len(rest) >= seeds // 2
    allowed = max(LEAST, PER_RUN * seeds)
    for name in ("memory", "their memory"):
        assert max(sample[name] for sample in rest) - warm[name] <= allowed, name
    for name in ("files", "threads"):
        assert max(sample[name] for sample in rest) <= warm[name], name
    # What the workers have open is seen in the middle of their work.
    assert max(sample["their files"] for sample in rest) <= warm["their files"] + 8
    assert {len(sample["children"]) for sample in rest} == {workers if workers > 1 else 0}
    assert after["children"] == []
    assert after["files"] <= warm["files"]
    assert not still_running(during[-1]["children"])
    assert_only_what_is_documented(tmp_path / "results", seeds)


def still_running(pids: list[int]) -> list[int]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        pids = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        if not pids:
            break
        time.sleep(0.05)
    return pids


def assert_only_what_is_documented(folder: Path, runs: int) -> None:
    """`lab/study/folder.py` and `lab/training/records.py` say what a study and its runs leave."""
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    names = Counter(re.sub(r"\d+", "N", p.name) for p in files if p.parts[0] == "runs")
    one_a_run = ("config", "manifest", "scores", "result", "best", "latest")
    expected = {f"{name}.json" for name in one_a_run} | {"metrics.jsonl", "timings.jsonl"}
    expected |= {f"{name}-N.safetensors" for name in ("best", "latest")}
    assert names == dict.fromkeys(expected, runs)
    keys = {path.name for path in (folder / "runs").iterdir()}
    assert {path.name for path in (folder / "locks").iterdir()} == {"command", *keys}
    assert all((folder / "locks" / name).stat().st_size == 0 for name in ("command", *keys))
    assert {str(p) for p in files if p.parts[0] not in ("runs", "locks")} == {"study.json"}
