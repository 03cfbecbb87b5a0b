"""A network, its optimiser and its data, built from a configuration, and what is kept of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from resqunn.data.datasets import Dataset, LabelledImages
from resqunn.data.images import Images
from resqunn.errors import ConfigurationError, RunError
from resqunn.lab.training.checkpoint import AGAIN, Checkpoint, Entry, check_entries, save_checkpoint
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.control_networks import control_layers
from resqunn.lab.training.evaluation import prepare
from resqunn.lab.training.inputs import Shape, load_data, located, named_shape, shape_of
from resqunn.lab.training.metrics import require_defined
from resqunn.lab.training.models import Model, own_model
from resqunn.lab.training.objective import objective_of
from resqunn.lab.training.optimizer import STATES, make_optimizer
from resqunn.lab.training.records import Epoch, Run, metrics_sha256, part_names
from resqunn.lab.training.stack import BatchReport
from resqunn.nn.followed import quanv_of
from resqunn.nn.heads import head_class
from resqunn.nn.network import ResQuNN
from resqunn.nn.placement import available
from resqunn.nn.presets import depthwise_layers, taken_by
from resqunn.nn.quanv import Quanv2d

NAMES = re.compile(
    r"model/.+|adam/\d+/(?:step|exp_avg|exp_avg_sq)|sgd/\d+/momentum_buffer", re.DOTALL
)
"""Of a checkpoint's tensors."""


@dataclass(frozen=True)
class Callbacks:
    """Functions of the caller's that a run calls as it goes on.

    What one raises ends the run, which can be resumed.
    """

    on_start: Callable[[TrainConfig, Dataset, nn.Module, int], None] | None = None
    """With the configuration, the data, the model, and the epochs already done."""
    on_batch: BatchReport | None = None
    """After each batch, with its number, the number of batches, and the epoch's mean loss and
    accuracy so far."""
    on_epoch: Callable[[Epoch], None] | None = None
    """After each epoch, once its checkpoint is written, with its line of `metrics.jsonl`."""


SILENT = Callbacks()


def build_model(config: TrainConfig, shape: Shape | None = None) -> ResQuNN:
    """The network of a configuration, its weights drawn from the seed.

    A field of the configuration reaches what has a parameter of its name: the layers, the head
    or the network.

    Args:
        shape: of the images; None is that of the data set that the configuration names, which is
            read if the table of data sets does not say it.

    Raises:
        ConfigurationError: for options that do not fit, or a network that the options are not of.
    """
    if config.model is not None:
        raise ConfigurationError(
            f"model must be None for a network of the options, got {config.model!r}"
        )
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
    if config.control is None:
        make_layers = depthwise_layers
    else:
        make_layers = partial(control_layers, config.control)
    options["layers"] = make_layers(
        **taken_by(Quanv2d, options) | taken_by(depthwise_layers, options)
    )
    options["head"] = make_head(**taken_by(make_head, options))
    return ResQuNN(**taken_by(ResQuNN, options)).to(device)


class Session:
    """A model, its optimiser and its data, ready to go on.

    Args:
        data: the images, where the configuration does not name them.
        model: the network, or its factory's address, where the options are not what makes it.
    """

    def __init__(
        self, config: TrainConfig, data: Images | Dataset | None = None, model: Model = None
    ) -> None:
        config.check()
        self.config = config = located(config)
        shape = named_shape(config)
        if shape is None:
            self.data = load_data(config, data)
            shape = shape_of(self.data)
            self.model = network(config, shape, model)
        else:
            self.model = network(config, shape, model)  # first: a mistake shows at once
            self.data = load_data(config)
        device, dtype = available(config.device), getattr(torch, config.dtype)
        self.train = _moved(self.data.train, device, dtype)
        self.validation = _moved(self.data.validation, device, dtype)
        require_defined(config.metric, self.validation.labels, self.validation.classes)
        with torch.no_grad():
            self.model.eval()(self.train.images[:1])  # gives the head its shape
        self.model.train()
        self.objective = objective_of(config, self.train.labels, self.train.classes)
        self.optimizer = make_optimizer(config, self.model)
        self.parts = _parts(self.model)
        most = -(-len(self.train) // config.batch_size)
        self.steps = config.steps_per_epoch or most
        if self.steps > most:
            raise ConfigurationError(
                f"steps_per_epoch must be {most} at most, as many as there are batches of "
                f"{config.batch_size} of {len(self.train)} images, got {self.steps}"
            )

    def test(self) -> LabelledImages | None:
        """The images to test on, if there are some."""
        if self.data.test is None:
            return None
        return _moved(self.data.test, self.train.images.device, self.train.images.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all images to train on, which networks of a stack have in common."""
        return tuple(self.train.images.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the images, and of what is computed of them once, as they are kept while a
        network is trained."""
        first = replace(self.train, images=self.train.images[:1], labels=self.train.labels[:1])
        _, *computed = prepare(self.model, first).sums
        of_each = sum(sums.nbytes for sums in computed if sums is not None)
        both = (self.train.images, self.validation.images)
        return sum(images.nbytes + len(images) * of_each for images in both)

    def save(self, run: Run, *names: str) -> None:
        """Writes weights and the optimiser's state as the checkpoints of these names."""
        tensors = {f"model/{key}": value for key, value in self.model.state_dict().items()}
        if self.config.model is not None:  # whose parts may share memory
            tensors = {key: value.clone() for key, value in tensors.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"{self._kept}/{number}/{key}": value for key, value in state.items()}
        sums = self.config.sha256, metrics_sha256(run.epochs)
        checkpoint = Checkpoint(len(run.epochs), tensors, *sums)
        save_checkpoint(run.folder / "checkpoints", checkpoint, *names)

    @property
    def _kept(self) -> str:
        """What a checkpoint calls the optimiser's state."""
        return "sgd" if self.config.optimizer == "sgd" else "adam"

    def restore(self, folder: Path, checkpoint: Checkpoint, with_optimizer: bool = True) -> None:
        """Goes back to a checkpoint.

        Raises:
            RunError: if it is of another network.
        """
        if not with_optimizer:
            restore_weights(self.model, folder, checkpoint)
            return
        state: dict[int, dict[str, torch.Tensor]] = {}
        groups = self.optimizer.state_dict()["param_groups"]
        with _fitting_its_configuration(folder):
            _require_known_names(checkpoint, ("model", self._kept))
            found = dict(_named(checkpoint, self._kept))
            check_entries(found, self._optimizer_entries(checkpoint.epoch, found))
            restore_weights(self.model, folder, checkpoint)
            for name, tensor in found.items():
                number, _, entry = name.partition("/")
                state.setdefault(int(number), {})[entry] = tensor
            self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    def _optimizer_entries(self, epoch: int, found: Collection[str]) -> dict[str, Entry]:
        """What the optimiser keeps after so many epochs, of each weight that a gradient reaches.

        Args:
            found: what there is; which weights a network of the caller's reaches is not known.
        """
        kept = STATES[self._kept]
        if epoch == 0 or (self._kept == "sgd" and not self.config.momentum):
            return {}
        # Adam counts in float32, which goes no further.
        steps = float(min(epoch * self.steps, 2**24))
        groups = self.optimizer.param_groups
        trained: list[torch.Tensor] = [weight for group in groups for weight in group["params"]]
        if self.config.model is None:
            numbers = self._reached(trained)
        else:
            numbers = [n for n in range(len(trained)) if any(k.startswith(f"{n}/") for k in found)]
        expected: dict[str, Entry] = {}
        for number in numbers:
            like = trained[number]
            if self._kept == "adam":
                known = steps if self.config.model is None else None
                expected[f"{number}/step"] = Entry((), torch.float32, value=known, lowest=0.0)
            for name, lowest in kept.items():
                expected[f"{number}/{name}"] = Entry(tuple(like.shape), like.dtype, lowest=lowest)
        return expected

    def _reached(self, trained: list[torch.Tensor]) -> list[int]:
        """The numbers of the weights that a gradient reaches: with cut derivatives not all."""
        if not trained:
            return []
        with threads(self.config.threads):
            scores = self.model.eval()(self.train.images[:1])
            found = torch.autograd.grad(scores.sum(), trained, allow_unused=True)
        self.model.train()
        return [number for number, gradient in enumerate(found) if gradient is not None]


def network(config: TrainConfig, shape: Shape, model: Model) -> nn.Module:
    """The configuration's network, or the caller's."""
    if config.model is None:
        return build_model(config, shape)
    if model is None:
        raise ConfigurationError(
            f"model must be given by whoever trains it, got the configuration's {config.model!r}"
        )
    return own_model(config, shape, model)


def _parts(model: nn.Module) -> dict[str, nn.Module]:
    """The modules whose gradient norms are reported, by name: of layers their circuits."""
    if not isinstance(model, ResQuNN):
        return {"model": model}
    modules = (*(quanv_of(layer) for layer in model.layers), model.head)
    return dict(zip(part_names(len(model.layers)), modules, strict=True))


def restore_weights(model: nn.Module, folder: Path, checkpoint: Checkpoint) -> None:
    """Gives a network the weights of a checkpoint.

    Raises:
        RunError: if it is of another network.
    """
    found = dict(_named(checkpoint, "model"))
    head = getattr(model, "head", None)
    classes: Any = getattr(head, "classes", None)
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


def _require_known_names(
    checkpoint: Checkpoint, kinds: Collection[str] = ("model", *STATES)
) -> None:
    for name in checkpoint.tensors:
        if not NAMES.fullmatch(name) or name.partition("/")[0] not in kinds:
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
