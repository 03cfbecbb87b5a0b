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
from resqunn.interop.arrays import BOOLEAN, IN_PLACE, KNOWN, WHOLE, Angles, unknown

MOST_TERMS = 20_000
"""Of one expression, whatever is repeated in it counted each time."""

DECIDING = {torch.Tag.dynamic_output_shape, torch.Tag.nondeterministic_seeded}
"""Kinds of operations whose results decide over what follows, seen or not."""

MOST_DEPTH = 100
"""How deeply an expression may be nested: it is gone through by functions that call themselves."""


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
            found[node] = _constant(_attribute(graph, node.target))
        elif node.op == "output":
            results = [found[each] for each in node.args[0]]
            return [_bounded(_required(each)) for each in results]
        else:
            found[node] = _of_node(node, found)
    raise AssertionError("a graph has an output")


def _of_node(node: fx.Node, found: dict[fx.Node, Any]) -> Any:
    """What a node computes, or why it has no expression: only what is needed must have one.

    Raises:
        CircuitError: for what changes more than its own result, or decides over the trace itself.
    """
    errors = [found[a] for a in node.all_input_nodes if isinstance(found[a], CircuitError)]
    target = node.target
    schema = getattr(target, "_schema", None)
    tags = getattr(target, "tags", ())
    try:
        if torch.Tag.nondeterministic_seeded in tags:
            raise CircuitError(
                "function must record the same angles whenever it is called, got random numbers "
                "in them: draw them once, outside of it"
            )
        if errors:
            raise errors[0]
        args = fx.map_arg(node.args, found.__getitem__)
        kwargs = fx.map_arg(node.kwargs, found.__getitem__)
        _require_numbers(node, (*args, *kwargs.values()))
        return _computed(target, args, kwargs)
    except CircuitError as error:
        decides = (
            torch.Tag.dynamic_output_shape in tags or torch.Tag.nondeterministic_seeded in tags
        )
        if decides or (schema is not None and schema.is_mutable):
            raise
        return error


def _require_numbers(node: fx.Node, arguments: Sequence[Any]) -> None:
    """
    Raises:
        CircuitError: for conditions and whole numbers that are computed with as real numbers are
            not.
    """
    flat: list[Any] = []
    map_aggregate(tuple(arguments), flat.append)
    computed = any(
        isinstance(each, Angle)
        for array in flat
        if isinstance(array, np.ndarray)
        for each in array.flat
    )
    if not computed:
        return
    name = _name(node.target).rstrip("_")
    result = _dtype(node)
    sources = [_dtype(each) for each in node.all_input_nodes]
    if name in ("logical_not", "logical_and", "logical_or") and set(sources) != {torch.bool}:
        raise CircuitError(f"torch's {name!r} must be given conditions, such as x > 0.5")
    if result is None or result.is_floating_point or result.is_complex:
        return
    of_numbers = any(each is not None and each.is_floating_point for each in sources)
    comparison = name in ("gt", "lt", "ge", "le", "eq", "ne", "where")
    known = BOOLEAN if result == torch.bool else WHOLE
    if name not in known or (of_numbers and not comparison):
        raise CircuitError(
            "an angle is computed of whole numbers or conditions as real numbers are not: use "
            "torch.where"
        )


def _dtype(node: fx.Node) -> torch.dtype | None:
    return getattr(node.meta.get("val"), "dtype", None)


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
    if not np.iscomplexobj(array) and array.dtype != bool:
        array = array.astype(float)
    found[...] = array.astype(object)
    return found


def _constant(tensor: Tensor) -> Angles:
    """
    Raises:
        CircuitError: for one that is trained.
    """
    if tensor.requires_grad:
        raise CircuitError(
            "function must read no tensors that are trained but its own weights, got one of shape "
            f"{tuple(tensor.shape)}: make it one of the weights"
        )
    return of_tensor(tensor)


def _attribute(graph: fx.GraphModule, target: str) -> Tensor:
    return operator.attrgetter(target)(graph)


def _computed(target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if target is operator.getitem:
        return args[0][args[1]]
    name = _name(target)
    if name in IN_PLACE:
        try:
            args[0][...] = _computed_by_name(name[:-1], args, kwargs)
        except CircuitError:
            raise
        except ValueError:  # of a view that cannot be written into here
            raise CircuitError(unknown(name)) from None
        return args[0]
    if name in KNOWN:
        return _computed_by_name(name, args, kwargs)
    return _of_numbers(target, name, args, kwargs)


def _name(target: Any) -> str:
    return getattr(getattr(target, "overloadpacket", None), "__name__", str(target))


def _computed_by_name(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return KNOWN[name](*args, **kwargs)
    except CircuitError:
        raise
    except (TypeError, ValueError, IndexError, AttributeError):  # what no row knows
        raise CircuitError(
            f"{unknown(name)} (it may be an option of it, or a view that is written into)"
        ) from None


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
    sizes: dict[int, tuple[int, int]] = {}

    def size(angle: AnyAngle) -> tuple[int, int]:
        """Of the terms, and how deep they are nested."""
        if not isinstance(angle, Expression):
            return 1, 1
        if id(angle) not in sizes:
            parts = list(map(size, angle.arguments))
            sizes[id(angle)] = 1 + sum(p[0] for p in parts), 1 + max(p[1] for p in parts)
        return sizes[id(angle)]

    for angle in angles.flat:
        if isinstance(angle, complex):
            raise CircuitError("an angle must be a real number, got a complex one")
        terms, depth = size(angle)
        if terms > MOST_TERMS or depth > MOST_DEPTH:
            raise CircuitError(
                f"an angle must be an expression of {MOST_TERMS:,} terms or fewer, nested "
                f"{MOST_DEPTH} deep or less, got {terms:,}, nested {depth} deep: compute it "
                "outside of the circuit"
            )
    return angles
