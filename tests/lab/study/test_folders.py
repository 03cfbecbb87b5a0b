"""A results folder and the command that goes on with it: what is refused, and where it says so."""

from pathlib import Path
from typing import Any

import pytest
from lab.study.questions import KEYS, NETWORK, write

from resqunn.cli import main
from resqunn.errors import RunError
from resqunn.lab import Inquiry, open_results, run
from resqunn.lab.study.folder import check_ours, opened

LONG = "Training the circuits of this network raises its accuracy on images that it has not seen"
ASKED = KEYS["question"][0] | {"claim": f"{LONG} today."}
KEPT = KEYS | {"question": [ASKED]}


def of(**changes: Any) -> Inquiry:
    return Inquiry.of(KEPT | changes)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three seeds, one more than its file asks for."""
    out = tmp_path_factory.mktemp("held") / "out"
    run(of(seeds=3).plan(), out)
    return out


def said(path: Path, out: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """The one line that the command refuses with."""
    with pytest.raises(SystemExit) as caught:
        main(["study", str(path), "--out", str(out), "--workers", "1", *more])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"question": [ASKED | {"claim": f"{LONG} tomorrow."}]},
         "1: claim was '...t it has not seen today.', is now '...t it has not seen tomorrow.'"),
        ({"title": "Another?"}, "holds results with title = Does training help?, not Another?"),
        ({"delta": 0.03}, "judges question 1 ('Training the circuits of this network raises"),
        ({"network": NETWORK | {"epochs": 2}}, "network: epochs was 1, is now 2"),
    ],
)  # fmt: skip
def test_a_look_ahead_refuses_what_the_run_refuses(
    held: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    words: str,
) -> None:
    path = write(tmp_path / "q.toml", **(KEPT | changes))
    lines = {said(path, held, capsys, *more) for more in ((), ("--plan",), ("--seeds", "2"))}
    (line,) = lines
    assert words in line


def test_fewer_networks_to_beat_are_other_quantities(tmp_path: Path) -> None:
    networks = KEYS["networks"] | {"more": {"epochs": 2}}
    asked = [KEYS["question"][0] | {"than": than} for than in (["frozen", "more"], ["frozen"])]
    first, fewer = (
        Inquiry.of(KEYS | {"networks": networks, "question": [each]}).plan() for each in asked
    )
    with opened(tmp_path, first.options, first.limits):
        pass
    with pytest.raises(RunError, match=r"judges question 1 \('Training helps.'\) by other quant"):
        check_ours(tmp_path, fewer.options, fewer.limits)


def test_files_in_the_way_are_told_ahead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").touch()
    path = write(tmp_path / "q.toml", **KEPT)
    assert "holds other files" in said(path, tmp_path / "out", capsys, "--plan")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("more", [(), ("--plan",)])
@pytest.mark.parametrize("name", ["out", "out/deep/er"])
def test_a_file_in_the_place_of_the_folder_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, more: tuple[str, ...]
) -> None:
    (tmp_path / "out").write_text("mine")
    line = said(write(tmp_path / "q.toml", **KEPT), tmp_path / name, capsys, *more)
    assert f"{tmp_path / 'out'} is a file, not a folder: choose another --out" in line
    assert "make room" not in line
    assert (tmp_path / "out").read_text() == "mine"


def test_a_damaged_run_is_told_ahead(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, out = of().plan(), tmp_path / "out"
    run(plan, out)
    path = out / "runs" / plan.runs[0].key / "result.json"
    path.write_bytes(path.read_bytes().replace(b"0.", b"1.", 1))
    assert "result.json" in said(write(tmp_path / "q.toml", **KEPT), out, capsys, "--plan")


def test_seeds_that_a_folder_has_are_kept(
    held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def runs() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in held.glob("runs/*/*")}

    before, path = runs(), write(tmp_path / "q.toml", **KEPT)
    main(["study", str(path), "--out", str(held), "--workers", "1", "--plan"])
    assert "there are 3 in " in capsys.readouterr().out
    main(["study", str(path), "--out", str(held), "--workers", "1"])
    out = capsys.readouterr().out
    assert "runs     6, 6 of them done" in out
    assert f"there are 3 in {held}, more than the file asks for" in out
    assert runs() == before
    assert open_results(held).studies[0].series[0].seeds == (0, 1, 2)
    line = said(path, held, capsys, "--seeds", "2")
    assert "holds results with seeds = 0 1 2, not 0 1: ask for --seeds 3, or choose" in line
