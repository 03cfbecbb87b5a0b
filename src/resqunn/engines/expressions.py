"""Angles that are computed, for many patches at once.

Expressions that apply one function at one depth of nesting are one call of torch: the angles of an
encoding are thousands of expressions of a few kinds.

Shape suffixes: X any axes in front, N inputs, W weights, A angles, P patches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from resqunn.circuits.angles import Angle, AnyAngle, Expression, Input, Weight
from resqunn.engines.guard import interpreted


def _greater(a: Tensor, b: Tensor) -> Tensor:
    """By functions whose derivative is zero, not by a comparison, which has none; 0 for nan."""
    return torch.relu(torch.sign(torch.nan_to_num(a - b)))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "divide": torch.div,
    "power": torch.pow,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "greater": _greater,
    "greater_equal": lambda a, b: _greater(a, b) + (a == b).to(a.dtype),
    "equal": lambda a, b: (a == b).to(a.dtype),
    "arctan2": torch.arctan2,
    "negative": torch.neg,
    "detach": torch.detach,
    "absolute": torch.abs,
    "sign": torch.sign,
    "square": torch.square,
    "sqrt": torch.sqrt,
    "exp": torch.exp,
    "log": torch.log,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "arcsin": torch.arcsin,
    "arccos": torch.arccos,
    "arctan": torch.arctan,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "where": lambda c, a, b: torch.where(c != 0, a, b),
}
"""What torch computes for `circuits.angles.FUNCTIONS`."""


def computed(angles: Sequence[AnyAngle], inputs_XNP: Tensor, weights_XWP: Tensor) -> Tensor:
    """Each angle at each patch, (X, A, P); axes may have length 1.

    What occurs several times is computed once.
    """
    sizes = inputs_XNP.shape[-2], weights_XWP.shape[-2]
    program = program_of(tuple(angles), *sizes)
    calls_index, numbers_C1, last = _constants(program, inputs_XNP)
    blocks = [inputs_XNP, weights_XWP, numbers_C1]
    for call, indices in zip(program.calls, calls_index, strict=True):
        arguments = [
            _rows(blocks, rows, index) for rows, index in zip(call.arguments, indices, strict=True)
        ]
        blocks.append(FUNCTIONS[call.function](*arguments))
    return _rows(blocks, program.angles, last)


@dataclass(frozen=True)
class Rows:
    """Rows of one block, or of several on top of each other: all of them, or those of an index."""

    blocks: tuple[int, ...]
    index: tuple[int, ...] | None


@dataclass(frozen=True)
class Call:
    """One function of as many rows for each argument."""

    function: str
    arguments: tuple[Rows, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """Blocks of rows: the inputs, the weights, these numbers, and what each call gives."""

    numbers: tuple[float, ...]
    calls: tuple[Call, ...]
    angles: Rows


def _rows(blocks: Sequence[Tensor], rows: Rows, index: Tensor | None) -> Tensor:
    found = [blocks[each] for each in rows.blocks]
    if len(found) > 1:
        axes = torch.broadcast_shapes(*(each[..., :1, :].shape for each in found))
        found = [each.expand(*axes[:-2], each.shape[-2], axes[-1]) for each in found]
    block = torch.cat(found, dim=-2) if len(found) > 1 else found[0]
    return block if index is None else block.index_select(-2, index)


def _constants(program: Program, like: Tensor) -> Any:
    """The indices of every argument, the numbers and the last index, where another tensor is."""
    if interpreted():
        return _made(program, like.dtype, like.device)
    return _kept(program, like.dtype, like.device)


@lru_cache(maxsize=256)
def _kept(program: Program, dtype: torch.dtype, device: torch.device) -> Any:
    # A later call may train what the first one only evaluates.
    with torch.inference_mode(False):
        return _made(program, dtype, device)


def _made(program: Program, dtype: torch.dtype, device: torch.device) -> Any:
    def index(rows: Rows) -> Tensor | None:
        if rows.index is None:
            return None
        return torch.tensor(rows.index, dtype=torch.int64, device=device)

    calls = tuple(tuple(map(index, call.arguments)) for call in program.calls)
    numbers_C1 = torch.tensor(program.numbers, dtype=dtype, device=device).unsqueeze(-1)
    return calls, numbers_C1, index(program.angles)


def program_of(angles: tuple[AnyAngle, ...], inputs: int, weights: int) -> Program:
    """How angles are computed of so many inputs and weights, kept from call to call."""
    return _program(angles, inputs, weights)


# torch.compile runs it, as in statevector/plan.py.
program_of._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


@lru_cache(maxsize=256)
def _program(angles: tuple[AnyAngle, ...], inputs: int, weights: int) -> Program:
    depths: dict[AnyAngle, int] = {}
    numbers: dict[float, int] = {}

    def depth(angle: AnyAngle) -> int:
        found = depths.get(angle)
        if found is None:
            if isinstance(angle, Expression):
                found = 1 + max(map(depth, angle.arguments))
            else:
                found = 0
                if not isinstance(angle, Angle):
                    numbers.setdefault(float(angle), len(numbers))
            depths[angle] = found
        return found

    for angle in angles:
        depth(angle)
    groups: dict[tuple[int, str], list[Expression]] = {}
    for angle, level in depths.items():
        if isinstance(angle, Expression):
            groups.setdefault((level, angle.function), []).append(angle)
    places: dict[AnyAngle, tuple[int, int]] = {each: (2, row) for each, row in numbers.items()}
    sizes = [inputs, weights, len(numbers)]

    def rows(wanted: Iterable[AnyAngle]) -> Rows:
        return _where([_place(angle, places) for angle in wanted], sizes)

    calls: list[Call] = []
    for (_, function), alike in sorted(groups.items()):
        columns = zip(*(each.arguments for each in alike), strict=True)
        calls.append(Call(function, tuple(map(rows, columns))))
        places.update((each, (len(sizes), row)) for row, each in enumerate(alike))
        sizes.append(len(alike))
    return Program(tuple(numbers), tuple(calls), rows(angles))


def _place(angle: AnyAngle, places: dict[AnyAngle, tuple[int, int]]) -> tuple[int, int]:
    if isinstance(angle, Input | Weight):
        return int(isinstance(angle, Weight)), angle.index
    return places[angle]


def _where(places: Sequence[tuple[int, int]], sizes: Sequence[int]) -> Rows:
    blocks = tuple(sorted({block for block, _ in places}))
    begin, end = {}, 0
    for block in blocks:
        begin[block] = end
        end += sizes[block]
    index = tuple(begin[block] + row for block, row in places)
    return Rows(blocks or (0,), None if index == tuple(range(end)) and blocks else index)
