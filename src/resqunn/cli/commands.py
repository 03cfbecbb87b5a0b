"""The commands: one class a command, its fields are the options."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import tyro

from resqunn.cli import display
from resqunn.errors import ConfigurationError, MissingExtraError
from resqunn.training.config import TrainConfig


class Command(Protocol):
    """What every command can do."""

    def run(self) -> None: ...


@dataclass(frozen=True)
class Train:
    """Train a network, in a folder of its own.

    Example: resqunn train --preset paper --wiring "(X+O1)+O2" --data mnist --out runs/demo
    """

    config: TrainConfig = field(default_factory=TrainConfig)

    out: Path | None = None
    """Folder of the run; it must not hold one already. Default: runs/ and the time."""

    def run(self) -> None:
        from resqunn.training.run import train

        folder = self.out or Path("runs") / time.strftime("%Y%m%d-%H%M%S")
        display.training(folder, lambda callbacks: train(self.config, folder, callbacks))


@dataclass(frozen=True)
class Resume:
    """Continue an interrupted run, to the same result as if it had never stopped.

    Example: resqunn resume runs/demo
    """

    folder: tyro.conf.Positional[Path]
    """Folder of the run."""

    def run(self) -> None:
        from resqunn.training.run import resume

        display.training(self.folder, lambda callbacks: resume(self.folder, callbacks))


@dataclass(frozen=True)
class Evaluate:
    """Score a run's network on its validation images.

    Example: resqunn evaluate runs/demo --checkpoint latest
    """

    folder: tyro.conf.Positional[Path]
    """Folder of the run."""

    checkpoint: Literal["best", "latest"] = "best"
    """The epoch with the best validation accuracy, or the latest."""

    json: bool = False
    """Print JSON instead of a table."""

    def run(self) -> None:
        from resqunn.training.run import evaluate_run

        epoch, scores = evaluate_run(self.folder, self.checkpoint)
        if self.json:
            value = {"checkpoint": self.checkpoint, "epoch": epoch, "loss": scores.loss}
            value |= {"accuracy": scores.accuracy, "right": scores.right, "total": scores.total}
            _print_json(value)
        else:
            display.scores(self.folder, self.checkpoint, epoch, scores)


@dataclass(frozen=True)
class Gradients:
    """Show which layers get a gradient, for every wiring, with cut and true derivatives.

    Cut derivatives, as in the paper, do not pass through a layer to its input.

    Example: resqunn gradients --layers 3
    """

    layers: int = 2
    """Number of quanvolutional layers, 1 to 6."""

    depth: int = 1
    """Ansatz layers of each circuit."""

    ansatz: str = "rx_chain"
    """The trainable circuit."""

    readout: str = "mean_z"
    """What is measured."""

    batch: int = 4
    """Images in the batch (random ones)."""

    seed: int = 0
    """Decides the images and the weights."""

    json: bool = False
    """Print JSON, with the gradient of each weight, instead of a table."""

    def run(self) -> None:
        from resqunn.analysis.gradient_flow import survey

        if not 1 <= self.layers <= 6:
            raise ConfigurationError(f"layers is 1 to 6, not {self.layers}")
        if not 1 <= self.batch <= 10_000 or not 0 <= self.seed < 2**63:
            raise ConfigurationError("batch is 1 to 10,000, and seed 0 to 2**63 - 1")
        found = survey(
            self.layers,
            depth=self.depth,
            ansatz=self.ansatz,
            readout=self.readout,
            batch=self.batch,
            seed=self.seed,
        )
        rows = display.counted(found, self.layers)
        if self.json:
            wirings = [
                {
                    "wiring": str(wiring),
                    "cut": [layer.as_dict() for layer in cut.layers],
                    "true": [layer.as_dict() for layer in true.layers],
                }
                for wiring, cut, true in rows
            ]
            _print_json({"layers": self.layers, "wirings": wirings})
        else:
            display.gradients(self.layers, rows)


@dataclass(frozen=True)
class Wirings:
    """List every residual wiring, and the layers that learn with cut derivatives.

    Example: resqunn wirings --layers 3
    """

    layers: int = 2
    """Number of quanvolutional layers, 1 to 8."""

    json: bool = False
    """Print JSON instead of a table."""

    def run(self) -> None:
        from resqunn.nn.wiring import Wiring

        wirings = Wiring.all(self.layers)
        if self.json:
            rows = [{"wiring": str(w), "reached_when_cut": w.reached(False)} for w in wirings]
            _print_json({"layers": self.layers, "wirings": rows})
        else:
            display.wirings(self.layers, wirings)


@dataclass(frozen=True)
class Draw:
    """Draw a circuit, or write it as OpenQASM 3.

    Example: resqunn draw --ansatz rx_chain --depth 2 --reupload
    """

    encoding: str = "ry"
    """How values become qubit rotations."""

    ansatz: str = "ry_chain"
    """The trainable circuit."""

    readout: str = "z"
    """What is measured."""

    values: int = 4
    """Values of a patch; a 2x2 kernel on one channel has 4."""

    depth: int = 2
    """Ansatz layers."""

    reupload: bool = False
    """Repeat the encoding before each ansatz layer."""

    qasm: bool = False
    """Write OpenQASM 3 instead of a drawing."""

    inputs: Annotated[tuple[float, ...], tyro.conf.arg(metavar="X...")] = ()
    """With --qasm: numbers for the inputs, which amplitude encoding needs."""

    def run(self) -> None:
        from resqunn.circuits.circuit import Circuit

        circuit = Circuit(
            self.encoding,
            self.ansatz,
            self.readout,
            inputs=self.values,
            depth=self.depth,
            reupload=self.reupload,
        )
        if self.qasm:
            sys.stdout.write(circuit.to_qasm(self.inputs or None))
        else:
            sys.stdout.write(
                f"{circuit.draw()}\n{circuit.qubits} qubits, {len(circuit.operations)} gates, "
                f"weights {circuit.weight_shape}, {circuit.outputs} value(s)\n"
            )


@dataclass(frozen=True)
class Report:
    """Write the report of a folder of results, as one HTML page with its figures and numbers.

    Example: resqunn report results
    """

    folder: tyro.conf.Positional[Path]
    """Folder of `resqunn reproduce`, which holds a summary.json."""

    def run(self) -> None:
        from resqunn.report import write_report

        sys.stdout.write(f"{display.waiting('drawing', lambda: write_report(self.folder))}\n")


@dataclass(frozen=True)
class Datasets:
    """List the data sets and where their files are.

    Example: resqunn datasets --data-root ~/data
    """

    data_root: Path | None = None
    """Folder with the data files; RESQUNN_DATA if not given."""

    def run(self) -> None:
        from resqunn.data.sources import SOURCES, find

        places = []
        for row in SOURCES.values():
            found = [find(row, file, self.data_root) for file in row.files]
            if not row.files:
                places.append("with scikit-learn")
            elif all(found):
                places.append(str(found[0].parent if found[0] else ""))
            else:
                places.append("downloaded at first use")
        display.datasets(list(SOURCES.values()), places)


@dataclass(frozen=True)
class Reproduce:
    """Rerun the paper's studies, judge its claims, and leave a report.

    Stopped at any moment, the same command goes on where it was.

    Example: resqunn reproduce --figures 8 9 --out results/figures
    """

    out: Path | None = None
    """Results folder. Default: results/paper, or results/quick with --quick."""

    figures: tuple[str, ...] = ()
    """2 3 7 8 9 10 11 three-layers depth controls; by default all of them."""

    readings: str = "default"
    """default: the paper as written, and with true gradients; all: every combination."""

    quick: bool = False
    """The embedded digits, few epochs and seeds: everything works, nothing is judged fairly."""

    full: bool = False
    """Also train the best wirings on all images of the data set."""

    data: str | None = None
    """Data set; mnist, or digits with --quick."""

    data_root: Path | None = None
    """Folder with the data files; RESQUNN_DATA if not given."""

    seeds: int | None = None
    """Runs of each network; 5, or 2 with --quick."""

    epochs: int | None = None
    """Passes over the training images; 30, or 4 with --quick."""

    workers: int | None = None
    """Processes; by default one a core."""

    dask: str | None = None
    """Address of a Dask scheduler, such as tcp://10.0.0.1:8786, to run there instead."""

    def run(self) -> None:
        from resqunn.data.sources import source
        from resqunn.report import write_report
        from resqunn.studies import paper
        from resqunn.studies.executors import choose
        from resqunn.studies.plan import FIGURES, Options
        from resqunn.studies.reproduce import reproduce

        seeds, epochs = (paper.QUICK_SEEDS, paper.QUICK_EPOCHS) if self.quick else (5, 30)
        options = Options(
            self.data or ("digits" if self.quick else "mnist"),
            seeds if self.seeds is None else self.seeds,
            epochs if self.epochs is None else self.epochs,
            self.figures or FIGURES,
            self.readings,
            self.quick,
            self.full,
        )
        source(options.data)
        folder = self.out or Path("results") / ("quick" if self.quick else "paper")
        workers = os.cpu_count() or 1 if self.workers is None else self.workers
        executor = choose(workers, self.dask)
        try:
            found = display.reproducing(
                folder,
                lambda report: reproduce(
                    options, folder, executor, data_root=self.data_root, on_progress=report
                ),
            )
        finally:
            executor.close()
        display.verdicts(found.summary, found.summary_path)
        try:
            display.console.print(f"report   {write_report(folder)}")
        except MissingExtraError as error:
            display.console.print(f"report   not written: {error}")


COMMANDS: tuple[type[Any], ...] = (
    Train,
    Resume,
    Evaluate,
    Gradients,
    Wirings,
    Draw,
    Reproduce,
    Report,
    Datasets,
)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
