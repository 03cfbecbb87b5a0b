"""Torch's ways to run a module: with values and gradients as ever."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import threading
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.nn.utils import parametrize
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from reliability.mode_cases import Case, Found, loss

Mode = Callable[[Case], Found]


def plain(case: Case) -> Found:
    return case.of(case.layer, case.given, case.layer)


def within(context: Callable[[], contextlib.AbstractContextManager]) -> Callable[[Case], Found]:
    def mode(case: Case) -> Found:
        with context():
            return plain(case)

    return mode


def autocast(case: Case) -> Found:
    """The way there alone, as torch says: it would round the derivatives' products too."""

    def run(images: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return case.layer(images)

    return case.of(run, case.given, case.layer)


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextlib.contextmanager
def default_float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def laid_out(change: Callable[[Tensor], Tensor]) -> Callable[[Case], Found]:
    """The images in another layout, which has no say in the numbers."""

    def mode(case: Case) -> Found:
        images = change(case.images)
        assert torch.equal(images, case.images)
        images = images.detach().requires_grad_("images" in case.names)
        return case.of(case.layer, images, case.layer)

    return mode


def channels_last(images: Tensor) -> Tensor:
    order = (0, *range(2, images.ndim), 1)
    return images.permute(order).contiguous().movedim(-1, 1)


def negated(images: Tensor) -> Tensor:
    """With torch's negative bit: the values lie negated in memory."""
    found = torch.complex(images, -images).conj().imag
    assert found.is_neg()
    return found


def strided(images: Tensor) -> Tensor:
    return torch.stack([images, -images], -1).repeat_interleave(2, 0)[::2, ..., 0]


def transposed(images: Tensor) -> Tensor:
    return images.transpose(0, -1).contiguous().transpose(0, -1)


def offset(images: Tensor) -> Tensor:
    flat = torch.cat([images.new_zeros(3), images.flatten()])
    return flat[3:].view(images.shape)


def copied(copier: Callable[[nn.Module], nn.Module]) -> Callable[[Case], Found]:
    def mode(case: Case) -> Found:
        same = copier(case.layer)
        return case.of(same, case.given, same)

    return mode


def through_a_file(layer: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def without_gradients(context: Callable) -> Callable[[Case], Found]:
    def mode(case: Case) -> Found:
        with context():
            return {"values": case.layer(case.images)}

    return mode


def checkpointed(case: Case) -> Found:
    def run(images: Tensor) -> Tensor:
        return checkpoint(case.layer, images, use_reentrant=False)

    return case.of(run, case.given, case.layer)


def checkpointed_reentrant(case: Case) -> Found:
    """By `backward`, and among inputs one that has a gradient, as it has to be."""
    layer, images = copy.deepcopy(case.layer), case.images.clone().requires_grad_()
    if not layer(images).requires_grad:
        return {}
    values = checkpoint(layer, images, use_reentrant=True)
    loss(values, case.cotangent.to(values.dtype)).backward()
    return {"values": values.detach()} | accumulated(case, layer, images)


def accumulated(case: Case, layer: nn.Module, images: Tensor) -> Found:
    """The gradients that `backward` has left."""
    named = {"images": images, **dict(layer.named_parameters())}
    return {f"gradient of {n}": named[n].grad for n in case.names if named[n].grad is not None}


def twice_backward(case: Case) -> Found:
    layer = copy.deepcopy(case.layer)
    images = case.given
    of = loss(layer(images), case.cotangent.to(images.dtype))
    if not of.requires_grad:
        return {}
    of.backward(retain_graph=True)
    of.backward()
    return {name: twice / 2 for name, twice in accumulated(case, layer, images).items()}


def in_threads(case: Case) -> Found:
    found: list[Found] = []
    threads = [threading.Thread(target=lambda: found.append(plain(case))) for _ in range(3)]
    for step in (threading.Thread.start, threading.Thread.join):
        for thread in threads:
            step(thread)
    assert len(found) == len(threads)
    for other in found[1:]:
        assert all(torch.equal(other[key], value) for key, value in found[0].items())
    return found[0]


def no_images(case: Case) -> Found:
    images = case.images[:0].clone().requires_grad_()
    values = case.layer(images)
    assert values.shape == (0, *case.cotangent.shape[1:])
    if values.requires_grad:
        leaves = [images, *(p for p in case.layer.parameters() if p.requires_grad)]
        for gradient in torch.autograd.grad(values.sum(), leaves, allow_unused=True):
            assert gradient is None or not gradient.any()
    return {}


def one_image(case: Case) -> Found:
    values = [case.layer(image) for image in case.images]
    return {"values": torch.stack(values).detach()} if values else {}


class Half(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight / 2

    def right_inverse(self, weight: Tensor) -> Tensor:
        return 2 * weight


def parametrized(case: Case) -> Found:
    layer = copy.deepcopy(case.layer)
    parametrize.register_parametrization(layer, "weight", Half())
    images = case.given
    values = layer(images)
    found = {"values": values.detach()}
    if "weight" in case.names and values.requires_grad:
        of = loss(values, case.cotangent.to(values.dtype))
        original = layer.parametrizations.weight.original
        (gradient,) = torch.autograd.grad(of, original, allow_unused=True, materialize_grads=True)
        found["gradient of weight"] = 2 * gradient
    return found


def faked(case: Case) -> Found:
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        values = copy.deepcopy(case.layer)(mode.from_tensor(case.images))
    assert type(values).__name__ == "FakeTensor"
    assert (values.shape, values.dtype) == (case.cotangent.shape, case.images.dtype)
    return plain(case)


def on_meta(case: Case) -> Found:
    values = copy.deepcopy(case.layer).to("meta")(case.images.to("meta"))
    assert values.is_meta
    assert (values.shape, values.dtype) == (case.cotangent.shape, case.images.dtype)
    return plain(case)


def after_a_convolution(case: Case) -> Found:
    """The images as something that has a history, and is used again in place."""
    images = case.given
    return case.of(lambda x: case.layer((2 * x).div_(2)), images, case.layer)


def counted(case: Case) -> Found:
    with FlopCounterMode(display=False):
        values = case.layer(case.images)
    return {"values": values.detach()}


RUNNING: dict[str, Mode] = {
    "plain": plain,
    "no_grad": without_gradients(torch.no_grad),
    "inference_mode": without_gradients(torch.inference_mode),
    "autocast": autocast,
    "anomaly mode": within(lambda: torch.autograd.detect_anomaly(check_nan=False)),
    "deterministic": within(deterministic),
    "default float64": within(default_float64),
    "default device meta": within(lambda: torch.device("meta")),
    "saved on the CPU": within(save_on_cpu),
    "saved tensors packed": within(
        lambda: saved_tensors_hooks(lambda t: t.detach().numpy(), torch.from_numpy)
    ),
    "single-threaded backward": within(lambda: torch.autograd.set_multithreading_enabled(False)),
    "threads": in_threads,
    "checkpoint, reentrant": checkpointed_reentrant,
    "checkpoint": checkpointed,
    "channels last": laid_out(channels_last),
    "negated in memory": laid_out(negated),
    "strided": laid_out(strided),
    "transposed": laid_out(transposed),
    "offset": laid_out(offset),
    "deepcopy": copied(copy.deepcopy),
    "pickle": copied(lambda layer: pickle.loads(pickle.dumps(layer))),
    "torch.save": copied(through_a_file),
    "no images": no_images,
    "one image": one_image,
    "with a history": after_a_convolution,
    "backward twice": twice_backward,
    "parametrized": parametrized,
    "FakeTensorMode": faked,
    "meta": on_meta,
    "FlopCounterMode": counted,
}
