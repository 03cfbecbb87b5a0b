"""One whole report, written once for all tests that look at it."""

from pathlib import Path

import pytest

from resqunn.lab.report import write_report
from resqunn.lab.study.results import write_results

import sample_results


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with its report."""
    folder = tmp_path_factory.mktemp("results")
    write_results(folder, sample_results.results())
    assert write_report(folder) == folder / "report" / "index.html"
    return folder
