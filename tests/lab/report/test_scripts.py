"""Nothing that the report shows is executed, whatever the texts of its data hold."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import markupsafe

from resqunn.lab.report import write_report
from resqunn.lab.study.results import Results, as_builtins, built, write_results

import sample_results

SCRIPT = "'\"><script>"


CHOSEN = ("state", "kind", "unit", "task", "verdict")
"""Fields whose texts are chosen from a list, or decide what is shown."""


def poisoned(value: Any) -> Any:
    """Every text with a script at its end."""
    if isinstance(value, dict):
        return {k: v if k in CHOSEN else poisoned(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [poisoned(inner) for inner in value]
    return value + SCRIPT if isinstance(value, str) else value


def test_the_report_runs_no_script_of_its_data(tmp_path: Path) -> None:
    whole = sample_results.results()
    whole = replace(whole, studies=whole.studies[:1], options={"data": "mnist"})
    summary = poisoned(as_builtins(whole))
    summary["options"][f"name {SCRIPT}"] = f"value {SCRIPT}"
    write_results(tmp_path, built(summary, Results))
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<script" not in text
    series, failure = summary["studies"][0]["series"][0], summary["failures"][0]
    shown = [series["label"], series["config"]["data"], failure["error"], failure["label"]]
    for needed in (*shown, summary["options"]["data"], f"name {SCRIPT}", f"value {SCRIPT}"):
        assert str(markupsafe.escape(needed)) in text
    for figure in (tmp_path / "report/figures").glob("*.svg"):
        assert "<script" not in figure.read_text(encoding="utf-8")
