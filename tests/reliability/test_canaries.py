"""No kernel reads or writes outside its memory, or what nobody has written.

Compiled engines and layers are called in memory that ends or begins at a forbidden page, for
arguments, results and whatever is allocated on the way (`guarded.py`), in a process of its own:
a wrong access kills it. `python -m reliability.canaries NUMBER 1 FILE`, in the folder of the tests,
repeats a case.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from resqunn.engines.compiled.engine import CompiledEngine
from resqunn.engines.registry import ENGINES, engine

from reliability.calls import COMPILED, LANES, NOISES, TOGETHER, Case, drawn
from reliability.faults import FOUND

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or sys.maxsize < 2**32,
    reason="memory is guarded through Linux with 64 bits",
)
TESTS = Path(__file__).parents[1]
SHORT = 3_000
"""Cases that are of all kinds."""

LIMIT = 10_000
"""Seconds after which a process counts as hanging."""


def process(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    environment["OMP_WAIT_POLICY"] = "passive"  # torch's own threads
    command = [sys.executable, "-X", "faulthandler", "-m", f"reliability.{module}"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        env=environment, capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip


def tried(folder: Path, first: int, count: int) -> dict[str, int]:
    """What the process says that it has tried.

    Raises:
        AssertionError: naming the case, if anything was found.
    """
    record = folder / "record"
    done = process("canaries", first, count, record)
    if done.returncode or done.stderr:
        case = drawn(int(record.read_text())) if record.exists() else "none yet"
        code = done.returncode
        end = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        pytest.fail(f"{end} in case {case}\n{done.stderr}")
    return json.loads(done.stdout)


def test_kernels_stay_within_their_memory(tmp_path: Path, size) -> None:
    cases, passes = size((800, 2_000), (178_000, 1_000_000))
    found = tried(tmp_path, 0, cases)
    assert found["cases"] == cases
    assert found["passes"] >= passes


def test_samples_stay_within_their_memory(tmp_path: Path, size) -> None:
    record = tmp_path / "record"
    done = process("sampled_canaries", 0, size(80, 20_000), record)
    assert done.returncode == 0, f"case {record.read_text()}: {done.stderr}"


def test_cases_are_of_all_kinds() -> None:
    compiled = {name for name in ENGINES if isinstance(engine(name), CompiledEngine)}
    assert set(COMPILED) == compiled
    cases = [drawn(number) for number in range(SHORT)]
    for name in COMPILED:
        own = [case for case in cases if case.engine == name]
        patches = {case.sizes["shape"][2] for case in own if not case.rank}
        assert len(patches & set(range(LANES))) > 0.7 * LANES
        assert {count % 16 for count in patches} == set(range(16))
        assert max(patches) > 1024
        kinds = Counter((case.rank, case.dtype, case.threads) for case in own)
        assert len(kinds) > 12  # of 16
        wanted = {case.wanted for case in own}
        assert wanted > {(), ("inputs",), ("weights",), ("inputs", "weights")}
    assert {case.circuit.num_qubits for case in cases} >= set(range(1, 9))  # 10 in the long form
    noisy = [case for case in cases if case.noise]
    assert {(case.engine, case.rank > 0) for case in noisy} == {
        (name, is_layer) for name in ("fourier", "paulis") for is_layer in (False, True)
    }
    assert {case.noise for case in noisy} == set(NOISES)
    assert len(noisy) > 0.02 * len(cases)
    assert len({case.circuit for case in cases}) >= 0.9 * len(cases) / TOGETHER
    assert drawn(1234) == drawn(1234)
    layouts = {layout for case in cases for layout in case.layouts.values()}
    assert layouts == {"contiguous", "strided", "repeated"}


def simple(case: Case) -> bool:
    """Whether the fused engine is called as it usually is, and compared with the reference."""
    usual = case.engine == "fused" and case.dtype == torch.float32 and case.number % 32 == 0
    bare = case.circuit.runs[0].circuit is case.circuit  # its values are the engine's own
    return usual and bare and not case.rank and case.layouts["inputs"] == "contiguous"


def test_whatever_a_kernel_may_do_wrong_is_found(tmp_path: Path) -> None:
    case = next(case for case in map(drawn, range(SHORT)) if simple(case))
    assert case.sizes["shape"][2] > 0
    done = process("faults", case.number, tmp_path)
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout)
    assert codes.keys() == {fault.__name__ for fault in FOUND}
    for fault, found in FOUND.items():
        name = fault.__name__
        assert codes[name] == (1 if found else -signal.SIGSEGV), name
        assert found in (tmp_path / f"{name}.txt").read_text(), name


def test_a_finding_names_its_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here of a process that is killed at once, and of one that ends with an error."""
    case = drawn(1234)
    for code, end in ((-11, "killed by SIGSEGV"), (1, "ended with 1")):
        (tmp_path / "record").write_text(f"{case.number:12}")
        done = subprocess.CompletedProcess([], code, "", "values are others")
        monkeypatch.setattr(sys.modules[__name__], "process", lambda *_, done=done: done)
        with pytest.raises(pytest.fail.Exception) as failure:
            tried(tmp_path, 0, 2_000)
        assert str(failure.value) == f"{end} in case {case}\nvalues are others"
