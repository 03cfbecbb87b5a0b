"""Trainable, multi-layer, residual quanvolutional neural networks on PyTorch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resqunn.analysis.circuit_report import CircuitReport, circuit_report
    from resqunn.analysis.gradient_flow import GradientFlow, gradient_flow
    from resqunn.analysis.pictures import plot_features, plot_gradient_flow, plot_spectrum
    from resqunn.analysis.spectrum import Spectrum, spectrum
    from resqunn.analysis.states import state, unitary
    from resqunn.circuits.angles import Expression, Input, Weight
    from resqunn.circuits.ansatze import Ansatz, GateList
    from resqunn.circuits.channels import Channel
    from resqunn.circuits.circuit import Circuit
    from resqunn.circuits.encodings import AngleEncoding, Encoding
    from resqunn.circuits.gates import Gate
    from resqunn.circuits.noise import Noise, Rule
    from resqunn.circuits.observables import Observable
    from resqunn.circuits.operations import Operation
    from resqunn.circuits.readouts import Hermitian, Pauli, Readout, Variance
    from resqunn.data.datasets import Dataset, load_dataset
    from resqunn.data.images import Images
    from resqunn.data.labelled import LabelledImages
    from resqunn.engines.base import Engine
    from resqunn.engines.pennylane import PennyLaneEngine
    from resqunn.errors import (
        CircuitError,
        ConfigurationError,
        DataError,
        FreedMemoryError,
        MissingExtraError,
        ResqunnError,
        RunError,
        ShapeError,
        WrongTypeError,
    )
    from resqunn.interop.from_pennylane import from_pennylane
    from resqunn.interop.from_torchlayer import from_torchlayer
    from resqunn.interop.imported import ImportedCircuit
    from resqunn.interop.noise_from_pennylane import noise_from_pennylane
    from resqunn.interop.to_classical import to_classical
    from resqunn.interop.to_onnx import to_onnx
    from resqunn.interop.to_pennylane import to_pennylane
    from resqunn.nn.heads import LinearHead, QuantumHead
    from resqunn.nn.network import ResQuNN
    from resqunn.nn.noise import with_noise
    from resqunn.nn.presets import paper_model
    from resqunn.nn.quanv import Quanv1d, Quanv2d, Quanv3d
    from resqunn.nn.replacing import replace_conv2d
    from resqunn.nn.wiring import Wiring

__version__ = "0.2.0"

_PLACES = {
    "AngleEncoding": "circuits.encodings",
    "Ansatz": "circuits.ansatze",
    "Channel": "circuits.channels",
    "Circuit": "circuits.circuit",
    "CircuitError": "errors",
    "CircuitReport": "analysis.circuit_report",
    "ConfigurationError": "errors",
    "DataError": "errors",
    "Dataset": "data.datasets",
    "Encoding": "circuits.encodings",
    "Engine": "engines.base",
    "Expression": "circuits.angles",
    "FreedMemoryError": "errors",
    "Gate": "circuits.gates",
    "GateList": "circuits.ansatze",
    "GradientFlow": "analysis.gradient_flow",
    "Hermitian": "circuits.readouts",
    "Images": "data.images",
    "ImportedCircuit": "interop.imported",
    "Input": "circuits.angles",
    "LabelledImages": "data.labelled",
    "LinearHead": "nn.heads",
    "MissingExtraError": "errors",
    "Noise": "circuits.noise",
    "Observable": "circuits.observables",
    "Operation": "circuits.operations",
    "Pauli": "circuits.readouts",
    "PennyLaneEngine": "engines.pennylane",
    "QuantumHead": "nn.heads",
    "Quanv1d": "nn.quanv",
    "Quanv2d": "nn.quanv",
    "Quanv3d": "nn.quanv",
    "Readout": "circuits.readouts",
    "ResQuNN": "nn.network",
    "ResqunnError": "errors",
    "Rule": "circuits.noise",
    "RunError": "errors",
    "ShapeError": "errors",
    "Spectrum": "analysis.spectrum",
    "Variance": "circuits.readouts",
    "Weight": "circuits.angles",
    "Wiring": "nn.wiring",
    "WrongTypeError": "errors",
    "circuit_report": "analysis.circuit_report",
    "from_pennylane": "interop.from_pennylane",
    "from_torchlayer": "interop.from_torchlayer",
    "gradient_flow": "analysis.gradient_flow",
    "load_dataset": "data.datasets",
    "noise_from_pennylane": "interop.noise_from_pennylane",
    "paper_model": "nn.presets",
    "plot_features": "analysis.pictures",
    "plot_gradient_flow": "analysis.pictures",
    "plot_spectrum": "analysis.pictures",
    "replace_conv2d": "nn.replacing",
    "spectrum": "analysis.spectrum",
    "state": "analysis.states",
    "to_classical": "interop.to_classical",
    "to_onnx": "interop.to_onnx",
    "to_pennylane": "interop.to_pennylane",
    "unitary": "analysis.states",
    "with_noise": "nn.noise",
}

__all__ = [
    "AngleEncoding",
    "Ansatz",
    "Channel",
    "Circuit",
    "CircuitError",
    "CircuitReport",
    "ConfigurationError",
    "DataError",
    "Dataset",
    "Encoding",
    "Engine",
    "Expression",
    "FreedMemoryError",
    "Gate",
    "GateList",
    "GradientFlow",
    "Hermitian",
    "Images",
    "ImportedCircuit",
    "Input",
    "LabelledImages",
    "LinearHead",
    "MissingExtraError",
    "Noise",
    "Observable",
    "Operation",
    "Pauli",
    "PennyLaneEngine",
    "QuantumHead",
    "Quanv1d",
    "Quanv2d",
    "Quanv3d",
    "Readout",
    "ResQuNN",
    "ResqunnError",
    "Rule",
    "RunError",
    "ShapeError",
    "Spectrum",
    "Variance",
    "Weight",
    "Wiring",
    "WrongTypeError",
    "circuit_report",
    "from_pennylane",
    "from_torchlayer",
    "gradient_flow",
    "load_dataset",
    "noise_from_pennylane",
    "paper_model",
    "plot_features",
    "plot_gradient_flow",
    "plot_spectrum",
    "replace_conv2d",
    "spectrum",
    "state",
    "to_classical",
    "to_onnx",
    "to_pennylane",
    "unitary",
    "with_noise",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that `resqunn --help` need not import torch.
    if name not in _PLACES:
        raise AttributeError(f"module 'resqunn' has no attribute {name!r}")
    return getattr(importlib.import_module(f"resqunn.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
