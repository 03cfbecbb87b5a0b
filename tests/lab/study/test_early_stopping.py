"""Studies of runs that stop at different epochs."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from resqunn.errors import RunError
from resqunn.lab import Plan, Series, Study, TrainConfig
from resqunn.lab.report import write_report
from resqunn.lab.study.finished import read_run
from resqunn.lab.study.results import Source
from resqunn.lab.study.running import run
from resqunn.lab.training.files import sealed
from resqunn.lab.training.records import open_run, read_record

CONFIG = TrainConfig(
    wiring="none", depths=(1,), classes=3, per_class=15, epochs=12, patience=1, learning_rate=0.1
)
PLAN = Plan(
    Source("mine", "Mine", sections={"studies": "Studies"}),
    (Study("one", "One", (Series("a", CONFIG, tuple(range(4))),)),),
)


def test_a_seed_keeps_its_last_value(tmp_path: Path) -> None:
    results = run(PLAN, tmp_path).results
    runs = [open_run(tmp_path / "runs" / each.key) for each in PLAN.runs]
    lengths = [len(each.epochs) for each in runs]
    assert 1 < min(lengths) < max(lengths) < 12
    (series,) = results.studies[0].series
    curve = series.curves["validation_accuracy"]
    assert len(curve.median) == max(lengths)
    for number in range(max(lengths)):
        values = [each.epochs[min(number, len(each.epochs) - 1)] for each in runs]
        assert curve.median[number] == median(value.validation_accuracy for value in values)
    last = [each.epochs[-1].validation_accuracy for each in runs]
    assert list(series.final["validation_accuracy"].values) == last
    write_report(tmp_path)
    assert run(PLAN, tmp_path).results.studies == results.studies

    planned = PLAN.runs[lengths.index(max(lengths))]
    place = tmp_path / "runs" / planned.key
    entries = read_record(place, "result.json")
    for epoch in (max(lengths) - 1, 0, 13, "2", None):
        changed = entries | {"final": entries["final"] | {"epoch": epoch}}
        (place / "result.json").write_bytes(sealed("result.json", changed))
        with pytest.raises(RunError, match="cannot be used") as caught:
            read_run(tmp_path, planned)
        assert "\n" not in str(caught.value)
