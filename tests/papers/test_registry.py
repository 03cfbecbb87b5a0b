"""Papers of other people run to their report with nothing of them inside the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resqunn.errors import ConfigurationError
from resqunn.lab import open_results
from resqunn.papers.registry import addresses, paper

HERE = Path(__file__).parent


def resqunn(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "resqunn", *arguments],
        cwd=cwd, capture_output=True, text=True, timeout=300, env=os.environ | variables,
    )  # fmt: skip


def test_a_paper_in_the_current_folder_runs_to_its_report(tmp_path: Path) -> None:
    shutil.copy(HERE / "tiny_paper.py", tmp_path)
    done = resqunn(
        "reproduce", "tiny_paper:PAPER", "--quick", "--epochs", "1", "--workers", "2", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "results/rings-quick"
    results = open_results(folder)
    assert results.source.citation == "Nobody (1999)"
    assert [(s.label, s.seeds) for s in results.studies[0].series] == [
        ("rx_ring", (0, 1)),
        ("ry_ring", (0, 1)),
    ]
    assert [claim.id for claim in results.claims] == ["ry_over_rx"]
    page = (folder / "report/index.html").read_text()
    assert "Rings of RX and of RY" in page
    assert "Kashif" not in page


def test_a_paper_of_another_package_is_listed(tmp_path: Path) -> None:
    """An entry point of the group `resqunn.papers`, as an installed package leaves it."""
    shutil.copy(HERE / "tiny_paper.py", tmp_path)
    info = tmp_path / "tiny_paper-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-paper\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[resqunn.papers]\nrings = tiny_paper:PAPER\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = resqunn("papers", cwd=tmp_path, PYTHONPATH=path)
    assert "rings" in done.stdout, done.stderr
    assert "resqunns" in done.stdout
    assert "Nobody (1999)" in done.stdout


def test_what_is_no_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert paper("resqunns").name in addresses()
    (tmp_path / "broken_paper.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, message in {
        "resqunn": "unknown paper 'resqunn'; did you mean 'resqunns'",
        "no_such_module:PAPER": r"'no_such_module:PAPER' cannot be imported \(ModuleNotFoundError",
        "broken_paper:PAPER": "ZeroDivisionError",
        "json:PAPER": "cannot be imported",
        "json:dumps": "must be a resqunn.papers.Paper, got function",
        ":": "cannot be imported",
    }.items():
        with pytest.raises(ConfigurationError, match=message):
            paper(name)
    done = resqunn("reproduce", "json:dumps", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
