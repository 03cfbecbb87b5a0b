"""Circuits, looked at by themselves: what they can do."""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.console import print_json
from resqunn.errors import ConfigurationError

if TYPE_CHECKING:
    from resqunn.analysis.circuit_report import CircuitReport


@dataclass(frozen=True)
class Circuit:
    """Show what circuits can do: expressibility, entanglement, gradients, spectrum and size.

    Several numbers of values or depths give a table, which shows barren plateaus. Errors are
    standard errors of sampling. Expressibility is the divergence from Haar-random states, of
    which less is more; it and the entangling capability are taken at inputs of 0.

    Example: resqunn circuit --ansatz sim_14 --values 2 3 --depth 1 2 --pairs 500
    """

    encoding: str = "ry"
    """How the values of a patch become a quantum state: ry, rx, rz, plain_rz, learnable_ry,
    learnable_rx, learnable_rz, dense_angle, iqp, zz_feature_map, threshold, basis, frqi,
    frqi_mattern, neqr, amplitude or softmax_amplitude."""

    ansatz: str = "ry_chain"
    """Trainable gates: rx_chain, ry_chain, rx_ring, ry_ring, rz_ring, crz_ring,
    strongly_entangling, strongly_entangling_cz, simplified_two_design, real_amplitudes,
    efficient_su2, two_local, mps, ttn, mera, random:SEED, random_layers:SEED,
    random_layers_2021:SEED, these two with /ROTATIONS or /ROTATIONS/RATIO before the colon for
    so many a layer and that ratio of CNOTs, or sim_1 to sim_19."""

    readout: str = "z"
    """Values: z, x or y, the expectation of that Pauli matrix on each qubit; xyz, of all three;
    zz or xx, of neighbours; probs, of each basis state; mean_z, the mean of z; var_z, variances;
    z0, z1, ..., one."""

    values: tuple[int, ...] = (4,)
    """Values in a patch, one number or several; a 2x2 kernel on one channel has 4."""

    depth: tuple[int, ...] = (2,)
    """Ansatz layers, one number or several."""

    reupload: bool = False
    """Repeat the encoding before each ansatz layer."""

    pairs: int = 5000
    """Pairs of random states, for expressibility and entangling capability."""

    samples: int = 1000
    """Random points at which gradients are taken."""

    seed: int = 0
    """Number that fixes everything random."""

    json: bool = False
    """Print JSON instead of a drawing and a table."""

    figure: Annotated[
        Path | None,
        tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: no figure)"),
    ] = None
    """File .svg or .png for the fidelities of random states beside those of Haar-random ones."""

    def run(self) -> None:
        from resqunn.analysis.circuit_report import circuit_report
        from resqunn.circuits import circuit
        from resqunn.lab.report import circuit_figures

        for name, numbers in (("values", self.values), ("depth", self.depth)):
            if not numbers or len(set(numbers)) < len(numbers):
                raise ConfigurationError(f"{name} must be different numbers, got {list(numbers)}")
        if self.figure is not None:
            number = len(self.values) * len(self.depth)
            circuit_figures.require_drawable(self.figure, number)
        chosen = {
            (values, depth): circuit.Circuit(
                self.encoding,
                self.ansatz,
                self.readout,
                inputs=values,
                depth=depth,
                reupload=self.reupload,
            )
            for values, depth in itertools.product(self.values, self.depth)
        }

        def reported(each: circuit.Circuit) -> CircuitReport:
            return circuit_report(each, pairs=self.pairs, samples=self.samples, seed=self.seed)

        reports = progress.waiting(
            "drawing random states",
            lambda: {key: reported(each) for key, each in chosen.items()},
        )
        if self.figure is not None:
            named = {f"{values} values, depth {d}": r for (values, d), r in reports.items()}
            circuit_figures.write(circuit_figures.fidelity_histograms(named), self.figure)
        if self.json:
            rows = [
                {"values": values, "layers": depth} | report.as_dict()
                for (values, depth), report in reports.items()
            ]
            print_json({"circuits": rows})
        elif len(reports) > 1:
            tables.circuits(reports)
        else:
            (only,), (report,) = chosen.values(), reports.values()
            sys.stdout.write(f"{only.draw()}\n\n")
            tables.circuit(report)
