"""The CSV tables: every number of the results, and no formula of a stranger."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from resqunn.errors import RunError
from resqunn.lab.study.questions import Term
from resqunn.lab.study.results import Results
from resqunn.lab.study.tables import write_tables

import sample_results


@pytest.fixture(scope="module")
def results() -> Results:
    return sample_results.results()


@pytest.fixture(scope="module")
def tables(results: Results, tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("results")
    return {name.removesuffix(".csv"): read(folder / "tables" / name)
            for name in write_tables(folder, results)}  # fmt: skip


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_there_is_one_table_for_each_kind_of_number(tables: dict) -> None:
    assert set(tables) == {"claims", "final", "seeds", "epochs", "gradients", "norms"}
    assert all(rows for rows in tables.values())


def test_series_by_metric_seed_and_epoch(tables: dict, results: Results) -> None:
    series = [(study, one) for study in results.studies for one in study.series]
    assert len(tables["final"]) == sum(len(one.final) for _, one in series)
    study, first = series[1]
    expected = first.final["train_accuracy"]
    row = next(r for r in tables["final"] if (r["study"], r["frozen"]) == (study.id, "true"))
    assert (row["label"], row["variant"]) == (first.label, first.variant)
    assert row["metric"] == "train_accuracy"
    assert float(row["median"]) == expected.median
    assert (float(row["mean"]), float(row["std"])) == (expected.mean, expected.std)
    assert (float(row["low"]), float(row["high"])) == expected.interval
    assert (row["count"], row["learn"], row["num_weights"]) == ("20", "20", "7866")
    learn = first.learns["train_accuracy"].interval
    assert (float(row["learn_low"]), float(row["learn_high"])) == learn
    seeds = tables["seeds"][:20]
    assert [int(row["seed"]) for row in seeds] == list(range(20))
    values = results.studies[0].series[0].final["train_accuracy"].values
    assert [float(row["value"]) for row in seeds] == list(values)
    curve = results.studies[0].series[0].curves["train_accuracy"]
    last = tables["epochs"][29]
    assert (last["metric"], last["epoch"]) == ("train_accuracy", "30")
    found = tuple(float(last[name]) for name in ("median", "low", "high"))
    assert found == (curve.median[-1], curve.low[-1], curve.high[-1])


def test_claims_gradients_and_norms(tables: dict, results: Results) -> None:
    row = next(r for r in tables["claims"] if r["claim"] == "one_gain")
    assert (row["plus"], row["plus_frozen"]) == ("one layer", "false")
    assert (row["minus"], row["minus_frozen"]) == ("one layer", "true")
    assert (row["metric"], row["kind"], row["unit"]) == ("train_accuracy", "difference", "points")
    assert (row["rule"], row["margin"], row["delta"]) == ("better", "", "0.02")
    assert (row["source_figure"], row["verdict"], row["seeds_needed"]) == ("", "contradicted", "")
    found = next(c for c in results.claims if c.id == "one_gain").variants[0].measured[0]
    assert found.beyond is not None
    assert int(row["beyond"]) == found.beyond.count
    assert (float(row["beyond_low"]), float(row["beyond_high"])) == found.beyond.interval
    assert float(row["superiority"]) == found.superiority
    row = next(r for r in tables["claims"] if r["claim"] == "o1o2_over_xo1")
    assert (row["rule"], row["source_figure"]) == ("better_by", "0.31")
    row = next(r for r in tables["claims"] if r["claim"] == "frozen_alike")
    assert (row["margin"], row["seeds_needed"]) == ("0.05", "35")
    states = {(r["study"], r["label"], r["setting"], r["layer"]): r for r in tables["gradients"]}
    assert len(states) == 2 * (5 * 2 + 15 * 3)
    assert states["layers2", "none", "cut", "O1"]["state"] == "none"
    assert states["layers2", "none", "cut", "O1"]["norm"] == ""
    assert states["layers2", "none", "true", "O1"]["norm"] == "0.0"
    norms = results.studies[-1].norms
    assert len(tables["norms"]) == sum(len(row.norms) for row in norms)
    assert float(tables["norms"][0]["norm"]) == norms[0].norms[0]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", "＝1"])
def test_text_is_never_a_formula(tmp_path: Path, text: str) -> None:
    small = sample_results.small()
    claim = small.claims[2]
    variant = claim.variants[0]
    quantity = replace(variant.measured[0].quantity, plus=(Term(text),), metric=text)
    variant = replace(variant, measured=(replace(variant.measured[0], quantity=quantity),))
    claim = replace(claim, id=text, variants=(variant,))
    study = replace(small.studies[0], id=text)
    write_tables(tmp_path, replace(small, claims=(claim,), studies=(study,)))
    (row,) = read(tmp_path / "tables/claims.csv")
    found = [row["claim"], row["plus"], row["metric"]]
    found.append(read(tmp_path / "tables/final.csv")[0]["study"])
    for cell in found:
        assert cell.startswith("'")
        assert cell[2:] == text[1:] or cell == f"'{text}"


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    small = sample_results.small()
    claim = small.claims[2]
    variant = claim.variants[0]
    row = variant.measured[0]
    below = replace(row, stats=replace(row.stats, mean=-0.25))
    claim = replace(claim, variants=(replace(variant, measured=(below,)),))
    write_tables(tmp_path, replace(small, claims=(claim,)))
    assert read(tmp_path / "tables/claims.csv")[0]["mean"] == "-0.25"


def test_bytes_depend_on_the_results_alone(tmp_path: Path, results: Results) -> None:
    later = replace(results, created="2030-01-01T00:00:00Z", seconds=1.0)
    for folder, found in ((tmp_path / "a", results), (tmp_path / "b", later)):
        write_tables(folder, found)
    for path in (tmp_path / "a/tables").iterdir():
        assert path.read_bytes() == (tmp_path / "b/tables" / path.name).read_bytes()


def test_a_link_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "tables").symlink_to(elsewhere)
    with pytest.raises(RunError, match="is a symbolic link"):
        write_tables(tmp_path, sample_results.small())
    assert list(elsewhere.iterdir()) == []
