"""Every argument of everything that `from resqunn import ...` offers has an answer for a bad value.

In one line, as one of the library's own errors; never Python's or torch's.
"""

import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from torch import nn

import resqunn
from resqunn import (
    Circuit,
    Dataset,
    Images,
    LabelledImages,
    LinearHead,
    Noise,
    PennyLaneEngine,
    QuantumHead,
    Quanv1d,
    Quanv2d,
    Quanv3d,
    ResQuNN,
    ResqunnError,
    Wiring,
    circuit_report,
    gradient_flow,
    load_dataset,
    paper_model,
    replace_conv2d,
    spectrum,
    state,
    to_classical,
    to_pennylane,
    unitary,
)
from resqunn.data import Split
from resqunn.nn.presets import depthwise_layers
from resqunn.papers import Options

from support import own_images, write_folder

WHOLE = ["many", 2.5, True, None, -1, [1]]
"""What a number of anything never is."""
FLAG = ["yes", None, 1, 0.5]
NAME = ["nothing", 3, None, [], "Z"]
SIZE = [0.5, None, -1, True, "2"]
PAIR = [0.5, (1, 2, 3), "2", None, -1, (1, True), [1.5, 2]]
PLACE: dict[str, list[Any]] = {
    "device": ["tpu?", 3.5, [], "cuda:99"],
    "dtype": [torch.float16, torch.int64, "float32", 32],
    "generator": [0, "seed", torch],
}
HEAD = {"classes": [*WHOLE, 0, 1], "softmax": FLAG, **PLACE}
SHOTS = {
    "noise": [0.1, "depolarizing", 3, Noise], "shots": ["many", 2.5, True, 0, -1, (10, 10)],
    "shot_gradient": NAME, "shot_sampling": NAME,
}  # fmt: skip
CIRCUIT = {
    "encoding": NAME, "ansatz": NAME, "readout": [*NAME, "z99", "z0,"], "depth": WHOLE,
    "reupload": FLAG,
}  # fmt: skip
IMAGES = torch.rand(3, 1, 8, 8)
TWO_QUBITS = Circuit("ry", "ry_chain", "z", inputs=2, depth=1)
POINT = {"circuit": TWO_QUBITS, "inputs": [0.1, 0.2], "weights": [0.3, 0.4]}
NO_NUMBERS = [None, "ab", [1j, 0], [1, 2, 3], [float("nan"), 0], nn.Identity(), [[1], [1, 2]]]
SOME = LabelledImages(IMAGES, torch.tensor([0, 1, 1]), ("a", "b"))
MODEL = paper_model("O1+O2", depths=(1, 1))
CLASSES = ["many", 2.5, True, -1, 1, (), (0,), (1, 1), (0, 10**6), ("0", "cat"), (0, 1.5)]
SIDES = ["8", 0, -1, 2.5, True, (8,), (8, 0), 10**6]
PAIRS = list(zip(IMAGES, [0, 1, 1], strict=True))
PART = Split(np.zeros((3, 1, 8, 8), np.uint8), np.array([0, 1, 1]))
OTHER = Split(np.zeros((3, 3, 8, 8), np.uint8), np.array([0, 1, 1]))
KEPT = tempfile.TemporaryDirectory()  # as long as this module
FOLDER = write_folder(Path(KEPT.name, "tiles"), own_images({"train": 2}))
NPZ = Path(KEPT.name, "tiles.npz")
np.savez(NPZ, images=np.zeros((3, 8, 8), np.uint8), labels=[0, 1, 1])


def layer_options(sizes: list[Any]) -> dict[str, list[Any]]:
    """What no layer takes, whatever its rank but for what is no size of its rank."""
    return CIRCUIT | SHOTS | {
        "in_channels": [*WHOLE, 0], "out_channels": [*WHOLE, 0, 3], "groups": [*WHOLE, 0, 3],
        "kernel_size": [*sizes, 0], "stride": [*sizes, 0], "padding": sizes,
        "dilation": [*sizes, 0],
        "angle_scale": ["1", True, float("nan"), 1j], "input_gradients": FLAG, "bias": FLAG,
        "padding_mode": NAME, "channel_mode": NAME, "circuit": ["ry", 3, Circuit],
        **PLACE, "engine": NAME,
    }  # fmt: skip


CASES: list[tuple[Callable[..., Any], dict[str, Any], dict[str, list[Any]]]] = [
    (Circuit, {"encoding": "ry", "ansatz": "ry_chain", "readout": "z", "inputs": 4, "depth": 1},
     CIRCUIT | {"inputs": [*WHOLE, 0]}),
    (Quanv2d, {"in_channels": 2, "out_channels": 8, "kernel_size": 2},
     layer_options(PAIR)),
    (Quanv1d, {"in_channels": 2, "out_channels": 8, "kernel_size": 2},
     layer_options(SIZE)),
    (Quanv3d, {"in_channels": 2, "out_channels": 16, "kernel_size": 2},
     layer_options(SIZE)),
    (replace_conv2d, {"model": nn.Sequential(nn.Conv2d(3, 4, 2)), "name": "0"}, {
        "model": [None, 3, "net"], "name": [None, 3, "1"], "options": [3],
    }),
    (ResQuNN, {"layers": [nn.Identity()], "wiring": "none", "head": nn.Flatten()},
     {
         "layers": [3, None, [], [3], nn.Identity(), "ab"], "wiring": [None, 3, "O9", [[0]]],
         "head": [None, "linear", nn.Flatten], "align": ["center", None, 3],
     }),
    (LinearHead, {"classes": 3}, HEAD | {"features": ["many", 2.5, True, 0, -1, [1]]}),
    (QuantumHead, {"classes": 3}, HEAD | SHOTS | {
        "num_qubits": [*WHOLE, 0, 1000], "measured": [3, "012", (0, 1), (0, 1, 1.5), (0, 0, 1)],
        "engine": NAME,
    }),
    (paper_model, {"wiring": "O1+O2"}, {
        "wiring": [None, 3, "O9"], "head": [*NAME, "dense"], "classes": HEAD["classes"],
        "trainable": FLAG, "softmax": FLAG, "depths": [4, None, (), "41", (4, -1), (4, 1.5)],
        "generator": PLACE["generator"], "options": [3],
    }),
    (paper_model, {"wiring": "O1+O2"}, {
        "input_gradients": FLAG, "reupload": FLAG, "readout": NAME, "engine": NAME,
        "dtype": PLACE["dtype"], "in_channels": [3], "measured": [(0, 1)],
    }),
    (depthwise_layers, {"wiring": "none", "depths": (1,)}, {
        "channels": [*WHOLE, 0], "kernel_size": [*WHOLE, 0], "trainable": FLAG,
        "angle_scale": ["pi", 1j], "circuit": [None], "stride": ["1", 1.5, 0],
        "groups": ["1", 1.5, 0, 2], "filters": [*WHOLE, 0], "normalization": NAME,
        "activation": NAME,
        "initial_weights": [3, "ab", (), (0.1,), (None,) * 4, (float("nan"),) * 4],
    }),
    (gradient_flow, {"model": MODEL, "images": IMAGES, "labels": torch.tensor([0, 1, 2])}, {
        "model": [None, MODEL.head, nn.Flatten(), "model"],
        "images": [None, IMAGES[0], IMAGES.int(), [[0.0]], IMAGES[:0], IMAGES[:2], IMAGES[..., :1]],
        "labels": [None, [0, 1, 2], torch.tensor([0, 1]), torch.tensor([0, 1, 10]),
                   torch.tensor([0, 1, -1]), torch.rand(3)],
        "loss": [None, "mse", lambda scores, labels: scores, lambda scores, labels: 0.5],
    }),
    (state, POINT, {
        "circuit": [None, 3, "ry", Circuit], "inputs": NO_NUMBERS, "weights": NO_NUMBERS,
    }),
    (unitary, POINT, {
        "circuit": [None, 3, "ry", Circuit], "inputs": [*NO_NUMBERS, torch.ones(3, 2)],
        "weights": [*NO_NUMBERS, torch.ones(3, 2)],
    }),
    (spectrum, {"layer": TWO_QUBITS, "weights": [0.3, 0.4]}, {
        "layer": [None, 3, "ry", Quanv2d, nn.Identity()], "weights": NO_NUMBERS,
    }),
    (circuit_report, {"circuit": TWO_QUBITS, "pairs": 10, "samples": 2}, {
        "circuit": [None, 3, "ry", Circuit, Circuit("ry", "rx_chain", "z", inputs=17, depth=1)],
        "pairs": [*WHOLE, 1], "bins": [*WHOLE, 1], "samples": [*WHOLE, 1],
        "weight_range": [None, 1.0, (0,), (1, 0), (0, 0), (0, float("inf")), (0, float("nan"))],
        "inputs": NO_NUMBERS[1:], "seed": [1.5, "0", None, -1, 2**64],
    }),
    (load_dataset, {"name": "digits"}, {
        "name": NAME, "classes": [*CLASSES, 11], "per_class": ["some", 0, 1, 2.5, True, 10**6],
        "seed": [1.5, "0", None, -1, 2**64], "root": [3, []], "size": SIDES,
        "test": ["half", 0, 1, -0.5, float("nan"), 0.9, 0.1],
        "validation": ["half", None, 0, 1, -0.5, float("nan")], "mirror": [3, []],
        "antialias": [None, 1, "no"], "train_images": ["some", 0, 1.5, True, 10],
        "validation_images": ["some", 0, 1.5, True, 10],
    }),
    (LabelledImages, {"images": IMAGES, "labels": torch.tensor([0, 1, 1]), "classes": ("a", "b")}, {
        "images": [None, [[0.0]], IMAGES[0], IMAGES.int(), IMAGES[:2], IMAGES + 1],
        "labels": [None, [0, 1, 1], torch.rand(3), torch.tensor([0, 1]), torch.tensor([0, 1, 2])],
        "classes": [None, "ab", 2, (0, 1)],
    }),
    (Dataset, {"name": "own", "train": SOME, "validation": SOME}, {
        "name": [None, 3], "train": [None, IMAGES], "validation": [None, (IMAGES, IMAGES)],
        "test": [3, IMAGES], "drawn": [None, 3, "test", ("train",), (1,)],
    }),
    (Images, {"name": "own", "classes": ("a", "b"), "train": PART}, {
        "name": [None, 3], "classes": [None, "ab", ("a",), ("a", "a"), (0, 1)],
        "train": [None, SOME, IMAGES], "validation": [3, OTHER], "test": [3, OTHER],
    }),
    (Images.from_arrays, {"images": IMAGES, "labels": [0, 1, 1]}, {
        "images": [None, [[0.0]], IMAGES[0, 0], IMAGES * 300, IMAGES[:0], IMAGES + float("nan")],
        "labels": [None, 3, "ab", [0, 1], [0.5, 1, 1], [1, 1, 1], [None] * 3, IMAGES],
        "validation": [3, (IMAGES,), (IMAGES, [0]), (IMAGES[..., :4], [0, 1, 1])],
        "test": [3, "ab", (IMAGES, ["a", "b", "b"])],
        "classes": [3, "ab", ("a",), ("a", "a"), (0, 1)], "layout": [3, "CHW", "nchw"],
        "size": SIDES, "name": [None, 3],
    }),
    (Images.from_dataset, {"dataset": PAIRS}, {
        "dataset": [None, 3, [], [3], [(3, 4)], Images, [(IMAGES, 1)]],
        "validation": [3, [3], [(IMAGES[0], "a")]], "test": [3, [3], [(IMAGES[0, :, :4], 1)]],
        "classes": [3, "ab", ("a",)], "layout": [3, "CHW"], "size": SIDES, "name": [None, 3],
    }),
    (Images.from_npz, {"path": NPZ}, {
        "path": [None, 3, "", "nowhere.npz", __file__, "a\0b"], "layout": [3, "CHW"],
        "size": SIDES,
    }),
    (Images.from_folder, {"path": FOLDER}, {
        "path": [None, 3, "", "nowhere", __file__, "a\0b", FOLDER / "a"], "size": SIDES,
        "antialias": [None, 1, "no"],
    }),
    (PennyLaneEngine, {}, {
        "device": [None, 3, nn.Identity()], "shots": ["many", 2.5, True, 0, -1, (10, 10)],
        "diff_method": [None, 3], "noise_model": [0.1, "depolarizing", nn.Identity()],
    }),
    (to_classical, {"module": MODEL}, {"module": [None, 3, "layer", nn.ReLU]}),
    (to_pennylane, {"circuit": Circuit("ry", "ry_chain", "z", inputs=4, depth=1)}, {
        "circuit": [None, "ry", MODEL], "device": [None, 3, nn.Identity(), "nothing.here"],
        "shots": ["many", 2.5, True, 0, -1],
    }),
    (Wiring, {"layers": 1, "blocks": ((0, 1),)}, {
        "layers": [*WHOLE, 0, 2], "blocks": [None, 3, ((0,),), ((1, 0),), ("01",), ((0, 0.5),)],
    }),
    (Wiring.parse, {"text": "none", "layers": 2}, {
        "text": [None, 3, "", "O9", ["O1"]], "layers": [*WHOLE, 0],
    }),
    (Wiring.all, {"layers": 2}, {"layers": [*WHOLE, 0, 9]}),
    (Wiring.all(2)[0].reached, {}, {"input_gradients": [None, 1, "yes", (True,), (True, 2)]}),
    (Options, {}, {
        "data": [None, 3], "seeds": [None, 3, 1.5, (), (0, 0), (-1,), (0.5,)],
        "epochs": [*WHOLE, 0], "figures": ["8", None, (8,)], "interpretations": [None, "some"],
        "quick": FLAG,
    }),
]  # fmt: skip


pytestmark = pytest.mark.usefixtures("as_users_have_it")


@pytest.mark.parametrize(("make", "good", "bad"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_bad_arguments_get_one_line(
    make: Callable[..., Any],
    good: dict[str, Any],
    bad: dict[str, list[Any]],
) -> None:
    make(**good)
    if "options" not in inspect.signature(make).parameters or "options" in bad:
        assert set(bad) == set(inspect.signature(make).parameters), "an argument without a case"
    wrong = []
    for name, values in bad.items():
        for value in values:
            case = f"{name}={value!r}"
            try:
                make(**(good | {name: value}))
            except ResqunnError as error:
                _, *rest = str(error).splitlines()
                if rest and rest[-1].strip() != "^":
                    wrong.append(f"{case}: {error}")
            except Exception as error:
                wrong.append(f"{case}: {type(error).__name__}: {error}"[:300])
            else:
                wrong.append(f"{case} is accepted")
    assert not wrong, "\n".join(wrong)


def test_everything_public_is_among_the_cases() -> None:
    others = {"CircuitReport", "GradientFlow", "Spectrum"}  # made by the library, not by users
    others |= {"AngleEncoding", "Gate", "Input", "Observable", "Operation", "Weight"}  # of circuits
    others |= {"Expression", "GateList", "Hermitian", "Pauli", "Variance"}  # in tests/circuits
    others |= {"ImportedCircuit", "from_pennylane", "from_torchlayer"}  # in tests/interop
    others |= {"plot_features", "plot_gradient_flow", "plot_spectrum"}  # in tests/analysis
    others |= {"to_onnx"}  # in tests/interop
    others |= {"Channel", "Noise", "Rule", "noise_from_pennylane", "with_noise"}  # in tests/noise
    for name in resqunn.__all__:
        public = getattr(resqunn, name)
        abstract = inspect.isabstract(public)
        error = inspect.isclass(public) and issubclass(public, ResqunnError)
        if not abstract and not error and name not in others:
            assert name in {make.__name__ for make, _, _ in CASES}


@pytest.mark.parametrize(
    "options",
    [
        {"diff_method": "nothing"},
        {"device": "nothing.here"},
        {"device": "lightning.qubit", "diff_method": "backprop"},
        {"shots": 10, "diff_method": "adjoint"},
        {"device": qml.device("default.qubit", wires=2)},
        {"noise_model": qml.NoiseModel({
            qml.noise.op_in([qml.RX]): qml.noise.partial_wires(qml.DepolarizingChannel, 0.3)
        })},
    ],
)  # fmt: skip
def test_what_pennylane_refuses_is_told_at_first_use(options: dict[str, Any]) -> None:
    layer = Quanv2d(1, 4, 2, 2, ansatz="rx_chain", engine=PennyLaneEngine(**options))
    with pytest.raises(ResqunnError, match=r"PennyLane has here|cannot evaluate this circuit"):
        layer(torch.rand(1, 1, 4, 4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Quanv2d(1.0, 4, 2), "in_channels must be a whole number, got 1.0"),
        (
            lambda: Quanv2d(1, 4, 2.5),
            "kernel_size must be a whole number or a pair of whole numbers",
        ),
        (lambda: Quanv2d(1, 4, 2, engine=None), "engine must be a string or an Engine, got None"),
        (
            lambda: Quanv2d(1, 4, 2, angle_scale="pi"),
            "angle_scale must be a number or None, got 'pi'",
        ),
        (lambda: Quanv2d(1, 4, 2, dtype="f"), "dtype must be a torch.dtype or None, got 'f'"),
        (
            lambda: paper_model("none", depths=3),
            "depths must be a sequence of whole numbers, got 3",
        ),
        (lambda: ResQuNN([3], "none", nn.Flatten()), r"a sequence of torch.nn.Modules, got \[3\]"),
        (
            lambda: PennyLaneEngine(shots=-1),
            "shots must be 1 or more, or None for exact values, got -1",
        ),
        (
            lambda: gradient_flow(MODEL, IMAGES[0], torch.zeros(3)),
            "labels must be one for each of 1 or more images, got 3 labels and 1 images",
        ),
    ],
)
def test_messages_say_what_would_be_right(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ResqunnError, match=message):
        make()
