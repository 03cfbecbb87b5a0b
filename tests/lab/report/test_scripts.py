"""Nothing that the report shows is executed, whatever the texts of its data hold."""

import json
from pathlib import Path
from typing import Any

import markupsafe

from resqunn.lab.report import write_report

import summaries

SCRIPT = "'\"><script>"


def poisoned(value: Any) -> Any:
    """Every text with a script at its end."""
    if isinstance(value, dict):
        return {key: poisoned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner) for inner in value]
    return value + SCRIPT if isinstance(value, str) else value


def test_the_report_runs_no_script_of_its_data(tmp_path: Path) -> None:
    whole = summaries.summary()
    parts = {"studies": whole["studies"][:1], "gradients": [], "depth": None}
    summary = poisoned(whole | parts)
    for part in ("options", "environment"):
        summary[part][f"name {SCRIPT}"] = f"value {SCRIPT}"
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<script" not in text
    series, failure = summary["studies"][0]["series"][0], summary["failures"][0]
    shown = [series["label"], series["config"]["data"], failure["error"], failure["label"]]
    for needed in (*shown, summary["options"]["data"], f"name {SCRIPT}", f"value {SCRIPT}"):
        assert str(markupsafe.escape(needed)) in text
    for figure in (tmp_path / "report/figures").glob("*.svg"):
        assert "<script" not in figure.read_text(encoding="utf-8")
