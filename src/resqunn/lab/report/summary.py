"""Reads `summary.json`, the results of the studies, and checks its form before it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resqunn.errors import RunError
from resqunn.lab.training.files import FORMAT, SEAL, intact, parsed

UNSEALED = 1
"""An older format, which holds no checksum and is shown too."""

QUANTITIES = (("train_accuracy", "train"), ("validation_accuracy", "validation"))

NOTHING = type(None)
NUMBER = (int, float)
MAYBE = (int, float, NOTHING)
TEXT = (str, NOTHING)

STATS = {"mean": MAYBE, "std?": MAYBE, "interval?": ([MAYBE, MAYBE], NOTHING), "values": [MAYBE]}
FINAL = {"train_accuracy": STATS, "validation_accuracy": STATS}
CURVE = {"mean": [MAYBE], "low?": ([MAYBE], NOTHING), "high?": ([MAYBE], NOTHING)}
SERIES = {
    "label": str,
    "reading": str,
    "trainable": bool,
    "config": dict,
    "epochs": {"train_accuracy": CURVE, "validation_accuracy": CURVE, "loss?": CURVE},
    "final": FINAL,
    "seconds?": MAYBE,
}
CELL = {"layer": str, "status": str, "norm": MAYBE, "vanishing?": bool}
CLAIM = {
    "id": str,
    "source": str,
    "statement": str,
    "paper": TEXT,
    "rule?": TEXT,
    "measured": [{"reading": str, "quantity": str, "stats": (STATS, NOTHING), "verdict": TEXT}],
    "verdict": str,
    "reading?": TEXT,
    "why?": TEXT,
}
SUMMARY: dict[str, Any] = {
    "resqunn?": TEXT,
    "options?": dict,
    "environment?": dict,
    "seconds?": MAYBE,
    "created?": TEXT,
    "studies?": [{"id": str, "title": str, "source": str, "paper": TEXT, "series": [SERIES]}],
    "gradients?": [
        {
            "id": str,
            "title": str,
            "source": str,
            "paper": TEXT,
            "layers": int,
            "rows": [{"wiring": str, "cut": [CELL], "true": [CELL]}],
        }
    ],
    "claims?": [CLAIM],
    "controls?": [{"label": str, "note?": TEXT, "weights?": MAYBE, "final": FINAL}],
    "circuits?": [{"title": str, "drawing": str}],
    "failures?": [{"key?": TEXT, "study?": TEXT, "label?": TEXT, "seed?": MAYBE, "error": str}],
}
"""The form: a dict names keys (optional with a question mark); a list holds one form for all its
elements, or one for each; a tuple lists what a value may be."""

DEPTH = {
    "title": str,
    "rows": [
        {
            "ansatz": str,
            "angle_scale": NUMBER,
            "wiring": str,
            "layers": int,
            "norms": [MAYBE],
        }
    ],
}


def read_summary(folder: Path) -> dict[str, Any]:
    """The results in `folder/summary.json`, with empty parts where a part was not run.

    Raises:
        RunError: if it is missing, damaged, or of another format.
    """
    path = folder / "summary.json"
    try:
        summary = parsed(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(
            f"{folder} holds no results: there is no summary.json in it; "
            "`resqunn reproduce` writes one"
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}; run `resqunn reproduce` again") from None
    if "format" not in summary:
        raise RunError(f"{path} is not a summary of `resqunn reproduce`: it names no format")
    old = summary["format"] == UNSEALED and SEAL not in summary
    if not old and summary["format"] != FORMAT:
        raise RunError(
            f"{path} has format {summary['format']!r}, and this version of resqunn shows format "
            f"{FORMAT}; write the report with the version that made the results"
        )
    if not old and not intact(path.name, summary):
        raise RunError(
            f"{path} fails its checksum: it is damaged or altered; run `resqunn reproduce` again"
        )
    summary.pop(SEAL, None)
    for part in ("studies", "gradients", "claims", "controls", "circuits", "failures"):
        summary[part] = summary.get(part) or []
    for part in ("options", "environment"):
        summary[part] = summary.get(part) or {}
    for name in ("resqunn", "seconds", "created", "depth"):
        summary.setdefault(name, None)
    fault = _fault(summary, SUMMARY, "")
    if fault is None and summary.get("depth"):
        fault = _fault(summary["depth"], DEPTH, "depth")
    if fault is not None:
        raise RunError(f"{path} is damaged: {fault}")
    return summary


def _fault(value: Any, form: Any, place: str) -> str | None:
    """What is wrong with a value, or None."""
    if isinstance(form, dict):
        if not isinstance(value, dict):
            return f"{place or 'it'} is not an object"
        for key, inner in form.items():
            name = key.removesuffix("?")
            where = f"{place}.{name}" if place else name
            if name not in value:
                if not key.endswith("?"):
                    return f"{where} is missing"
            elif fault := _fault(value[name], inner, where):
                return fault
        return None
    if isinstance(form, list):
        if not isinstance(value, list):
            return f"{place} is not a list"
        if 1 < len(form) != len(value):
            return f"{place} has {len(value)} elements instead of {len(form)}"
        faults = (_fault(item, form[0], f"{place}[{i}]") for i, item in enumerate(value))
        return next((fault for fault in faults if fault), None)
    if isinstance(form, tuple) and not isinstance(form[0], type):
        return None if value is None else _fault(value, form[0], place)
    if not isinstance(value, form):
        return f"{place} is {value!r:.40}"
    return None


def readings_of(study: dict[str, Any]) -> list[str]:
    """The readings of a study, in the order of its series."""
    return list(dict.fromkeys(series["reading"] for series in study["series"]))


def name_of(series: dict[str, Any]) -> str:
    """A series' label, with "frozen" if its layers are."""
    label = series["label"]
    said = series["trainable"] or "frozen" in label or "untrain" in label
    return label if said else f"{label} frozen"


def pairs_of(study: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(trained, frozen) series of a study in the same reading: of the same label, or else of the
    same configuration. Frozen layers have no use for input gradients, so those may differ."""

    def config(series: dict[str, Any]) -> dict[str, Any]:
        free = ("trainable", "seed", "input_gradients")
        return {name: value for name, value in series["config"].items() if name not in free}

    pairs = []
    for trained in study["series"]:
        beside = [
            series
            for series in study["series"]
            if not series["trainable"] and series["reading"] == trained["reading"]
        ]
        alike = [s for s in beside if s["label"] == trained["label"]]
        alike += [s for s in beside if config(s) == config(trained)]
        if trained["trainable"] and alike:
            pairs.append((trained, alike[0]))
    return pairs
