"""A paper of somebody else, as they would write it: one study, one claim."""

from dataclasses import replace

from resqunn.lab import Claim, Quantity, Rule, Series, Study, Term, TrainConfig
from resqunn.papers import Options, Paper

NETWORK = TrainConfig(wiring="none", depths=(1,), per_class=20)


def studies(options: Options) -> list[Study]:
    network = replace(NETWORK, data=options.data, epochs=options.epochs)
    series = [
        Series(ansatz, replace(network, ansatz=ansatz), options.seeds)
        for ansatz in ("rx_ring", "ry_ring")
    ]
    return [Study("rings", "Two rings", tuple(series), "Fig. 1", "RY is better.", figures=("1",))]


CLAIM = Claim(
    "ry_over_rx", "Fig. 1", "RY rotations are better than RX.", "better", Rule("better"),
    ("1",), "rings",
    (Quantity("validation_accuracy", (Term("ry_ring"),), (Term("rx_ring"),)),),
)  # fmt: skip

PAPER = Paper(
    name="rings",
    title="Rings of RX and of RY",
    citation="Nobody (1999)",
    figures=("1",),
    studies=studies,
    claims=(CLAIM,),
)
