"""Verdicts, rules and what they rest on, in words, composed from the fields of the results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from resqunn.lab.report import formatting
from resqunn.lab.report.formatting import (
    capital,
    counted,
    is_signed,
    listed,
    mean,
    points,
    quantity,
)
from resqunn.lab.study.advice import MOST
from resqunn.lab.study.questions import (
    ClaimResult,
    Measurement,
    Rule,
    Share,
    VariantResult,
    Verdict,
)
from resqunn.lab.study.rules import (
    CONTRADICTED,
    DEPENDS,
    DIRECTION,
    NOT_MEASURED,
    SUPPORTED,
    UNDECIDED,
    holds,
    limits,
)
from resqunn.lab.study.statistics import FEWEST

VERDICTS: dict[Verdict, tuple[str, str, str]] = {
    SUPPORTED: ("yes", "is supported", "are supported"),
    DIRECTION: ("partly", "holds in direction", "hold in direction"),
    CONTRADICTED: ("no", "is contradicted", "are contradicted"),
    UNDECIDED: ("unsure", "is undecided", "are undecided"),
    DEPENDS: ("depends", DEPENDS, DEPENDS.replace("depends", "depend")),
    NOT_MEASURED: ("open", "was not measured", "were not measured"),
}
"""A verdict: the class that colours it, and how one claim and several are counted."""


def verdict(found: ClaimResult | VariantResult) -> str:
    """A verdict as it is shown: "supported", or "undecided: 5 seeds" if there are too few."""
    parts = found.variants if isinstance(found, ClaimResult) else (found,)
    open_ones = [part for part in parts if part.verdict == found.verdict == UNDECIDED]
    if found.verdict == DEPENDS and isinstance(found, ClaimResult) and not found.said:
        return "depends on what is varied"
    few = [part.seeds for part in open_ones if part.seeds is not None and _few(part)]
    if not few or len(few) < len(open_ones):
        return found.verdict
    return f"{found.verdict}: {counted(min(few), 'seed')}"


def _few(variant: VariantResult) -> bool:
    rows = [row for row in variant.measured if row.quantity.unit != "items"]
    return any(row.stats.interval is None for row in rows)


def rule(judged: Rule, figures: Iterable[float | None] = (), *, source: bool = True) -> str:
    """The rule by which a claim is judged.

    Args:
        figures: of its quantities.
        source: whether these are a source's.
    """
    delta, half = points(judged.delta), _half(figures, source)
    margin = points(judged.margin, signed=False)
    words = {
        "better": f"Supported if the interval lies above zero and reaches {delta}; in direction if "
        f"it lies above zero and ends below; contradicted if it holds zero, or lies below, and "
        f"ends below {delta}.",
        "at_least": f"Supported if the interval begins at {delta} or above; in direction if it "
        f"lies above zero only; contradicted if it ends below {delta}.",
        "better_by": f"Supported if the interval lies above {half}; in direction if it lies above "
        f"zero only; contradicted if it holds zero, or lies below, and ends below {delta}.",
        "equal": f"Supported if the interval lies within {margin} on either side of zero; "
        "contradicted if it lies outside.",
        "at_most": f"Supported if the interval ends {margin} above guessing or below; contradicted "
        "if it begins above.",
        "facts": "Supported if every single item is as the source has it, else contradicted.",
    }[judged.kind]
    if judged.kind == "facts":
        return words
    return f"{words} Else undecided. Several quantities must all hold."


def rule_of(claim: ClaimResult) -> str:
    """The rule of a claim with its own figures."""
    rows = [row for variant in claim.variants for row in variant.measured]
    figures = dict.fromkeys(row.quantity.figure for row in rows)
    return rule(claim.rule, figures, source=bool(claim.said or claim.source))


def _half(figures: Iterable[float | None], source: bool) -> str:
    """ "+2 points, half of the figure +4 points"."""
    whose = "the source's figure" if source else "the figure"
    known = [each for each in figures if each is not None]
    if len(known) != 1:  # each quantity has one of its own
        return f"half of {whose}"
    return f"{points(known[0] / 2)}, half of {whose} {points(known[0])}"


def advice(variant: VariantResult) -> str:
    """About how many seeds would decide it, as a sentence."""
    if variant.verdict != UNDECIDED:
        return ""
    if _few(variant):
        return f"Verdicts are given from {FEWEST} seeds on."
    if variant.needed is None:
        return f"No number of seeds up to {MOST:,} would decide it, were they like these."
    return f"About {variant.needed} seeds would decide it, were they like these."


def why(claim: ClaimResult) -> list[str]:
    """What decided in the first variant, or what left one undecided, as sentences."""
    known = [each for each in claim.variants if each.verdict != NOT_MEASURED]
    if not known:
        return ["None of the runs that it needs were made."]
    held = [each for each in known if each.verdict == claim.verdict == UNDECIDED]
    shown = (held or known)[0]
    said = []
    if shown.deciding is not None and not _few(shown):
        row = shown.measured[shown.deciding]
        if len(shown.measured) > 1 and shown.verdict != SUPPORTED:
            how = "Contradicted" if shown.verdict == CONTRADICTED else "Held back"
            where = f" ({shown.variant})" if shown is not claim.variants[0] else ""
            said.append(f"{how} by {quantity(row.quantity)}{where}.")
        if shown.verdict == DIRECTION and smaller(row):
            whose = "the source says" if claim.said or claim.source else "the figure"
            said.append(f"Smaller than {whose}.")
        if claim.verdict == CONTRADICTED:
            said += _against(row, claim.rule)
    return [*said, *filter(None, [advice(shown)])]


def _against(row: Measurement, judged: Rule) -> list[str]:
    """What a contradicted gain leaves open, as sentences."""
    ends = row.stats.interval
    if ends is None or judged.kind not in ("better", "at_least", "better_by"):
        return []
    low, high = ends
    delta = points(judged.delta, signed=False)
    if high < 0:
        return ["The whole interval lies below zero: it is a loss."]
    if high == 0:
        return ["The whole interval lies at zero or below: no gain."]
    if low > 0:
        return [f"There is a gain, of less than {delta}."]
    return [f"A gain of {delta} is ruled out; a smaller one is not."]


def smaller(row: Measurement) -> bool:
    """Whether an effect is surely smaller than the source's figure."""
    figure, ends = row.quantity.figure, row.stats.interval
    return figure is not None and ends is not None and ends[1] < figure


def by_verdict(claim: ClaimResult) -> str:
    """ "Supported: without noise; contradicted: with noise", if they differ; of variants whose
    names are lists, how many: "4 supported, 2 undecided"."""
    groups: dict[str, list[str]] = {}
    for variant in claim.variants:
        groups.setdefault(verdict(variant), []).append(variant.variant)
    if len(groups) < 2:
        return ""
    if any(", " in variant.variant for variant in claim.variants):
        return ", ".join(f"{len(names)} {each}" for each, names in groups.items())
    return capital("; ".join(f"{each}: {listed(names)}" for each, names in groups.items()))


def measured(row: Measurement, judged: Rule) -> str:
    """What was found, so exactly that it shows on which side of the rule's limits it lies."""
    return formatting.measured(row.quantity, row.stats, limits(judged, row.quantity.figure))


def details(row: Measurement, judged: Rule) -> list[str]:
    """What else is known of a quantity: shares of seeds, who beats whom, and the mean."""
    said = []
    above = row.quantity.kind == "above_chance"
    if row.beyond is not None:
        more = f"more than {points(judged.delta, signed=False)}"
        what = f"{more} above guessing" if above else f"ahead by {more}"
        said.append(f"{what} in {seeds_of(row.beyond)}")
    if row.superiority is not None:
        said.append(f"a new seed beats one of the other with probability {row.superiority:.2f}")
    if row.stats.mean is not None:
        said.append(mean(row.stats, signed=is_signed(row.quantity)))
    if row.exceptions is not None:
        so = "not so" if holds(judged, row.stats.median) else "but so"
        said.append(f"{so} in {row.exceptions} of {counted(len(row.stats.values), 'seed')}")
    if row.stats.missing:
        said.append(f"{counted(row.stats.missing, 'seed')} missing, counted on either side")
    return said


def seeds_of(share: Share) -> str:
    """ "36 of 41 seeds (88 % [74, 95])"."""
    part = f"{100 * share.count / max(1, share.of):.0f}\u00a0%"
    low, high = (f"{100 * end:.0f}" for end in share.interval)
    return f"{share.count} of {counted(share.of, 'seed')} ({part}\u00a0[{low},\u00a0{high}])"


def counts(claims: Sequence[ClaimResult]) -> str:
    """How many claims led to which verdict, as a sentence."""
    if not claims:
        return ""
    found = []
    for each, (_, one, several) in VERDICTS.items():
        count = sum(claim.verdict == each for claim in claims)
        if count:
            found.append(f"{count} {several if count > 1 else one}")
    of = f"Of {len(claims)} claims" if len(claims) > 1 else "Of one claim"
    return f"{of}, {', '.join(found)}."
