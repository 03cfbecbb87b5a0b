"""The loss after each of 20 steps, for every wiring of two layers and every interpretation.

Written by the reference engine; the long form of `test_determinism.py` holds PennyLane's
default.qubit to the same numbers. They change with the networks, the batch order, the
optimiser or torch's random numbers. Where that is meant, write them anew and say why:

    PYTHONPATH=tests python -m reliability.golden
"""

import itertools
import json
from dataclasses import replace
from pathlib import Path

from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.lab.training.evaluation import prepare
from resqunn.lab.training.session import Session, threads
from resqunn.lab.training.stack import Learner, Stack
from resqunn.nn.wiring import Wiring

FILE = Path(__file__).with_name("golden_losses.json")
EPOCHS, STEPS = 5, 20

CONFIGS: dict[str, TrainConfig] = {
    f"{wiring}, {encoded}, {derivatives}": replace(
        PRESETS["paper"],
        wiring=str(wiring),
        reupload=encoded == "re-upload",
        input_gradients=derivatives == "true",
        per_class=8,
        epochs=EPOCHS,
        seed=3,
        dtype="float64",
        engine="statevector",
    )
    for wiring, encoded, derivatives in itertools.product(
        Wiring.all(2), ("re-upload", "once"), ("cut", "true")
    )
}


def losses(config: TrainConfig) -> list[float]:
    """The mean loss of the epoch so far, after each step."""
    session, found = Session(config), []
    with threads(config.threads):
        data = prepare(session.model, session.train)
        learner = Learner(
            session.model,
            session.optimizer,
            data,
            config.seed,
            on_batch=lambda number, count, loss, accuracy: found.append(loss),
        )
        stack = Stack([learner], config.batch_size)
        for epoch in range(1, EPOCHS + 1):
            stack.train_epoch([epoch])
    return found


def main() -> None:
    golden = {name: [round(loss, 12) for loss in losses(c)] for name, c in CONFIGS.items()}
    lines = ",\n".join(
        f" {json.dumps(name)}: {json.dumps(curve)}" for name, curve in golden.items()
    )
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
