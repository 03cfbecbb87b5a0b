"""What the paper leaves open, as named switches.

The first value of each switch is the paper as written (preset "paper" of a run).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args, get_type_hints

from resqunn.lab.training.config import TrainConfig


@dataclass(frozen=True)
class Interpretation:
    """One choice for every open question."""

    gradients: Literal["cut inputs", "true gradients"] = "cut inputs"
    """Whether derivatives with respect to a layer's input are passed on (Sec. 5.1.1)."""

    upload: Literal["re-upload", "once"] = "re-upload"
    """Whether each repetition encodes again (Eq. 8) or only the first (gates of Sec. 1.1)."""

    softmax: Literal["double softmax", "logits"] = "double softmax"
    """Whether the head applies a softmax before the cross entropy's own (Sec. 3.1.1)."""

    readout: Literal["mean readout", "readout per qubit"] = "mean readout"
    """One channel in all (Table 2) or one a qubit (Sec. 3.1, step 4)."""

    measured: Literal["last wires", "first wires"] = "last wires"
    """Which four of the quantum head's ten wires are measured (Sec. 3.1.2)."""

    def name(self, written: Interpretation) -> str:
        """ "as written", or what differs from that."""
        changed = [
            getattr(self, switch)
            for switch in SWITCHES
            if getattr(self, switch) != getattr(written, switch)
        ]
        return ", ".join(changed) or "as written"

    def applied(self, config: TrainConfig) -> TrainConfig:
        """The configuration in this interpretation.

        Settings without effect get one value, so that equal runs are recognised: a frozen
        network, or one of a single layer, has no use for derivatives of its layers' inputs.
        """
        cuts = self.gradients == "cut inputs" or not config.trainable or len(config.depths) == 1
        first = self.measured == "first wires" and config.head == "quantum"
        return replace(
            config,
            input_gradients=not cuts,
            reupload=self.upload == "re-upload",
            softmax=self.softmax == "double softmax",
            readout="mean_z" if self.readout == "mean readout" else "z",
            measured=tuple(range(config.num_classes or 0)) if first else None,
        )


SWITCHES: dict[str, tuple[str, ...]] = {
    name: get_args(hint) for name, hint in get_type_hints(Interpretation).items()
}
"""Every switch and its values, the paper's first."""

AS_WRITTEN = Interpretation()


def interpretations(
    written: Interpretation, which: str, switches: Iterable[str]
) -> list[Interpretation]:
    """The interpretations of a study: the paper as written first, then those with few changes.

    Args:
        written: what the paper says of this study.
        which: "default" (as written, and the same with true gradients) or "all" (every
            combination of the switches).
        switches: those that the study's claims depend on.
    """
    chosen = set(switches) if which == "all" else set(switches) & {"gradients"}
    values = [SWITCHES[name] if name in chosen else (getattr(written, name),) for name in SWITCHES]
    every = [Interpretation(*combination) for combination in itertools.product(*values)]  # pyright: ignore[reportArgumentType]

    def changes(interpretation: Interpretation) -> int:
        return sum(getattr(interpretation, name) != getattr(written, name) for name in SWITCHES)

    return sorted(every, key=changes)
