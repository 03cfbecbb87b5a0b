"""A summary with every part of the format, with numbers of the size that was really measured."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

from resqunn.circuits.circuit import Circuit
from resqunn.lab.training.config import PRESETS
from resqunn.nn.wiring import Wiring

SEEDS, EPOCHS = [0, 1, 2, 3, 4], 30
T_95 = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776}
MEANS = {"none": 0.14, "X+O1": 0.57, "O1+O2": 0.83, "X+O2": 0.877, "(X+O1)+O2": 0.872}
FROZEN = {"none": 0.08, "X+O1": 0.53, "O1+O2": 0.53, "X+O2": 0.871, "(X+O1)+O2": 0.877}
SPREAD = {"none": 0.05, "X+O1": 0.22, "O1+O2": 0.08, "X+O2": 0.012, "(X+O1)+O2": 0.02}


def stats(values: list[float]) -> dict[str, Any]:
    count, mean = len(values), sum(values) / len(values)
    if count == 1:
        return {"mean": mean, "std": None, "interval": None, "values": values}
    std = math.sqrt(sum((v - mean) ** 2 for v in values) / (count - 1))
    half = T_95[count] * std / math.sqrt(count)
    return {"mean": mean, "std": std, "interval": [mean - half, mean + half], "values": values}


def around(mean: float, spread: float, rng: random.Random, seeds: int = 5) -> dict[str, Any]:
    return stats([min(1.0, max(0.0, rng.gauss(mean, spread))) for _ in range(seeds)])


def series(
    label: str,
    reading: str,
    mean: float,
    spread: float,
    rng: random.Random,
    *,
    trainable: bool = True,
    seeds: int = 5,
    **options: Any,
) -> dict[str, Any]:
    config = dataclasses.asdict(dataclasses.replace(PRESETS["paper"], data="mnist", **options))
    config.pop("seed")
    config["trainable"] = trainable
    config["input_gradients"] = reading == "true gradients"
    final = {
        "train_accuracy": around(min(0.99, 1.1 * mean), spread, rng, seeds),
        "validation_accuracy": around(mean, spread, rng, seeds),
    }
    epochs = {}
    for quantity, found in final.items():
        rise = [1 - 0.8 * math.exp(-e / 6) for e in range(1, EPOCHS + 1)]
        middle = [0.1 + (found["mean"] - 0.1) * r + rng.gauss(0, 0.004) for r in rise]
        half = 0 if found["interval"] is None else (found["interval"][1] - found["mean"])
        epochs[quantity] = {
            "mean": middle,
            "low": [m - half * r for m, r in zip(middle, rise, strict=True)],
            "high": [m + half * r for m, r in zip(middle, rise, strict=True)],
        }
    epochs["loss"] = {"mean": [2.3 - 0.02 * e for e in range(EPOCHS)], "low": None, "high": None}
    return {
        "label": label,
        "reading": reading,
        "trainable": trainable,
        "keys": [f"{rng.getrandbits(48):012x}" for _ in range(seeds)],
        "config": config,
        "epochs": epochs,
        "final": final,
        "gradient_norms": {"O1": None, "O2": [0.1] * EPOCHS, "head": [0.3] * EPOCHS},
        "seconds": 4.2,
    }


def study(name: str, title: str, source: str, paper: str, rows: list[Any]) -> dict[str, Any]:
    return {"id": name, "title": title, "source": source, "paper": paper, "series": rows}


def studies(rng: random.Random, readings: tuple[str, ...]) -> list[dict[str, Any]]:
    fig2 = [
        series("one layer", "paper", mean, 0.02, rng, trainable=t, depths=(2,), ansatz="ry_chain")
        for t, mean in ((True, 0.83), (False, 0.79))
    ]
    fig8 = [
        series(w, r, MEANS[w] if r == "paper" or w != "none" else 0.54, SPREAD[w], rng, wiring=w)
        for r in readings
        for w in MEANS
    ]
    frozen = [
        series(w, r, FROZEN[w], SPREAD[w], rng, wiring=w, trainable=False)
        for r in readings
        for w in MEANS
    ]
    fig10 = [
        series(w, r, 0.25 + 0.3 * MEANS[w] * ("O1+O2" in w), 0.06, rng, wiring=w, head="quantum")
        for r in readings
        for w in MEANS
    ]
    deeper = [
        series(
            str(w), "paper", 0.3 + 0.6 * rng.random(), 0.07, rng, wiring=str(w), depths=(4, 1, 1)
        )
        for w in Wiring.all(3)
    ]
    best = [series("X+O2", "paper", 0.92, 0.01, rng, seeds=1, wiring="X+O2", per_class="all")]
    return [
        study("fig2", "One trainable layer against an untrained one", "Sec. 1.1, Fig. 2",
              "Training the layer adds about 36 points of accuracy.", fig2),
        study("fig8", "Five wirings of two layers, classical head", "Sec. 5.1.2, Fig. 8",
              "Without residuals the network does not learn; O1+O2 is far better than X+O1; "
              "X+O2 and (X+O1)+O2 are best and alike.", fig8),
        study("fig9", "Each wiring against its untrained benchmark", "Sec. 5.1.2, Fig. 9",
              "O1+O2 gains about 65 points by training its layers; X+O2 gains nothing.",
              fig8 + frozen),
        study("fig10", "Five wirings, quantum head", "Sec. 5.1.3, Fig. 10",
              "Only O1+O2 and (X+O1)+O2 learn anything to speak of.", fig10),
        study("three_layers", "All fifteen wirings of three layers, trained", "beyond the paper",
              "The paper trains two layers only.", deeper),
        study("full", "The best wirings on all of MNIST", "beyond the paper", "Not done.", best),
    ]  # fmt: skip


def gradients(layers: int) -> dict[str, Any]:
    rows = []
    for wiring in Wiring.all(layers):
        reached = wiring.reached(False)
        cut = [
            {"layer": f"O{k}", "status": "flows" if r else "none", "norm": 0.12 / k if r else None,
             "vanishing": False}
            for k, r in enumerate(reached, 1)
        ]  # fmt: skip
        true = [
            {"layer": f"O{k}", "status": "flows", "norm": 0.1 if r else 0.1 / 40 ** (layers - k),
             "vanishing": not r and k < layers - 1}
            for k, r in enumerate(reached, 1)
        ]  # fmt: skip
        if str(wiring) == "none":
            true[0] |= {"status": "zero", "norm": 0.0, "vanishing": False}
        rows.append({"wiring": str(wiring), "cut": cut, "true": true})
    return {
        "id": f"layers{layers}",
        "title": f"Every wiring of {layers} layers",
        "source": "Sec. 5.1.1, Fig. 3 and 7" if layers == 2 else "Sec. 5.2, Fig. 11",
        "paper": "Only two wirings let a gradient reach every layer.",
        "layers": layers,
        "rows": rows,
    }


def depth() -> dict[str, Any]:
    rows = []
    for ansatz, loss in (("rx_chain", 60.0), ("ry_chain", 3.0)):
        for scale in (1.0, math.pi):
            for wiring in ("none", "all residual"):
                for n in range(1, 7):
                    rate = (loss / scale) if wiring == "none" else 1.1
                    norms = [0.3 / rate ** (n - k) for k in range(1, n + 1)]
                    rows.append({"ansatz": ansatz, "angle_scale": scale, "wiring": wiring,
                                 "layers": n, "norms": norms})  # fmt: skip
    return {"title": "Gradient norm by depth, with residuals and without", "rows": rows}


def claim(name: str, statement: str, paper: str, verdict: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "source": "Sec. 5.1.2, Fig. 8",
        "statement": statement,
        "paper": paper,
        "rule": "Reproduced if the interval of the difference lies above half of what the paper "
        "says; direction only if it lies above zero; not reproduced if it holds zero.",
        "measured": [],
        "verdict": verdict,
        "reading": None,
        "why": "The interval of the difference holds zero: seeds differ more than wirings do.",
    } | more


def claims(rng: random.Random) -> list[dict[str, Any]]:
    def row(quantity: str, reading: str, mean: float, spread: float, verdict: str) -> Any:
        found = stats([rng.gauss(mean, spread) for _ in SEEDS])
        return {"quantity": quantity, "reading": reading, "stats": found, "verdict": verdict}

    gap = "accuracy, O1+O2 minus X+O1"
    return [
        claim("none_untrained", "A network of two layers without residuals does not learn",
              "no training at all", "depends on the reading", reading="cut input derivatives",
              measured=[row("validation accuracy", "paper", 0.14, 0.05, "reproduced"),
                        row("validation accuracy", "true gradients", 0.54, 0.1, "not reproduced")]),
        claim("o1o2_over_xo1", "O1+O2 is clearly better than X+O1", "+31 % train, +45 % validation",
              "direction only",
              measured=[row(f"{q} {gap}", r, 0.25, 0.1, "direction only")
                        for r in ("paper", "true gradients", "once")
                        for q in ("train", "validation")]),
        claim("fig2_gain", "Training one layer raises its accuracy", "about +36 %",
              "not reproduced", source="Sec. 1.1, Fig. 2",
              measured=[row("accuracy, trained minus frozen", "paper", 0.04, 0.02, "")]),
        claim("two_reach_all", "Exactly two of the five wirings reach both layers", "2 of 5",
              "reproduced", source="Sec. 5.1.1, Fig. 3, 7 and 11", why="",
              measured=[{"quantity": "wirings that reach every layer", "reading": "paper",
                         "stats": stats([1, 0, 1, 0, 0]), "verdict": "reproduced"}]),
        claim("quantum_head", "With the quantum head only <two> wirings learn & \"score\"",
              "negligible for 'none'", "not measured", source="Fig. 10", why=None),
    ]  # fmt: skip


def summary(readings: tuple[str, ...] = ("paper", "true gradients")) -> dict[str, Any]:
    rng = random.Random(7)
    controls = {"logistic regression on pixels": 7850, "Conv2d with as many weights": 7866,
                "linear model on the circuits' own monomials": 39220,
                "most frequent class <&\"'>": 0}  # fmt: skip
    circuits = {
        "layer 1 as written (re-upload, depth 4)": Circuit(
            "ry", "rx_chain", "mean_z", inputs=4, depth=4, reupload=True
        ),
        "layer 2 (depth 1)": Circuit("ry", "rx_chain", "mean_z", inputs=4, depth=1),
    }
    return {
        "format": 1,
        "resqunn": "0.1.0",
        "options": {"data": "mnist", "seeds": SEEDS, "epochs": EPOCHS, "figures": [2, 8, 9, 10],
                    "readings": "default", "quick": False, "full": True},
        "environment": {"versions": {"python": "3.11.9", "torch": "2.13.0", "numpy": "2.4.6"},
                        "platform": "Linux x86_64",
                        "data_sha256": {"train-images-idx3-ubyte": "ab" * 32}},
        "seconds": 724.3,
        "created": "2026-01-31T12:00:00+00:00",
        "studies": studies(rng, readings),
        "gradients": [gradients(2), gradients(3)],
        "depth": depth(),
        "claims": claims(rng),
        "controls": [
            {"label": label, "note": "the same images, the same number of epochs",
             "weights": weights,
             "final": {"train_accuracy": around(0.9, 0.01, rng),
                       "validation_accuracy": around(0.83, 0.01, rng)}}
            for label, weights in controls.items()
        ],
        "circuits": [{"title": t, "drawing": c.draw()} for t, c in circuits.items()],
        "failures": [{"key": "0badc0de", "study": "fig10", "label": "X+O1", "seed": 3,
                      "error": "RunError: the loss became <NaN> & \"infinite\""}],
    }  # fmt: skip
