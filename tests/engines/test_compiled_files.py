"""Compiled code is run only from where nobody else could have put it; forks, settings and the end
of a process do it no harm."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resqunn.engines.compiled import cores, files

IDENTITY = {"kernel": "k"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESQUNN_CACHE", str(tmp_path / "a" / "b"))
    files.write("k", IDENTITY, b"code")
    assert files.read("k", IDENTITY) == b"code"
    return tmp_path / "a" / "b" / "resqunn"


def others_may_write(cache: Path) -> None:
    cache.chmod(0o777)


def others_may_write_above(cache: Path) -> None:
    cache.parent.chmod(0o777)


def the_group_may_write_above(cache: Path) -> None:
    cache.parent.parent.chmod(0o770)


def another_users(cache: Path) -> None:
    os.chown(cache, 12345, 12345)


def another_users_above(cache: Path) -> None:
    os.chown(cache.parent, 12345, 12345)


def another_users_file(cache: Path) -> None:
    os.chown(next(cache.iterdir()), 12345, 12345)


def linked(path: Path) -> None:
    real = path.with_name(f"{path.name}-real")
    path.rename(real)
    path.symlink_to(real)


def a_link(cache: Path) -> None:
    linked(cache)


def a_link_above(cache: Path) -> None:
    # The administrator's links are followed where nobody else could have made them.
    linked(cache.parent)
    os.lchown(cache.parent, 12345, 12345)


def a_link_in_it(cache: Path) -> None:
    linked(next(cache.iterdir()))


SPOILT = [
    *(others_may_write, others_may_write_above, the_group_may_write_above, another_users),
    *(another_users_above, another_users_file, a_link, a_link_above, a_link_in_it),
]


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
@pytest.mark.parametrize("spoil", SPOILT)
def test_case_17_code_that_another_could_have_written_is_not_used(
    spoil: Callable[[Path], None], cache: Path
) -> None:
    if os.geteuid() and ("another" in spoil.__name__ or spoil is a_link_above):
        pytest.skip("only root can give files away")
    spoil(cache)
    assert files.read("k", IDENTITY) is None
    before = sorted(cache.resolve().iterdir())
    files.write("other", IDENTITY, b"code")
    if spoil not in (another_users_file, a_link_in_it):
        assert sorted(cache.resolve().iterdir()) == before


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_case_17_a_sticky_folder_of_roots_above_is_trusted(cache: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can make such a folder")
    cache.parent.chmod(0o1777)
    assert files.read("k", IDENTITY) == b"code"
    cache.chmod(0o1777)  # but not the folder itself
    assert files.read("k", IDENTITY) is None


LAYER = (
    "import torch; from resqunn import Quanv2d; torch.manual_seed(0);"
    "m = Quanv2d(1, 4, 2, 2); print(m(torch.ones(1, 1, 4, 4)).sum().item())"
)


def python(code: str, cache: Path, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"RESQUNN_CACHE": str(cache)} | variables,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_case_22_settings_of_the_compiler_are_part_of_what_code_is_for(tmp_path: Path) -> None:
    slow = python(LAYER, tmp_path, NUMBA_OPT="0", NUMBA_BOUNDSCHECK="1", NUMBA_DISABLE_JIT="1")
    first = set((tmp_path / "resqunn").iterdir())
    fast = python(LAYER, tmp_path)
    assert len(list((tmp_path / "resqunn").iterdir())) == 2 * len(first) > 0
    assert float(slow) == pytest.approx(float(fast), abs=1e-5)


def test_case_22_settings_that_a_program_makes_are_part_of_it_too(tmp_path: Path) -> None:
    """What one process sets after numba has been imported is not the next one's."""
    changing = "import numba; numba.config.LOOP_VECTORIZE = 0; numba.config.DISABLE_JIT = 1;"
    slow = python(changing + LAYER, tmp_path)
    first = set((tmp_path / "resqunn").iterdir())
    fast = python(LAYER, tmp_path)
    both = set((tmp_path / "resqunn").iterdir())
    assert len(both) == 2 * len(first) > 0
    assert float(slow) == pytest.approx(float(fast), abs=1e-5)
    # Neither numba's being imported, nor settings that decide nothing, are settings of code.
    python("import numba; numba.config.DISABLE_JIT = 1;" + LAYER, tmp_path)
    python(changing + LAYER, tmp_path)
    assert set((tmp_path / "resqunn").iterdir()) == both


FORK = """
import os, threading, time, torch
from resqunn import Quanv2d
m = Quanv2d(1, 4, 2, 2)
x = torch.ones(1, 1, 4, 4)
thread = threading.Thread(target=m, args=(x,))
thread.start()
time.sleep({after})
child = os.fork()
if child == 0:
    m(x)
    os._exit(7)
for _ in range(2000):
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid:
        break
    time.sleep(0.05)
else:
    os.kill(child, 9)
    raise SystemExit("the child hangs")
thread.join()
print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_case_20_a_child_born_while_a_thread_compiles_does_not_hang(tmp_path: Path) -> None:
    assert python(FORK.format(after=1.0), tmp_path, PYTHONWARNINGS="ignore") == "7\n"


AT_EXIT = """
import atexit, torch
from resqunn import Quanv2d
torch.set_num_threads(2)
m = Quanv2d(1, 4, 2, 2)
x = torch.rand(64, 1, 28, 28)
before = m(x)
@atexit.register
def last():
    print(torch.equal(m(x), before))
"""


def test_case_25_a_layer_works_while_python_shuts_down(tmp_path: Path) -> None:
    assert python(AT_EXIT, tmp_path) == "True\n"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_case_26_only_cores_that_the_process_may_use_are_counted(tmp_path: Path) -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from resqunn.engines.compiled.cores import allowed_cores; print(allowed_cores())"
    )
    assert python(code, tmp_path) == "1\n"


@pytest.mark.parametrize(
    ("line", "written", "expected"),
    [
        ("0::/job/step", {"job/cpu.max": "400000 100000", "job/step/cpu.max": "max 100000"}, 4),
        ("0::/job", {"job/cpu.max": "150000 100000"}, 2),
        ("0::/outside/docker", {"cpu.max": "300000 100000"}, 3),
        ("0::/job", {"job/cpu.max": "max 100000"}, 64),
        (
            "4:cpu,cpuacct:/job",
            {
                "cpu,cpuacct/job/cpu.cfs_quota_us": "200000",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
            },
            2,
        ),
    ],
)
def test_case_26_quotas_of_control_groups_are_heeded(
    line: str,
    written: dict[str, str],
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in written.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text + "\n")
    (tmp_path / "own").write_text(line + "\n")
    monkeypatch.setattr(cores, "CGROUPS", tmp_path / "groups")
    monkeypatch.setattr(cores, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(cores, "_bound", lambda: 64)
    assert cores.allowed_cores() == expected
