"""What the commands show when they are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from resqunn.cli.console import console, shown

if TYPE_CHECKING:
    from resqunn.analysis.circuit_report import CircuitReport, Estimate
    from resqunn.analysis.gradient_flow import GradientFlow
    from resqunn.data.sources import Source
    from resqunn.lab.study.inquiry import Inquiry
    from resqunn.lab.study.outlook import Outlook
    from resqunn.lab.study.questions import ClaimResult, Measurement, VariantResult
    from resqunn.lab.study.results import Results
    from resqunn.lab.training.noisy_evaluation import NoisyScores
    from resqunn.lab.training.run import Run
    from resqunn.lab.training.scores import FinalScores, ScoredEpoch
    from resqunn.nn.wiring import Wiring

SHOWN_EPOCHS = 10
"""Lines of the table of epochs, spread evenly."""

MOST_QUANTITIES = 4
"""Quantities of a claim that are all shown; of more only the one that decides."""


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))


METRICS = {
    "accuracy": ("accuracy", True),
    "balanced_accuracy": ("balanced accuracy", True),
    "f1": ("F1", False),
    "auroc": ("AUROC", False),
    "average_precision": ("average precision", False),
    "matthews": ("Matthews correlation", False),
    "loss": ("mean cross entropy", False),
    "calibration_error": ("calibration error", False),
}
"""What each metric is called, and whether it is shown in per cent."""


def report(run: Run, scores: FinalScores | None) -> None:
    """A run's epochs, what it scores in the end, and where it is."""
    chosen = "" if run.config.metric == "accuracy" else METRICS[run.config.metric][0]
    table = _table()
    for name in ("epoch", "loss", "train acc.", "valid. acc."):
        table.add_column(name, justify="right")
    if chosen:
        table.add_column(f"valid. {chosen}", justify="right")
    parts = list(run.epochs[-1].gradient_norms) if run.epochs else []
    for part in parts:
        table.add_column(f"|grad {part}|", justify="right")
    count = len(run.epochs)
    step = max(1, -(-count // SHOWN_EPOCHS))
    for epoch in run.epochs:
        if (count - epoch.epoch) % step == 0 or epoch is run.best:
            norms = [epoch.gradient_norms[part] for part in parts]
            table.add_row(
                f"{epoch.epoch}{'*' if epoch is run.best else ' '}",
                f"{epoch.loss:.4f}",
                f"{epoch.train_accuracy:.1%}",
                f"{epoch.validation_accuracy:.1%}",
                *([f"{run.value(epoch):.4f}"] if chosen else []),
                *("none" if norm is None else f"{norm:.2e}" for norm in norms),
            )
    console.print(table)
    last, best = run.epochs[-1], run.best
    if run.stopped_early and len(run.epochs) < run.config.epochs:
        console.print(
            f"\nstopped after {last.epoch} of {run.config.epochs} epochs: {run.config.patience} "
            f"without a better {METRICS[run.config.metric][0]} on validation images"
        )
    console.print(
        f"\nfinal: {last.train_accuracy:.1%} train, {last.validation_accuracy:.1%} validation; "
        f"best*: {best.validation_accuracy:.1%} validation in epoch {best.epoch}"
    )
    if scores is not None:
        console.print()
        of = {f"best epoch ({best.epoch})": scores.best, f"last epoch ({last.epoch})": scores.last}
        metrics(of)
    console.print(
        f"\nsaved in {shown(run.folder)}; look closer with: resqunn evaluate "
        f"{shown(run.folder)}" + (f" --model {shown(run.config.model)}" if run.config.model else "")
    )


def metrics(epochs: Mapping[str, ScoredEpoch]) -> None:
    """The metrics of networks after an epoch, on validation and test images."""
    table = _table()
    table.add_column("metric", no_wrap=True)
    columns = []
    for name, of in epochs.items():
        for split, found in (("validation", of.validation), ("test", of.test)):
            if found is not None:
                table.add_column(f"{name}\n{split}" if name else split, justify="right")
                columns.append(found)
    for key, (name, share) in METRICS.items():
        table.add_row(name, *(_metric(found[key], share) for found in columns))
    console.print(table)


def _metric(value: float | None, share: bool) -> str:
    if value is None:
        return "undefined"
    return f"{value:.1%}" if share else f"{value:.4f}"


def scores(folder: Path, checkpoint: str, found: ScoredEpoch, classes: Sequence[str]) -> None:
    """A run's scores, class by class, and its metrics."""
    table = _table()
    for name in ("class", "right", "of", "accuracy"):
        table.add_column(name, justify="right")
    right, totals = found.right, found.totals
    for name, hits, total in zip(classes, right, totals, strict=False):
        share = f"{hits / total:.1%}" if total else "-"
        table.add_row(shown(name), str(hits), str(total), share)
    if right:
        share = f"{sum(right) / sum(totals):.1%}"
        table.add_row("all", str(sum(right)), str(sum(totals)), share)
    console.print(
        f"{shown(folder)}, {checkpoint} checkpoint (epoch {found.epoch}), validation images"
    )
    console.print(table)
    console.print()
    metrics({"": found})


def noisy_scores(
    folder: Path, checkpoint: str, epoch: int, rows: Sequence[NoisyScores], images: str
) -> None:
    """A run's scores under each noise, with each number of shots."""
    table = _table()
    table.add_column("noise")
    for name in ("shots", "accuracy", "right", "of", "cross entropy"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            str(row.noise) or "none",
            "exact" if row.shots is None else str(row.shots),
            f"{row.scores.accuracy:.1%}",
            str(sum(row.scores.right)),
            str(sum(row.scores.total)),
            f"{row.scores.loss:.4f}",
        )
    console.print(f"{shown(folder)}, {checkpoint} checkpoint (epoch {epoch}), {shown(images)}")
    console.print(table)


def gradients(layers: int, rows: Sequence[tuple[Wiring, GradientFlow, GradientFlow]]) -> None:
    """For every wiring the state of each layer's gradient, under both settings."""
    table = _table()
    table.add_column("wiring")
    for setting in ("cut", "true"):
        for number in range(1, layers + 1):
            table.add_column(f"{setting} O{number}", justify="right")
    for wiring, cut, true in rows:
        cells = [
            layer.status if layer.status != "flows" else f"{layer.norm:.1e}"
            for flow in (cut, true)
            for layer in flow.layers
        ]
        name = f"{wiring} *" if cut.reaches_all else str(wiring)
        table.add_row(name, *(f"[dim]{c}[/]" if c == "none" else c for c in cells))
    console.print(
        "Norm of the loss gradient with respect to each layer's weights. cut: no derivative\n"
        "with respect to a layer's input, as in the paper's code; true: the whole derivative.\n"
        "none: no path from the loss; zero: a path, but the gradient vanishes identically.\n"
    )
    console.print(table)
    by_cut = sum(cut.reaches_all for _, cut, _ in rows)
    by_true = sum(true.reaches_all for _, _, true in rows)
    console.print(
        f"\nevery layer gets a gradient: cut {by_cut} of {len(rows)} (*), "
        f"true {by_true} of {len(rows)}"
    )


def wirings(layers: int, rows: Sequence[Wiring]) -> None:
    """Every wiring, with the layers that learn when derivatives are cut."""
    table = _table()
    table.add_column("wiring")
    table.add_column("layers that learn with cut derivatives")
    for wiring in rows:
        reached = [f"O{k}" for k, r in enumerate(wiring.reached(False), 1) if r]
        all_of_them = "  (all)" if len(reached) == layers else ""
        table.add_row(str(wiring), " ".join(reached) + all_of_them)
    console.print(table)
    full = sum(all(wiring.reached(False)) for wiring in rows)
    console.print(f"\n{len(rows)} wirings of {layers} layer(s), {full} of them reach every layer")


def circuit(report: CircuitReport) -> None:
    """What one circuit can do."""
    table = _table()
    table.add_column("quantity")
    for name in ("value", "error"):
        table.add_column(name, justify="right")
    estimates = (
        ("expressibility", report.expressibility),
        ("entangling capability", report.entangling_capability),
        ("gradient variance", report.gradient_variance),
    )
    for name, estimate in estimates:
        table.add_row(name, *_estimate(estimate))
    frequencies = report.frequencies
    sizes = {
        "dead weights": " ".join(map(str, report.dead_weights)) or "none",
        "frequencies of inputs": "-" if frequencies is None else " ".join(map(str, frequencies)),
        "gates": report.gates,
        "gates on two qubits or more": report.two_qubit_gates,
        "depth": report.depth,
        "weights": report.num_weights,
        "FLOPs of a patch": f"{report.flops:,}",
    }
    for name, size in sizes.items():
        table.add_row(name, str(size))
    console.print(table)


def circuits(rows: Mapping[tuple[int, int], CircuitReport]) -> None:
    """What several circuits can do, by their values and layers."""
    table = _table()
    names = "values", "depth", "weights", "dead"
    for name in (*names, "expressibility", "entangling cap.", "gradient variance"):
        table.add_column(name, justify="right", no_wrap=True)
    for (values, depth), report in rows.items():
        estimates = (
            report.expressibility,
            report.entangling_capability,
            report.gradient_variance,
        )
        table.add_row(
            *map(str, (values, depth, report.num_weights, len(report.dead_weights))),
            *("-" if e is None else " ± ".join(_estimate(e)) for e in estimates),
        )
    console.print(table)


def _estimate(estimate: Estimate | None) -> tuple[str, str]:
    """A value and its standard error."""
    return ("-", "-") if estimate is None else (f"{estimate.value:.4f}", f"{estimate.error:.4f}")


def datasets(rows: Sequence[Source], places: Sequence[str]) -> None:
    """The data set table."""
    table = _table()
    for name in ("name", "what", "default", "where"):
        table.add_column(name, no_wrap=True)
    for row, place in zip(rows, places, strict=True):
        subset = "all" if row.per_class is None else f"{len(row.classes)} x {row.per_class}"
        table.add_row(row.name, row.summary, subset, shown(place))
    console.print(table)


def outlook(inquiry: Inquiry, expected: Outlook, folder: Path, held: bool = False) -> None:
    """What a question takes, before anything is trained.

    Args:
        held: whether the folder has more seeds than the file asks for.
    """
    from resqunn.lab.study.options import worded

    runs = f"{expected.runs:,}"
    if expected.done:
        runs += f", {expected.done:,} of them done in {shown(folder)}"
    if expected.done < expected.runs:
        runs += f"; about {_about(expected.seconds)} to go"
    varied = "; ".join(
        f"{name} = {', '.join(map(worded, values))}" for name, values in inquiry.vary.items()
    )
    count = len(inquiry.numbers)
    enough = f"given from {expected.decides} seeds on; there are {count}"
    if held:
        enough += f" in {shown(folder)}, more than the file asks for"
    lines = {
        "question": inquiry.title,
        "networks": ", ".join(inquiry.networks),
        "varied": varied,
        "data": "; ".join(expected.data),
        "metric": f"{inquiry.metric} on {inquiry.split} images, {inquiry.epoch} epoch",
        "runs": runs,
        "verdicts": enough,
    }
    for name, text in lines.items():
        if text:
            console.print(f"{name:9}{shown(text)}")


def _about(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def verdicts(results: Results, path: Path) -> None:
    """Every claim with its verdict, and where the numbers are; of a question of one's own also
    what was measured, for which a paper's table has no room."""
    if any(claim.source for claim in results.claims):
        _verdicts_of_a_paper(results.claims)
    elif results.claims:
        _verdicts_of_a_question(results.claims)
    if results.source.warning:
        console.print(f"\n{shown(results.source.warning)}")
    for failure in results.failures:
        console.print(
            shown(
                f"failed twice: {failure.study}, {failure.label}, seed {failure.seed}: "
                f"{failure.error}"
            )
        )
    console.print(f"\nsummary  {shown(path)}")


def _verdicts_of_a_paper(claims: Sequence[ClaimResult]) -> None:
    from resqunn.lab.report.verdicts import verdict

    table = _table()
    for name in ("verdict", "claim", "source"):
        table.add_column(name, no_wrap=name == "verdict")
    for claim in claims:
        table.add_row(shown(verdict(claim)), shown(claim.statement), shown(claim.source))
    console.print(table)


def _verdicts_of_a_question(claims: Sequence[ClaimResult]) -> None:
    table = _table()
    for name in ("verdict", "measured", "seeds", "claim"):
        table.add_column(name, no_wrap=name != "claim")
    for claim in claims:
        for row in _judged(claim):
            table.add_row(*map(shown, row))
    console.print(table)
    if any(each.verdict == "undecided" for claim in claims for each in claim.variants):
        console.print("\nseeds: about how many would decide, were they like these")


def _judged(claim: ClaimResult) -> list[tuple[str, str, str, str]]:
    """The rows of a claim: verdict, what was measured, seeds that would decide, and of what.

    One row, if there is one quantity in one variant; else one for the claim, and one for each
    variant below it, or for each of a few quantities.
    """
    from resqunn.lab.report.formatting import listed, name
    from resqunn.lab.report.verdicts import measured, verdict
    from resqunn.lab.study.advice import MOST

    def number(row: Measurement) -> str:
        return measured(row, claim.rule).replace("\u00a0", " ")

    def seeds(of: VariantResult) -> str:
        if of.verdict != "undecided":
            return ""
        return f"> {MOST:,}" if of.needed is None else f"{of.needed:,}"

    if len(claim.variants) == 1 and len(claim.variants[0].measured) == 1:
        (only,) = claim.variants
        return [(verdict(claim), number(only.measured[0]), seeds(only), claim.statement)]
    alone = len(claim.variants) == 1
    rows = [(verdict(claim), "", seeds(claim.variants[0]) if alone else "", claim.statement)]
    for variant in claim.variants:
        measurements = variant.measured
        if len(measurements) > MOST_QUANTITIES:
            measurements = measurements[variant.deciding or 0 :][:1]
        for i, row in enumerate(measurements):
            than = f"minus {listed([name(term) for term in row.quantity.minus])}"
            several = row.quantity.minus and len(variant.measured) > 1
            said = [variant.variant, than if several else ""]
            first = i == 0 and not alone
            rows.append(
                (
                    f"  {verdict(variant)}" if first else "",
                    number(row),
                    seeds(variant) if first else "",
                    "  " + ", ".join(filter(None, said)),
                )
            )
    return rows


def papers(rows: Sequence[tuple[str, str, str]]) -> None:
    """The papers that can be rerun: name, citation, figures."""
    table = _table()
    for name in ("name", "paper", "figures"):
        table.add_column(name, no_wrap=name == "name")
    for row in rows:
        table.add_row(*map(shown, row))
    console.print(table)
