"""Networks and circuits, looked at without training; and the data sets."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.console import print_json
from resqunn.errors import ConfigurationError


@dataclass(frozen=True)
class Gradients:
    """Show which layers get a gradient, for every wiring, with cut and true derivatives.

    Cut derivatives, as in the paper, do not pass from a layer to its input.

    Example: resqunn gradients --layers 3
    """

    layers: int = 2
    """Number of quanvolutional layers, 1 to 6."""

    depth: int = 1
    """Ansatz layers of each circuit."""

    ansatz: str = "rx_chain"
    """Trainable gates: rx_chain, ry_chain, rx_ring, ry_ring, rz_ring, crz_ring,
    strongly_entangling, strongly_entangling_cz, simplified_two_design, real_amplitudes,
    efficient_su2, two_local, mps, ttn, mera, random:SEED, random_layers:SEED,
    random_layers_2021:SEED, these two with /ROTATIONS or /ROTATIONS/RATIO before the colon for
    so many a layer and that ratio of CNOTs, or sim_1 to sim_19."""

    readout: str = "mean_z"
    """Channels: z, x or y, the expectation of that Pauli matrix on each qubit; xyz, of all three;
    zz or xx, of neighbours; probs, of each basis state; mean_z, the mean of z; var_z, variances;
    z0, z1, ..., one."""

    batch: int = 4
    """Random images in the batch."""

    seed: int = 0
    """Number that fixes the images and the weights."""

    json: bool = False
    """Print JSON, with the gradient of each weight, instead of a table."""

    def run(self) -> None:
        from resqunn.analysis.gradient_flow import survey

        if not 1 <= self.layers <= 6:
            raise ConfigurationError(f"layers must be 1 to 6, got {self.layers}")
        if not 1 <= self.batch <= 10_000:
            raise ConfigurationError(f"batch must be 1 to 10,000, got {self.batch}")
        if not 0 <= self.seed < 2**63:
            raise ConfigurationError(f"seed must be 0 or more and below 2**63, got {self.seed}")
        found = survey(
            self.layers,
            depth=self.depth,
            ansatz=self.ansatz,
            readout=self.readout,
            batch=self.batch,
            seed=self.seed,
        )
        rows = progress.counted(found, self.layers)
        if self.json:
            wirings = [
                {
                    "wiring": str(wiring),
                    "cut": [layer.as_dict() for layer in cut.layers],
                    "true": [layer.as_dict() for layer in true.layers],
                }
                for wiring, cut, true in rows
            ]
            print_json({"layers": self.layers, "wirings": wirings})
        else:
            tables.gradients(self.layers, rows)


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
            print_json({"layers": self.layers, "wirings": rows})
        else:
            tables.wirings(self.layers, wirings)


@dataclass(frozen=True)
class Draw:
    """Draw a circuit as text, or print it as OpenQASM 3.

    Example: resqunn draw --ansatz rx_chain --depth 2 --reupload
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

    values: int = 4
    """Values in a patch; a 2x2 kernel on one channel has 4."""

    depth: int = 2
    """Ansatz layers."""

    reupload: bool = False
    """Repeat the encoding before each ansatz layer."""

    qasm: bool = False
    """Print OpenQASM 3 instead of a drawing."""

    inputs: Annotated[
        tuple[float, ...],
        tyro.conf.arg(metavar="X...", help_behavior_hint="(default: left as parameters)"),
    ] = ()
    """With --qasm: the values of the patch, which amplitude encoding needs."""

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
                f"{circuit.draw()}\n{circuit.num_qubits} qubits, {len(circuit.operations)} gates, "
                f"weights {circuit.weight_shape}, {circuit.num_outputs} value(s)\n"
            )


@dataclass(frozen=True)
class Datasets:
    """List the data sets and where their files are.

    Example: resqunn datasets --data-root ~/data
    """

    data_root: Annotated[
        Path | None,
        tyro.conf.arg(metavar="FOLDER", help_behavior_hint="(default: $RESQUNN_DATA)"),
    ] = None
    """Folder that holds the data files."""

    def run(self) -> None:
        from resqunn.data.sources import SOURCES
        from resqunn.data.verified import find

        places = []
        for row in SOURCES.values():
            found = [find(row, file, self.data_root) for file in row.files]
            if not row.files:
                places.append("with this package")
            elif all(found):
                places.append(str(found[0].parent if found[0] else ""))
            else:
                places.append("downloaded at first use")
        tables.datasets(list(SOURCES.values()), places)
