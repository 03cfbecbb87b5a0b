"""What a traced function computes, as expressions of its inputs and weights.

A graph of torch's operations is followed with arrays of angles in place of tensors. An operation
that no row of `arrays.KNOWN` knows is refused, unless it acts on numbers alone.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx
from torch.fx.node import map_aggregate

from resqunn.circuits.angles import Angle, AnyAngle, Expression
from resqunn.errors import CircuitError
from resqunn.interop.arrays import IN_PLACE, KNOWN, RANDOM, Angles, unknown

MOST_TERMS = 20_000
"""Of one expression, whatever is repeated in it counted each time."""


def expressions(graph: fx.GraphModule, arguments: Sequence[Angles]) -> list[Angles]:
    """The outputs of a graph, given its arguments.

    Raises:
        CircuitError: for an operation that has no expression.
    """
    found: dict[fx.Node, Any] = {}
    given = iter(arguments)
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            found[node] = next(given)
        elif node.op == "get_attr":
            found[node] = of_tensor(_attribute(graph, node.target))
        elif node.op == "output":
            results = [found[each] for each in node.args[0]]
            return [_bounded(_required(each)) for each in results]
        else:
            found[node] = _of_node(node, found)
    raise AssertionError("a graph has an output")


def _of_node(node: fx.Node, found: dict[fx.Node, Any]) -> Any:
    """What a node computes, or why it has no expression: only what is needed must have one."""
    for argument in node.all_input_nodes:
        if isinstance(found[argument], CircuitError):
            return found[argument]
    args = fx.map_arg(node.args, found.__getitem__)
    kwargs = fx.map_arg(node.kwargs, found.__getitem__)
    try:
        return _computed(node.target, args, kwargs)
    except CircuitError as error:
        if _name(node.target) in IN_PLACE:
            raise
        return error


def _required(angles: Any) -> Angles:
    if isinstance(angles, CircuitError):
        raise angles
    return np.asarray(angles, dtype=object)


def of_tensor(tensor: Tensor) -> Angles:
    """The numbers of a tensor, as an array of its own.

    Raises:
        CircuitError: for complex numbers that are not real.
    """
    array = tensor.detach().cpu().resolve_conj().resolve_neg().numpy()
    found = np.empty(array.shape, dtype=object)
    if not np.iscomplexobj(array):
        array = array.astype(float)
    found[...] = array.astype(object)
    return found


def _attribute(graph: fx.GraphModule, target: str) -> Tensor:
    return operator.attrgetter(target)(graph)


def _computed(target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if target is operator.getitem:
        return args[0][args[1]]
    name = _name(target)
    if name in IN_PLACE:
        args[0][...] = _computed_by_name(name[:-1], args, kwargs)
        return args[0]
    if name in KNOWN:
        return _computed_by_name(name, args, kwargs)
    if "random" in str(target) or name in RANDOM:
        raise CircuitError(
            "function must record the same angles whenever it is called, got random numbers in "
            "them: draw them once, outside of it"
        )
    return _of_numbers(target, name, args, kwargs)


def _name(target: Any) -> str:
    return getattr(getattr(target, "overloadpacket", None), "__name__", str(target))


def _computed_by_name(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return KNOWN[name](*args, **kwargs)
    except TypeError:  # options that no row knows
        raise CircuitError(unknown(name)) from None


def _of_numbers(target: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An operation on numbers alone, by torch."""
    if name == "_local_scalar_dense" or not isinstance(target, torch._ops.OpOverload):
        raise CircuitError(unknown(name))
    if target._schema.is_mutable:
        raise CircuitError(unknown(name))

    def tensor(angles: Any) -> Any:
        if not isinstance(angles, np.ndarray):
            return angles
        if any(isinstance(each, Angle) for each in angles.flat):
            raise CircuitError(unknown(name))
        kind = np.complex128 if any(isinstance(e, complex) for e in angles.flat) else np.float64
        return torch.from_numpy(angles.astype(kind))

    try:
        result = target(*map_aggregate(args, tensor), **kwargs)
    except (RuntimeError, TypeError) as error:
        raise CircuitError(unknown(name)) from error
    if isinstance(result, Tensor):
        return of_tensor(result)
    return type(result)(of_tensor(e) if isinstance(e, Tensor) else e for e in result)


def _bounded(angles: Angles) -> Angles:
    sizes: dict[int, int] = {}

    def size(angle: AnyAngle) -> int:
        if not isinstance(angle, Expression):
            return 1
        if id(angle) not in sizes:
            sizes[id(angle)] = 1 + sum(map(size, angle.arguments))
        return sizes[id(angle)]

    for angle in angles.flat:
        if isinstance(angle, complex):
            raise CircuitError("an angle must be a real number, got a complex one")
        if size(angle) > MOST_TERMS:
            raise CircuitError(
                f"an angle must be an expression of {MOST_TERMS:,} terms or fewer, got "
                f"{size(angle):,}: compute it outside of the circuit"
            )
    return angles
