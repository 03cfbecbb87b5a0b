"""What a results folder is for: options, limits and rules; more seeds may follow."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from resqunn.errors import ConfigurationError, RunError
from resqunn.lab import Claim, Plan, Quantity, Rule, Series, Study, Term, TrainConfig, open_results
from resqunn.lab.report import write_report
from resqunn.lab.study.folder import opened
from resqunn.lab.study.results import Source
from resqunn.lab.study.running import run
from resqunn.lab.training.files import sealed
from resqunn.papers.resqunns import PAPER

NETWORK = TrainConfig(wiring="none", depths=(1,), per_class=4, epochs=1)
BY = Claim(
    "gain",
    "",
    "Training helps.",
    "",
    Rule("better_by"),
    study="rings",
    quantities=(
        Quantity("validation_accuracy", (Term("a"),), (Term("a", frozen=True),), figure=0.3),
    ),
)
ALIKE = replace(
    BY,
    id="alike",
    rule=Rule("equal", margin=0.05),
    quantities=(replace(BY.quantities[0], figure=None),),
)


def plan(*claims: Claim, seeds: tuple[int, ...] = (0, 1)) -> Plan:
    series = tuple(Series("a", replace(NETWORK, trainable=t), seeds) for t in (True, False))
    return Plan(
        Source("mine", "Mine", sections={"studies": "Studies"}),
        (Study("rings", "Rings", series),),
        {"seeds": list(seeds), "epochs": 1},
        claims=claims or (BY, ALIKE),
    )


def begin(folder: Path, chosen: Plan) -> None:
    with opened(folder, chosen.options, chosen.limits):
        pass


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ((replace(BY, rule=Rule("better_by", delta=0.01)), ALIKE),
         "judges 'gain' with delta = 0.02, not 0.01"),
        ((BY, replace(ALIKE, rule=Rule("equal", margin=0.1))),
         "judges 'alike' with margin = 0.05, not 0.1"),
        ((replace(BY, quantities=(replace(BY.quantities[0], figure=0.4),)), ALIKE),
         r"judges 'gain' with figures = 0.3, not 0.4"),
        ((replace(BY, quantities=BY.quantities * 2), ALIKE),
         "judges 'gain' by other quantities"),
        ((BY, replace(ALIKE, rule=Rule("better"))), "judges 'alike' with kind = equal, not better"),
        ((BY, replace(ALIKE, quantities=(replace(ALIKE.quantities[0], metric="f1"),))),
         "judges 'alike' by other quantities"),
        ((BY,), "has the claim 'alike', which is not asked now"),
        ((BY, ALIKE, replace(ALIKE, id="late")), "lacks the claim 'late'"),
    ],
)  # fmt: skip
def test_limits_are_fixed_before_the_first_run(
    tmp_path: Path, claims: tuple[Claim, ...], message: str
) -> None:
    begin(tmp_path, plan())
    begin(tmp_path, plan())
    begin(tmp_path, plan(ALIKE, BY))  # their order is no limit
    with pytest.raises(RunError, match=message) as caught:
        begin(tmp_path, plan(*claims))
    assert "these are fixed before the first run: choose another --out" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_limits_of_the_paper_are_part_of_its_folders(tmp_path: Path) -> None:
    chosen = PAPER.plan(PAPER.quick)
    begin(tmp_path, chosen)
    held = json.loads((tmp_path / "study.json").read_text())
    assert held["limits"] == chosen.limits
    limits = held["limits"]["o1o2_over_frozen"]
    assert [q["plus"] for q in limits.pop("quantities")] == [
        [{"label": "O1+O2", "frozen": False}]
    ] * 2
    assert limits == {
        "kind": "better_by",
        "margin": None,
        "delta": 0.02,
        "figures": [0.66, 0.64],
    }


def test_a_folder_of_other_rules_is_refused_in_one_line(tmp_path: Path) -> None:
    """As resqunn left it when it looked at means."""
    chosen = plan()
    begin(tmp_path, chosen)
    from resqunn import __version__

    for old in ({}, {"rules": 1, "limits": chosen.limits}):
        content = {"resqunn": __version__, "options": chosen.options} | old
        (tmp_path / "study.json").write_bytes(sealed("study.json", content))
        with pytest.raises(RunError, match="was begun under other rules of judging") as caught:
            begin(tmp_path, chosen)
        assert "choose another --out" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_results_of_other_rules_are_refused_in_one_line(tmp_path: Path) -> None:
    content = {"resqunn": "0.1.0", "claims": [{"verdict": "reproduced"}]}
    (tmp_path / "summary.json").write_bytes(sealed("summary.json", content))
    for use in (open_results, write_report):
        with pytest.raises(RunError, match="was judged by other rules than this version") as caught:
            use(tmp_path)
        assert "run the command that made it again with another --out" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seeds", [(0,), (1, 0), (0, 2), (1, 0, 2), (0, 2, 1)])
def test_seeds_are_neither_dropped_nor_reordered(tmp_path: Path, seeds: tuple[int, ...]) -> None:
    begin(tmp_path, plan())
    with pytest.raises(RunError, match="holds results with seeds = 0 1, not"):
        begin(tmp_path, plan(seeds=seeds))
    more = plan(seeds=(0, 1, 2))
    with (
        pytest.raises(RunError, match="with epochs = 1, not 2"),
        opened(tmp_path, more.options | {"epochs": 2}, more.limits),
    ):
        pass


def test_more_seeds_may_follow(tmp_path: Path) -> None:
    run(plan(), tmp_path / "a")
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "a/runs").glob("*/*")}
    assert len(list((tmp_path / "a/runs").iterdir())) == 4
    more = plan(seeds=(0, 1, 2))
    looked = run(more, tmp_path / "a").results
    assert {path: path.stat().st_mtime_ns for path in made} == made
    at_once = run(more, tmp_path / "b").results
    assert looked.claims == at_once.claims
    assert looked.claims[0].variants[0].seeds == 3
    for name in ("claims", "seeds"):
        a, b = (tmp_path / folder / f"tables/{name}.csv" for folder in ("a", "b"))
        assert a.read_bytes() == b.read_bytes()
    with pytest.raises(RunError, match="holds results with seeds = 0 1 2, not 0 1"):
        run(plan(), tmp_path / "a")


def test_claims_have_ids_of_their_own() -> None:
    with pytest.raises(ConfigurationError, match="the ids of claims must differ, got 'gain' twice"):
        plan(BY, BY)
