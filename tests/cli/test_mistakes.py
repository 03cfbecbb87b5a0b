"""A mistake in the command line: one line that says what would be right, and exit code 2."""

import pytest

from resqunn.cli import main
from resqunn.cli.command_line import parsed

ERROR = "resqunn: error: "


@pytest.mark.parametrize(
    ("line", "message"),
    [
        # commands
        ("trian", "unknown command 'trian'; did you mean 'train'? (there are: train, resume"),
        ("help", "unknown command 'help' (there are: train, resume, evaluate"),
        ("--epochs 3", "--epochs comes before the command: write resqunn COMMAND --epochs"),
        ("--version now", "--version comes before the command"),
        # options
        ("train --epoch 3", "resqunn train has no option --epoch; did you mean --epochs?"),
        ("train --epoch=3", "resqunn train has no option --epoch; did you mean --epochs?"),
        ("train --batch_siz 3", "has no option --batch_siz; did you mean --batch-size?"),
        ("train --no-softmx", "has no option --no-softmx; did you mean --no-softmax?"),
        ("wirings --layer 3", "did you mean --layers? (see: resqunn wirings --help)"),
        ("reproduce --figure 8", "did you mean --figures? (see: resqunn reproduce --help)"),
        ("train --lr 0.1", "has no option --lr; did you mean --learning-rate?"),
        ("train --bs 8", "did you mean --batch-size?"),
        ("train -o x", "has no option -o; did you mean --out?"),
        ("reproduce --n_epochs 3", "has no option --n_epochs; did you mean --epochs?"),
        ("train --version", "resqunn train has no option --version (see: resqunn train --help)"),
        ("draw --output x", "has no option --output: it prints its result, which your shell"),
        ("report --output x", "resqunn report has no option --output (see: resqunn report"),
        ("draw -x", "resqunn draw has no option -x (see: resqunn draw --help)"),
        # values of a wrong type
        ("train --epochs many", "--epochs must be a whole number, got 'many' (see: resqunn train"),
        ("train --epochs 1.5", "--epochs must be a whole number, got '1.5'"),
        ("train --epochs=3x", "--epochs must be a whole number, got '3x'"),
        ("train --batch_size 1e3", "--batch-size must be a whole number, got '1e3'"),
        ("train --learning-rate fast", "--learning-rate must be a number, got 'fast'"),
        ("train --depths 1 x", "--depths must be a sequence of whole numbers, got '1 x'"),
        ("train --measured a", "--measured must be a sequence of whole numbers, got 'a'"),
        ("train --per-class some", "--per-class must be a whole number or 'all', got 'some'"),
        ("draw --values x", "--values must be a whole number, got 'x'"),
        ("draw --inputs 1 b --qasm", "--inputs must be a sequence of numbers, got '1 b'"),
        (
            "reproduce --seeds many",
            "seeds must be a number from 1 to 1000, or a range",
        ),
        # values outside a list
        ("train --head dense", "unknown value of --head: 'dense' (there are: linear, quantum)"),
        ("evaluate x --checkpoint last", "did you mean 'latest'? (there are: best, latest)"),
        # missing
        ("train --epochs", "--epochs needs a whole number (see: resqunn train --help)"),
        ("train --out", "--out needs a path (see: resqunn train --help)"),
        ("train --preset", "--preset needs 'resqunn' or 'paper'"),
        ("resume", "resqunn resume needs a FOLDER (see: resqunn resume --help)"),
        ("report", "resqunn report needs a FOLDER"),
        ("evaluate --json", "resqunn evaluate needs a FOLDER"),
        # too much
        ("train extra", "nothing is expected after train, but there is 'extra'"),
        ("resume a b", "nothing is expected after a, but there is 'b'"),
        ("train --softmax yes", "nothing is expected after --softmax, but there is 'yes'"),
        ("wirings --json=true", "nothing is expected after --json, but there is 'true'"),
        ("wirings --layers 2 3", "nothing is expected after 2, but there is '3'"),
        ("train --epochs 3 gradients", "nothing is expected after 3, but there is 'gradients'"),
    ],
)
def test_one_line_says_what_would_be_right(
    capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    told = capsys.readouterr()
    assert caught.value.code == 2
    assert told.err.startswith(ERROR)
    assert message in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_a_command_line_that_is_right_is_read() -> None:
    command = parsed(["train", "--preset=paper", "--batch_size", "8", "--no-softmax", "--seed=3"])
    assert (command.config.batch_size, command.config.seed) == (8, 3)
    assert command.config.ansatz == "rx_chain"
    assert not command.config.softmax
    assert command.config.reupload


def test_a_version_of_the_parser_without_the_hook_still_exits_with_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resqunn.cli.mistakes.on_parse_error", None)
    with pytest.raises(SystemExit) as caught:
        main(["train", "--epoch", "3"])
    assert caught.value.code == 2
    assert "--epochs" in capsys.readouterr().err
