"""What becomes of a run or of a study, a part of which is damaged or another's."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from resqunn.errors import RunError
from resqunn.lab.study.results import StudyResult
from resqunn.lab.study.running import Finished
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.run import evaluate_run, open_run, resume, train
from resqunn.papers import Options
from resqunn.papers.resqunns import PAPER

from support import reproduce

CONFIG = TrainConfig(per_class=4, epochs=2, depths=(1,), wiring="none")
OPTIONS = Options("digits", seeds=(0,), epochs=1, figures=("2", "7"), quick=True)


@pytest.mark.parametrize("part", ["config.json", "metrics.jsonl", "checkpoints"])
def test_a_run_does_not_go_on_with_a_part_of_another(tmp_path: Path, part: str) -> None:
    """Each part is whole, but its learning rate, its scores or its weights are not this run's."""
    one, two = tmp_path / "one", tmp_path / "two"
    for rate, folder in ((0.01, one), (0.02, two)):
        train(replace(CONFIG, learning_rate=rate), folder)
    if (one / part).is_dir():
        shutil.rmtree(one / part)
        shutil.copytree(two / part, one / part)
    else:
        shutil.copy(two / part, one / part)
    for use in (resume, evaluate_run, open_run):
        if part != "metrics.jsonl" or use is not evaluate_run:
            with pytest.raises(RunError, match=part):
                use(one)


def test_a_damaged_run_of_a_study_is_made_anew_once_it_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    before = untimed(reproduce(OPTIONS, folder))
    key = next(run.key for run in PAPER.plan(OPTIONS).runs if run.task == "train")
    place = folder / "runs" / key
    (place / "result.json").write_text("{")
    with pytest.raises(RunError, match=f"delete .*{place.name}, and the same command"):
        reproduce(OPTIONS, folder)
    for file in place.rglob("*"):
        if file.is_file():
            file.unlink()
    times: list[tuple[int, int]] = []
    after = reproduce(OPTIONS, folder, on_progress=lambda p: times.append((p.done, p.total)))
    count = len(PAPER.plan(OPTIONS).runs)
    assert times[0] == (count - 1, count)
    assert untimed(after) == before


def untimed(found: Finished) -> list[StudyResult]:
    """The studies without the times of their runs."""
    return [
        replace(study, series=tuple(replace(each, seconds=0.0) for each in study.series))
        for study in found.results.studies
    ]


def test_results_whose_study_file_was_damaged_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    reproduce(OPTIONS, folder)
    (folder / "study.json").write_text("{")
    with pytest.raises(RunError, match=r"study\.json .*delete it and run the same command"):
        reproduce(OPTIONS, folder)
    (folder / "study.json").unlink()
    times: list[tuple[int, int]] = []
    reproduce(OPTIONS, folder, on_progress=lambda p: times.append((p.done, p.total)))
    count = len(PAPER.plan(OPTIONS).runs)
    assert set(times) == {(count, count)}
