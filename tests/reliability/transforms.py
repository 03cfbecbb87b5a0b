"""Torch's ways to transform a module: to differentiate it, to batch it, to make graphs of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import (
    functional_call,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    vjp,
    vmap,
)
from torch.fx.experimental.proxy_tensor import make_fx

from reliability.mode_cases import Case, Found, loss, penalty, values_and_gradients
from reliability.modes import Mode, plain

SMALL = 40
"""Of how many images' values Jacobians are asked for; of half as many, second derivatives."""


def over_images(case: Case) -> Found:
    return {"values": vmap(case.layer)(case.images)}


def over_weights(case: Case) -> Found:
    both = {k: torch.stack([v, case.other_parameters[k]]) for k, v in case.parameters.items()}
    run = vmap(lambda weights: functional_call(case.layer, weights, (case.images,)))
    values, other = run(both)
    return {"values": values, "values of other weights": other}


def other_weights(case: Case) -> Found:
    call = functional_call(case.layer, case.other_parameters, (case.images,))
    return {"values of other weights": call.detach(), **plain(case)}


def per_sample(case: Case) -> Found:
    """Each image's gradient by weights; of the sum their sum."""
    cotangent = case.cotangent.to(case.images.dtype)

    def one(weights: dict[str, Tensor], image: Tensor, v: Tensor) -> Tensor:
        return loss(functional_call(case.layer, weights, (image[None],))[0], v)

    each = vmap(grad(one), (None, 0, 0))(case.parameters, case.images, cotangent)
    return {f"gradient of {name}": value.sum(0) for name, value in each.items()}


def along(case: Case) -> tuple[Callable, tuple, tuple]:
    """A function of all that has a tangent, where it is taken, and the tangents."""
    names = list(case.parameters)

    def run(images: Tensor, *weights: Tensor) -> Tensor:
        return functional_call(case.layer, dict(zip(names, weights, strict=True)), (images,))

    return run, (case.images, *case.parameters.values()), tuple(case.directions)


def forward(case: Case) -> Found:
    values, tangent = jvp(*along(case))
    return {"values": values, "tangent": tangent}


def linear(case: Case) -> Found:
    run, place, directions = along(case)
    values, push = linearize(run, *place)
    return {"values": values, "tangent": push(*directions)}


def dual(case: Case) -> Found:
    run, place, directions = along(case)
    with forward_ad.dual_level():
        made = [forward_ad.make_dual(p, d) for p, d in zip(place, directions, strict=True)]
        values, tangent = forward_ad.unpack_dual(run(*made))
        found = {"values": values.clone()}
        return found | ({} if tangent is None else {"tangent": tangent.clone()})


def by_double_reverse(case: Case) -> Found:
    run, place, directions = along(case)
    if not run(*(part.clone().requires_grad_() for part in place)).requires_grad:
        return {}
    return {"tangent": torch.autograd.functional.jvp(run, place, directions)[1]}


def jacobian(transform: Callable) -> Callable[[Case], Found]:
    def mode(case: Case) -> Found:
        if case.images.numel() > SMALL:
            return forward(case)
        return {"Jacobian": transform(case.layer)(case.images)}

    return mode


def by_rows_at_once(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda images: torch.autograd.functional.jacobian(layer, images, vectorize=True)


def second_derivatives(transform: Callable) -> Callable[[Case], Found]:
    def mode(case: Case) -> Found:
        cotangent = case.cotangent.to(case.images.dtype)
        if case.images.numel() > SMALL / 2:
            return by_penalty(case)
        return {"Hessian": transform(lambda x: loss(case.layer(x), cotangent))(case.images)}

    return mode


def by_penalty(case: Case) -> Found:
    return penalty(case.layer, case.images, case.cotangent)


def pulled_back(case: Case) -> Found:
    """Many cotangents at once, the first of which is the loss's."""
    run, place, _ = along(case)
    values, back = vjp(run, *place)
    first = case.cotangent.to(values.dtype) * values.cos()
    gradients = vmap(back)(torch.stack([first, first.roll(1) + 1]))
    names = ["images", *case.parameters]
    return {"values": values} | {
        f"gradient of {n}": g[0] for n, g in zip(names, gradients, strict=True)
    }


def batched(case: Case) -> Found:
    images, values = case.given, None
    values = case.layer(images)
    named = {"images": images, **dict(case.layer.named_parameters())}
    wanted = [named[name] for name in case.names]
    if not wanted or not values.requires_grad:
        return {"values": values.detach()}
    first = case.cotangent.to(values.dtype) * values.detach().cos()
    cotangents = torch.stack([first, first.flip(0)])
    gradients = torch.autograd.grad(
        values, wanted, cotangents, is_grads_batched=True, allow_unused=True
    )
    pairs = zip(case.names, gradients, strict=True)
    return {f"gradient of {n}": g[0] for n, g in pairs if g is not None}


def by_images(case: Case, module: Callable[[Tensor], Tensor]) -> Found:
    """Values and gradients of a graph, whose parameters are its own."""
    images = case.images.clone().requires_grad_()
    return values_and_gradients(module, images, case.cotangent, {"images": images})


def recorded(**options: object) -> Mode:
    def mode(case: Case) -> Found:
        return by_images(case, make_fx(case.layer, **options)(case.others))

    return mode


def traced(case: Case) -> Found:
    return by_images(case, torch.jit.trace(case.layer, case.others, check_trace=False))


def exported(case: Case) -> Found:
    graph = torch.export.export(case.layer, (case.others,), strict=False).module()
    return by_images(case, graph)


def compiled(case: Case) -> Found:
    torch._dynamo.reset()
    found = torch.compile(case.layer, backend="eager")
    return case.of(found, case.given, case.layer)


TRANSFORMS: dict[str, Mode] = {
    "vmap over images": over_images,
    "vmap over weights": over_weights,
    "other weights": other_weights,
    "per-sample gradients": per_sample,
    "jvp": forward,
    "dual numbers": dual,
    "jvp by double reverse": by_double_reverse,
    "jacrev": jacobian(jacrev),
    "jacfwd": jacobian(jacfwd),
    "jacobian, vectorized": jacobian(by_rows_at_once),
    "hessian": second_derivatives(hessian),
    "jacrev of jacrev": second_derivatives(lambda f: jacrev(jacrev(f))),
    "jacrev of jacfwd": second_derivatives(lambda f: jacrev(jacfwd(f))),
    "gradient penalty": by_penalty,
    "vmapped vjp": pulled_back,
    "is_grads_batched": batched,
}

GRAPHS: dict[str, Mode] = {
    "make_fx": recorded(),
    "make_fx, fake": recorded(tracing_mode="fake", _allow_non_fake_inputs=True),
    "make_fx, symbolic": recorded(tracing_mode="symbolic", _allow_non_fake_inputs=True),
    "linearize": linear,
    "jit.trace": traced,
    "export": exported,
    "compile": compiled,
}
"""These take a tenth of a second or more."""
