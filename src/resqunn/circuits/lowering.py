r"""From any gates and angles to what engines evaluate: bare inputs and weights.

Gates that are made of others are written out. An angle that is computed becomes an input or a
weight of its own, a slot, which is computed before engines see it: from inputs alone an input
slot, from weights alone, or from nothing, a weight slot. A sum $f(x) + g(w)$ is two rotations,
$R(f)\,R(g)$; what multiplies inputs and weights is an input slot for each set of weights. A
number that is a multiple of $\pi/2$ is fixed gates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from resqunn.circuits.angles import AnyAngle, Input, Weight, leaves, terms, total
from resqunn.circuits.operations import Operation, expanded
from resqunn.errors import CircuitError

QUARTERS = ((), ("S",), ("Z",), ("Z", "S"))
"""RZ of multiples of pi/2, up to a global phase."""

TURNED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "RZ": ((), ()),
    "RX": (("H",), ("H",)),
    "RY": (("Z", "S", "H"), ("H", "S")),
}
"""Gates before and after RZ that make it a rotation about another axis."""


Multiples: TypeAlias = tuple[tuple[int, float, float], ...]
"""The index of an input or weight, a factor, and what is added, for each slot."""


@dataclass(frozen=True)
class Slots:
    """Inputs or weights that are computed.

    Attributes:
        angles: what each is.
        multiples: the same, if each is a multiple of one input or weight and a number.
    """

    angles: tuple[AnyAngle, ...]
    multiples: Multiples | None


@dataclass(frozen=True)
class Lowered:
    """Gates with bare inputs and weights, and what these are.

    Attributes:
        inputs, weights: the slots, or None where they are the circuit's own.
        joint: whether some input slot reads weights.
        scale: what the circuit's own inputs are multiplied by, where there are no slots of inputs.
    """

    operations: tuple[Operation, ...]
    inputs: Slots | None
    weights: Slots | None
    joint: bool
    scale: float = 1.0


def lowered(operations: Sequence[Operation]) -> Lowered:
    """What engines evaluate in place of the operations."""
    plain = [part for operation in expanded(operations) for part in _separated(operation)]
    scale = _common_factor(plain)
    if scale != 1:
        plain = [_without_factor(part) for part in plain]
    by_input = {angle for part in plain if _reads_inputs(part) for angle in part.angles}
    by_weight = {angle for part in plain for angle in part.angles} - by_input
    slots: dict[bool, dict[AnyAngle, int] | None] = {
        True: None if all(isinstance(a, Input) for a in by_input) else {},
        False: None if all(isinstance(a, Weight) for a in by_weight) else {},
    }
    found: list[Operation] = []
    for part in plain:
        for angle in part.angles:
            places = slots[_reads_inputs(part)]
            if places is not None:
                index = places.setdefault(angle, len(places))
                leaf = Input(index) if _reads_inputs(part) else Weight(index)
                part = Operation(part.name, part.qubits, leaf)
        found.append(part)
    inputs, weights = (None if each is None else slots_of(tuple(each)) for each in slots.values())
    joint = inputs is not None and any(
        isinstance(leaf, Weight) for angle in inputs.angles for leaf in leaves(angle)
    )
    return Lowered(tuple(found), inputs, weights, joint, scale)


def _common_factor(operations: Sequence[Operation]) -> float:
    """The factor of all inputs, if angles are this multiple of one input each; else 1."""
    angles = {angle for each in operations if _reads_inputs(each) for angle in each.angles}
    found = [None if isinstance(angle, Input) else _multiple(angle) for angle in angles]
    factors = {each and (each[1], each[2]) for each in found}
    match list(factors):
        case [(factor, 0.0)]:
            return factor
    return 1.0


def _without_factor(operation: Operation) -> Operation:
    """The operation with an input itself in place of its multiple."""
    if not _reads_inputs(operation):
        return operation
    (angle,) = operation.angles
    multiple = _multiple(angle)
    assert multiple is not None
    return Operation(operation.name, operation.qubits, Input(multiple[0]))


def slots_of(angles: tuple[AnyAngle, ...]) -> Slots:
    """The slots of these angles, all of inputs or all of weights."""
    found = [_multiple(angle) for angle in angles]
    multiples = tuple(each for each in found if each is not None)
    return Slots(angles, multiples if len(multiples) == len(found) else None)


def _multiple(angle: AnyAngle) -> tuple[int, float, float] | None:
    """The index, the factor and the shift of a multiple of one input, or of one weight."""
    parts = terms(angle)
    shift = sum((coefficient for coefficient, part in parts if part == 1.0), 0.0)
    match [(coefficient, part) for coefficient, part in parts if part != 1.0]:
        case [(factor, Input(index) | Weight(index))]:
            return index, factor, shift
    return None


def _reads_inputs(operation: Operation) -> bool:
    return any(isinstance(leaf, Input) for angle in operation.angles for leaf in leaves(angle))


def _separated(operation: Operation) -> Iterator[Operation]:
    """A rotation as one by inputs and one by weights, or as fixed gates."""
    if operation.angle is None or isinstance(operation.angle, Input | Weight):
        yield operation
        return
    (angle,) = operation.angles
    of_inputs: list[tuple[float, AnyAngle]] = []
    others: list[tuple[float, AnyAngle]] = []
    for coefficient, part in terms(angle):
        reads = any(isinstance(leaf, Input) for leaf in leaves(part))
        (of_inputs if reads else others).append((coefficient, part))
    if of_inputs and not any(leaves(part) for _, part in others):
        of_inputs, others = of_inputs + others, []  # a number needs no gate of its own
    for parts in (of_inputs, others):
        if not parts:
            continue
        slot = total(parts)
        quarter = None if leaves(slot) else _quarters(slot)
        if quarter is None:
            yield Operation(operation.name, operation.qubits, slot)
            continue
        before, after = TURNED[operation.name]
        for name in (*before, *QUARTERS[quarter], *after) if quarter else ():
            yield Operation(name, operation.qubits)


def _quarters(angle: AnyAngle) -> int | None:
    """How many quarter turns a number is, if it is a whole number of them."""
    if not isinstance(angle, float):
        return None  # an expression of numbers
    count = angle / (math.pi / 2)
    return round(count) % 4 if abs(count - round(count)) < 1e-12 else None


def with_amplitudes(found: Lowered, amplitudes: tuple[AnyAngle, ...] | None) -> Lowered:
    """The same where inputs are amplitudes too, or these are computed of the inputs.

    Raises:
        CircuitError: for amplitudes together with what is computed of inputs for a gate.
    """
    if amplitudes is not None:
        if any(map(_reads_inputs, found.operations)):
            raise CircuitError(
                "gates must read no inputs where amplitudes are computed of these, got gates that "
                "read them"
            )
        return replace(found, inputs=slots_of(amplitudes))
    if found.inputs is not None or found.scale != 1:
        raise CircuitError(
            "angles must be the inputs themselves where these are amplitudes too, got what is "
            "computed of them"
        )
    return found
