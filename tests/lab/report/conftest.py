"""One whole report, written once for all tests that look at it."""

import json
from pathlib import Path

import pytest
import summaries

from resqunn.lab.report import write_report


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with its report."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "summary.json").write_text(json.dumps(summaries.summary()))
    assert write_report(folder) == folder / "report" / "index.html"
    return folder
