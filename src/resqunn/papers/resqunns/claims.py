"""The paper's claims, one entry a claim. To add a claim, add an entry to `CLAIMS`.

Their limits are fixed here, before any run: the paper's figures, margins where it says "alike",
and 2 points as the smallest difference that matters. The facts that are checked one by one are in
`checklists.py`; how a claim is measured and judged is defined in the laboratory
(`lab/study/claims.py` and `rules.py`).
"""

from __future__ import annotations

from resqunn.lab.study.claims import Claim
from resqunn.lab.study.finished import METRICS
from resqunn.lab.study.questions import Quantity, Rule, Term
from resqunn.papers.resqunns import checklists

FACTS = Rule("facts")
BETTER = Rule("better")
BETTER_BY = Rule("better_by")

ALIKE = Rule("equal", margin=0.05)
"""Of networks that the paper calls alike."""

MAINLY = Rule("equal", margin=0.10)
"""Of a network whose head does most of the work."""

HARDLY = Rule("at_most", margin=0.10)
"""Of networks that learn nothing, or next to nothing."""

PARTIAL = ("none", "X+O1", "X+O2")
"""Wirings that, as written, reach the last layer alone."""

FULL = ("O1+O2", "(X+O1)+O2")
"""Wirings that, as written, reach both layers."""


Figures = tuple[float | None, float | None]
"""Of training and validation accuracy."""


def _both(
    *pairs: tuple[tuple[str, ...], tuple[str, ...]], figures: Figures = (None, None)
) -> tuple[Quantity, ...]:
    """Training and validation accuracy of trained networks minus trained networks."""
    return tuple(
        Quantity(metric, tuple(map(Term, plus)), tuple(map(Term, minus)), figure)
        for plus, minus in pairs
        for metric, figure in zip(METRICS, figures, strict=True)
    )


def _frozen(*labels: str, figures: Figures = (None, None)) -> tuple[Quantity, ...]:
    """Each network minus its benchmark with frozen layers."""
    return tuple(
        Quantity(metric, (Term(label),), (Term(label, frozen=True),), figure)
        for label in labels
        for metric, figure in zip(METRICS, figures, strict=True)
    )


def _over_chance(*labels: str) -> tuple[Quantity, ...]:
    return tuple(
        Quantity(metric, (Term(label),), kind="above_chance")
        for label in labels
        for metric in METRICS
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "trainable_over_untrainable",
        "Sec. 1.1, Fig. 2",
        "Training the quanvolutional layer of a one-layer network raises its accuracy.",
        "about +36 %",
        BETTER_BY,
        ("2",),
        "fig2",
        _frozen("one layer", figures=(0.36, 0.36)),
    ),
    Claim(
        "gradients_two_layers",
        "Sec. 1.1 and 5.1.1, Fig. 3 and 7",
        "Of two layers the first gets a gradient with O1+O2 and (X+O1)+O2 alone.",
        "both layers with O1+O2 and (X+O1)+O2; the last alone with none, X+O1, X+O2",
        FACTS,
        ("3", "7"),
        facts=checklists.two_layers,
    ),
    Claim(
        "gradients_any_depth",
        "Fig. 7 (caption)",
        "The depth of the circuits does not change which layers get a gradient.",
        "gradients are shown for depth 1 and said to hold for any",
        FACTS,
        ("7",),
        facts=checklists.any_depth,
    ),
    Claim(
        "gradients_three_layers",
        "Sec. 5.2, Fig. 11",
        "Of 15 wirings of three layers two give every layer a gradient.",
        "(O1+O2)+O3 and ((X+O1)+O2)+O3",
        FACTS,
        ("3", "11"),
        facts=checklists.three_layers,
    ),
    Claim(
        "none_does_not_train",
        "Sec. 5.1.2, Fig. 8",
        "Without residual connections two layers do not learn.",
        "no training",
        HARDLY,
        ("8",),
        "fig8",
        _over_chance("none"),
    ),
    Claim(
        "residuals_help",
        "Sec. 5.1.2, Fig. 8",
        "Every residual wiring trains better than none.",
        "consistently better",
        BETTER,
        ("8",),
        "fig8",
        _both(*(((w,), ("none",)) for w in ("X+O1", "X+O2", *FULL))),
    ),
    Claim(
        "o1o2_over_xo1",
        "Sec. 5.1.2, Fig. 8",
        "O1+O2, which reaches both layers, is far better than X+O1, which reaches one.",
        "+31 % training, +45 % validation",
        BETTER_BY,
        ("8",),
        "fig8",
        _both((("O1+O2",), ("X+O1",)), figures=(0.31, 0.45)),
    ),
    Claim(
        "input_to_head_is_best",
        "Sec. 5.1.2, Fig. 8",
        "The two wirings that lead the input to the head are better than the other three.",
        "X+O2 and (X+O1)+O2 outperform the rest",
        BETTER,
        ("8",),
        "fig8",
        _both(*((("X+O2", "(X+O1)+O2"), (other,)) for other in ("O1+O2", "X+O1", "none"))),
    ),
    Claim(
        "input_to_head_is_alike",
        "Sec. 5.1.2, Fig. 8",
        "X+O2 and (X+O1)+O2 perform alike.",
        "very similar",
        ALIKE,
        ("8",),
        "fig8",
        _both((("X+O2",), ("(X+O1)+O2",))),
    ),
    Claim(
        "full_flow_is_superior",
        "Sec. 5.1.2, after Fig. 8",
        "Wirings that reach both layers are superior to every wiring that reaches one.",
        "argued to be so inherently",
        BETTER,
        ("8",),
        "fig8",
        _both(*(((f,), (p,)) for f in FULL for p in PARTIAL)),
    ),
    Claim(
        "none_as_frozen",
        "Sec. 5.1.2, Fig. 9",
        "Without residuals, training the quanvolutional layers makes no difference.",
        "very similar, minimal or no training in both",
        ALIKE,
        ("9",),
        "fig9",
        _frozen("none"),
    ),
    Claim(
        "xo1_mainly_head",
        "Sec. 5.1.2, Fig. 9",
        "With X+O1 the classical head does most of the work.",
        "predominantly influenced by the classical layer",
        MAINLY,
        ("9",),
        "fig9",
        _frozen("X+O1"),
    ),
    Claim(
        "o1o2_over_frozen",
        "Sec. 5.1.2, Fig. 9",
        "With O1+O2 the quanvolutional layers drive the learning.",
        "+66 % training, +64 % validation over frozen layers",
        BETTER_BY,
        ("9",),
        "fig9",
        _frozen("O1+O2", figures=(0.66, 0.64)),
    ),
    Claim(
        "input_to_head_as_frozen",
        "Sec. 5.1.2, Fig. 9",
        "With X+O2 and (X+O1)+O2 frozen layers do as well as trained ones.",
        "a close approximation",
        ALIKE,
        ("9",),
        "fig9",
        _frozen("X+O2", "(X+O1)+O2"),
    ),
    Claim(
        "quantum_head_partial",
        "Sec. 5.1.2, Fig. 10",
        "With a quantum head, wirings that reach one layer hardly learn.",
        "no to negligible training with none, X+O1, X+O2",
        HARDLY,
        ("10",),
        "fig10",
        _over_chance(*PARTIAL),
    ),
    Claim(
        "quantum_head_full",
        "Sec. 5.1.2, Fig. 10",
        "With a quantum head, wirings that reach both layers are better than all others.",
        "O1+O2 and (X+O1)+O2 clearly better (the text says X+O2, which must be O1+O2)",
        BETTER,
        ("10",),
        "fig10",
        _both(*(((f,), (p,)) for f in FULL for p in PARTIAL)),
    ),
    Claim(
        "table_2",
        "Table 2",
        "Zero padding gives the heads 49, 196, 196, 784 and 784 features.",
        "7x7, 14x14, 14x14, 28x28, 28x28 for the five wirings, images of 28x28",
        FACTS,
        (),
        facts=checklists.feature_sizes,
    ),
    Claim(
        "table_3",
        "Table 3",
        "The runs use the paper's data sizes and hyperparameters.",
        "10 x 200 or 4 x 200 images split 80/20, batch 16, Adam at 0.01, 2x2 kernels on 4 qubits, "
        "30 epochs",
        FACTS,
        (),
        facts=checklists.hyperparameters,
    ),
)  # fmt: skip
