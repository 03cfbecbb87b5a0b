"""A network, its optimiser and its data, built from a configuration, and what is kept of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from resqunn.data.datasets import Dataset, LabelledImages
from resqunn.data.images import Images
from resqunn.errors import RunError
from resqunn.lab.training.checkpoint import AGAIN, Checkpoint, Entry, check_entries, save_checkpoint
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.inputs import Shape, load_data, located, named_shape, shape_of
from resqunn.lab.training.records import Epoch, Run, metrics_sha256, parts_of
from resqunn.lab.training.stack import BatchReport
from resqunn.nn.heads import head_class
from resqunn.nn.network import ResQuNN
from resqunn.nn.placement import available
from resqunn.nn.presets import depthwise_layers, taken_by
from resqunn.nn.quanv import Quanv2d

NAMES = re.compile(r"model/.+|adam/\d+/(?:step|exp_avg|exp_avg_sq)", re.DOTALL)
"""Of a checkpoint's tensors."""


@dataclass(frozen=True)
class Callbacks:
    """Functions of the caller's that a run calls as it goes on."""

    on_start: Callable[[TrainConfig, Dataset, ResQuNN, int], None] | None = None
    """With the configuration, the data, the model, and the epochs already done."""
    on_batch: BatchReport | None = None
    on_epoch: Callable[[Epoch], None] | None = None


SILENT = Callbacks()


def build_model(config: TrainConfig, shape: Shape | None = None) -> ResQuNN:
    """The network of a configuration, its weights drawn from the seed.

    A field of the configuration reaches what has a parameter of its name: the layers, the head
    or the network.

    Args:
        shape: of the images; None is that of the data set that the configuration names, which is
            read if the table of data sets does not say it.
    """
    device = available(config.device)
    shape = shape or named_shape(config) or shape_of(load_data(config))
    options = vars(config) | {
        "channels": shape.image[0],
        "classes": shape.classes,
        "dtype": getattr(torch, config.dtype),
        "device": None,  # moved when drawn
        "generator": torch.Generator().manual_seed(config.seed),
    }
    make_head = head_class(config.head)
    options["layers"] = depthwise_layers(
        **taken_by(Quanv2d, options) | taken_by(depthwise_layers, options)
    )
    options["head"] = make_head(**taken_by(make_head, options))
    return ResQuNN(**taken_by(ResQuNN, options)).to(device)


class Session:
    """A model, its optimiser and its data, ready to go on.

    Args:
        data: the images, where the configuration does not name them.
    """

    def __init__(self, config: TrainConfig, data: Images | Dataset | None = None) -> None:
        config.check()
        self.config = config = located(config)
        if named_shape(config) is None:
            self.data = load_data(config, data)
            self.model = build_model(config, shape_of(self.data))
        else:
            self.model = build_model(config)  # first: a mistake in the options shows at once
            self.data = load_data(config)
        device, dtype = available(config.device), getattr(torch, config.dtype)
        self.train = _moved(self.data.train, device, dtype)
        self.validation = _moved(self.data.validation, device, dtype)
        with torch.no_grad():
            self.model(self.train.images[:1])  # gives the head its shape
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=config.learning_rate, fused=True)
        modules = (*self.model.layers, self.model.head)
        self.parts: dict[str, nn.Module] = dict(zip(parts_of(config), modules, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all images to train on, which networks of a stack have in common."""
        return tuple(self.train.images.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the images, as they are kept while a network is trained."""
        both = (self.train.images, self.validation.images)
        return sum(images.nbytes for images in both)

    def save(self, run: Run, *names: str) -> None:
        """Writes weights and the optimiser's state as the checkpoints of these names."""
        tensors = {f"model/{key}": value for key, value in self.model.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam/{number}/{key}": value for key, value in state.items()}
        sums = self.config.sha256, metrics_sha256(run.epochs)
        checkpoint = Checkpoint(len(run.epochs), tensors, *sums)
        save_checkpoint(run.folder / "checkpoints", checkpoint, *names)

    def restore(self, folder: Path, checkpoint: Checkpoint, with_optimizer: bool = True) -> None:
        """Goes back to a checkpoint.

        Raises:
            RunError: if it is of another network.
        """
        if not with_optimizer:
            restore_weights(self.model, folder, checkpoint)
            return
        expected = self._optimizer_entries(checkpoint.epoch)
        state: dict[int, dict[str, torch.Tensor]] = {}
        groups = self.optimizer.state_dict()["param_groups"]
        with _fitting_its_configuration(folder):
            _require_known_names(checkpoint)
            found = dict(_named(checkpoint, "adam"))
            check_entries(found, expected)
            restore_weights(self.model, folder, checkpoint)
            for name, tensor in found.items():
                number, _, entry = name.partition("/")
                state.setdefault(int(number), {})[entry] = tensor
            self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    def _optimizer_entries(self, epoch: int) -> dict[str, Entry]:
        """What Adam keeps after so many epochs: of each weight that a gradient reaches, the
        number of steps and the two moments."""
        if epoch == 0:
            return {}
        # Adam counts in float32, which goes no further.
        steps = min(epoch * -(-len(self.train) // self.config.batch_size), 2**24)
        (trained,) = (group["params"] for group in self.optimizer.param_groups)
        expected: dict[str, Entry] = {}
        for number in self._reached(trained):
            like = trained[number]
            shape = tuple(like.shape)
            expected[f"{number}/step"] = Entry((), torch.float32, value=float(steps))
            expected[f"{number}/exp_avg"] = Entry(shape, like.dtype)
            expected[f"{number}/exp_avg_sq"] = Entry(shape, like.dtype, lowest=0.0)
        return expected

    def _reached(self, trained: list[torch.Tensor]) -> list[int]:
        """The numbers of the weights that a gradient reaches: with cut derivatives not all."""
        if not trained:
            return []
        with threads(self.config.threads):
            scores = self.model(self.train.images[:1])
            found = torch.autograd.grad(scores.sum(), trained, allow_unused=True)
        return [number for number, gradient in enumerate(found) if gradient is not None]


def restore_weights(model: ResQuNN, folder: Path, checkpoint: Checkpoint) -> None:
    """Gives a network the weights of a checkpoint.

    Raises:
        RunError: if it is of another network.
    """
    found = dict(_named(checkpoint, "model"))
    classes: Any = model.head.classes
    expected = {
        name: Entry((classes, None), value.dtype)
        if isinstance(value, UninitializedParameter)
        else Entry(tuple(value.shape), value.dtype)
        for name, value in model.state_dict(keep_vars=True).items()
    }
    with _fitting_its_configuration(folder):
        _require_known_names(checkpoint)
        check_entries(found, expected)
        model.load_state_dict(found)


def _require_known_names(checkpoint: Checkpoint) -> None:
    for name in checkpoint.tensors:
        if not NAMES.fullmatch(name):
            raise ValueError(f"{name!r:.80} is not expected")


def _named(checkpoint: Checkpoint, kind: str) -> Iterator[tuple[str, torch.Tensor]]:
    for key, tensor in checkpoint.tensors.items():
        before, _, name = key.partition("/")
        if before == kind:
            yield name, tensor


@contextmanager
def _fitting_its_configuration(folder: Path) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise RunError(
            f"the checkpoint of {folder} does not fit its configuration "
            f"({' '.join(str(error).split())}): {AGAIN}"
        ) from None


def _moved(data: LabelledImages, device: torch.device, dtype: torch.dtype) -> LabelledImages:
    return replace(data, images=data.images.to(device, dtype), labels=data.labels.to(device))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Torch's number of threads for as long as a run takes."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
