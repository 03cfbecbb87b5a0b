"""From the finished runs of a plan to its results.

Learning curves are medians over seeds with bands from the lowest to the highest, because outcomes
gather in clusters rather than around a mean. A seed that has stopped early keeps its last values.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from resqunn import __version__
from resqunn.lab.study.effects import axes
from resqunn.lab.study.execution import Outcome
from resqunn.lab.study.features import feature_maps
from resqunn.lab.study.finished import METRICS, FinishedRun, read_runs
from resqunn.lab.study.plan import Plan, Series, Study
from resqunn.lab.study.questions import DELTA, Share, Stats
from resqunn.lab.study.results import (
    Curve,
    DataRecord,
    Environment,
    Evaluated,
    Failure,
    NormsByDepth,
    Results,
    SeriesResult,
    StudyResult,
)
from resqunn.lab.study.statistics import beyond, difference, stats
from resqunn.lab.training.records import Epoch


def summarise(plan: Plan, folder: Path, failed: Sequence[Outcome] = ()) -> Results:
    """What the runs that are done have found."""
    runs = read_runs(folder, plan.runs, plan.reported)
    studies = {study.id: _study(study, runs) for study in plan.studies}
    if plan.reported:
        for study in plan.studies:
            maps = feature_maps(study, runs, folder)
            studies[study.id] = dataclasses.replace(studies[study.id], features=maps)
    reported = plan.reported.name if plan.reported else ""
    series = [one for study in studies.values() for one in study.series]
    return Results(
        resqunn=__version__,
        source=plan.source,
        options=plan.options,
        command=plan.command,
        environment=_environment(list(runs.values())),
        seconds=round(sum(run.seconds for run in runs.values()), 1),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        studies=tuple(studies.values()),
        claims=tuple(claim.judged(studies) for claim in plan.claims),
        circuits=plan.circuits,
        failures=failures(failed),
        reported=reported,
        axes=axes(plan.axes, series, reported),
        evaluated=_evaluated(plan),
    )


def failures(failed: Sequence[Outcome]) -> tuple[Failure, ...]:
    """The runs that failed every time, and their last errors."""
    return tuple(
        Failure(each.run.key, each.run.study, each.run.label, each.run.seed, each.error or "")
        for each in failed
    )


def _evaluated(plan: Plan) -> tuple[Evaluated, ...]:
    of = plan.reported
    if of is None:
        return ()
    return tuple(Evaluated(of.under(e.name), e.noise, e.shots) for e in plan.evaluations)


def _environment(runs: Sequence[FinishedRun]) -> Environment:
    trained = [run for run in runs if run.manifest]
    data = {
        (c.data, str(classes), str(c.per_class), c.seed): DataRecord(
            c.data,
            classes,
            c.per_class,
            c.seed,
            run.manifest["data_sha256"],
            run.manifest.get("images", {}),
            tuple(run.manifest.get("image_shape", ())),
        )
        for run in trained
        for c in (run.run.config,)
        for classes in (_classes(run),)
    }
    first = trained[0].manifest if trained else {}
    return Environment(
        first.get("versions", {}),
        first.get("platform", ""),
        tuple(data[key] for key in sorted(data)),
    )


def _classes(run: FinishedRun) -> int | tuple[int | str, ...]:
    """Which classes a run was trained on, or how many, the first ones; 0 if it does not say."""
    config = run.run.config
    if isinstance(config.classes, tuple):
        return config.classes
    return config.num_classes or len(run.manifest.get("classes", ()))


def _study(study: Study, runs: Mapping[str, FinishedRun]) -> StudyResult:
    done = [
        (series, found)
        for series in study.series
        if (found := [runs[run.key] for run in study.runs(series) if run.key in runs])
    ]
    tables = [found[0].measured.gradients for _, found in done if found[0].measured.gradients]
    return StudyResult(
        study.id,
        study.title,
        study.source,
        study.claim,
        study.section,
        study.figures,
        study.beside,
        tuple(_series(study, series, found) for series, found in done if found[0].final),
        tables[0] if tables else None,
        tuple(row for _, found in done for row in _norms(found)),
    )


def _series(study: Study, series: Series, done: Sequence[FinishedRun]) -> SeriesResult:
    config = dataclasses.asdict(series.config)
    del config["seed"], config["data_root"]
    config["classes"] = _classes(done[0])
    longest = max(len(run.epochs) for run in done)
    epochs = [[_at(run, number) for run in done] for number in range(longest)]
    names = (*METRICS, "loss") if epochs else ()
    parts = done[0].epochs[0].gradient_norms if epochs else ()
    counted = done[0].measured.num_weights or done[0].manifest.get("num_weights")
    seeds = tuple(run.run.seed for run in done)
    missing = series.seeds.index(seeds[-1]) + 1 - len(seeds)
    every = [name for name in done[0].final if all(name in run.final for run in done)]
    final = {name: stats((run.final[name] for run in done), missing) for name in every}
    confusion = _confusion(done)
    chance = _chance(done)
    return SeriesResult(
        label=series.label,
        variant=series.variant,
        frozen=series.frozen,
        task=series.task,
        config=config,
        keys=tuple(run.key for run in study.runs(series)),
        seeds=seeds,
        final=final,
        curves={
            name: _curve([[getattr(epoch, name) for epoch in same] for same in epochs])
            for name in names
        },
        gradient_norms={
            part: _mean_norms([[epoch.gradient_norms[part] for epoch in same] for same in epochs])
            for part in parts
        },
        num_weights=counted,
        seconds=round(sum(run.seconds for run in done) / len(done), 3),
        note=series.note,
        planned=() if seeds == series.seeds else series.seeds,
        learns=_learns(final, config["classes"], chance),
        chance=chance,
        values=series.values,
        classes=tuple(map(str, done[0].manifest.get("classes", ()))) if confusion else (),
        confusion=confusion,
        unit=series.unit,
        num_live_weights=done[0].manifest.get("num_live_weights"),
    )


def _confusion(done: Sequence[FinishedRun]) -> tuple[tuple[int, ...], ...]:
    """Of all runs together; nothing if one has none."""
    if not all(run.confusion for run in done):
        return ()
    rows = zip(*(run.confusion for run in done), strict=True)
    return tuple(tuple(map(sum, zip(*same, strict=True))) for same in rows)


def _chance(done: Sequence[FinishedRun]) -> dict[str, float]:
    """What guessing gives of metrics that are scored: the largest class's share of the images for
    the accuracy, the mean over runs; what any constant answer has for the others."""
    if not all(run.confusion for run in done):
        return {}
    shares = [max(map(sum, run.confusion)) / sum(map(sum, run.confusion)) for run in done]
    classes = len(done[0].confusion)
    found = {
        "accuracy": sum(shares) / len(shares),
        "balanced_accuracy": 1 / classes,
        "auroc": 0.5,
        "matthews": 0.0,
    }
    return {
        name: found[metric]
        for name in done[0].scored
        for metric in [name.partition("_")[2]]
        if metric in found
    }


def _at(run: FinishedRun, number: int) -> Epoch:
    """A run's epoch; one that has stopped early keeps its last values."""
    return run.epochs[min(number, len(run.epochs) - 1)]


def _learns(
    final: Mapping[str, Stats],
    chosen: int | tuple[int | str, ...],
    chance: Mapping[str, float],
) -> dict[str, Share]:
    """Of each accuracy, the seeds that learn at all: they end beyond guessing."""
    classes = chosen if isinstance(chosen, int) else len(chosen)
    if not classes:
        return {}
    found = {
        name: beyond(
            [difference(value, chance.get(name, 1 / classes)) for value in of.values], DELTA
        )
        for name, of in final.items()
        if name.endswith("accuracy") or name in chance
    }
    return {name: share for name, share in found.items() if share is not None}


def _curve(values: list[list[float]]) -> Curve:
    return Curve(
        tuple(map(median, values)),
        tuple(min(same) for same in values),
        tuple(max(same) for same in values),
    )


def _mean_norms(values: list[list[float | None]]) -> tuple[float, ...] | None:
    known = [[norm for norm in same if norm is not None] for same in values]
    return tuple(sum(same) / len(same) for same in known) if all(known) else None


def _norms(done: Sequence[FinishedRun]) -> list[NormsByDepth]:
    """The median over seeds of each norm."""
    return [
        dataclasses.replace(
            seeds[0],
            norms=tuple(median(norms) for norms in zip(*(row.norms for row in seeds), strict=True)),
        )
        for seeds in zip(*(run.measured.norms for run in done), strict=True)
    ]
