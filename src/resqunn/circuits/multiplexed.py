"""Rotations whose angle depends on the basis state of other qubits."""

from __future__ import annotations

from collections.abc import Sequence

from resqunn.circuits.angles import AnyAngle, Expression, added
from resqunn.circuits.operations import Operation


def multiplexed(
    name: str,
    angles: Sequence[Sequence[AnyAngle]],
    controls: Sequence[int],
    targets: Sequence[int],
) -> tuple[Operation, ...]:
    r"""RY or RZ on each target by its angle i where the controls hold the number i, its most
    significant bit first; missing angles are 0.

    $2^k$ rotations of each target between CNOTs that follow a Gray code $g$, by the angles
    $2^{-k} \sum_i (-1)^{i \cdot g_j}\,\theta_i$ (Mottonen et al., arXiv:quant-ph/0404089).

    >>> from resqunn.circuits.angles import Input
    >>> found = multiplexed("RY", [[Input(0), Input(1)]], [0], [1])
    >>> [(each.name, str(each.angle)) for each in found]
    [('RY', '0.5*(x0 + x1)'), ('CNOT', 'None'), ('RY', '0.5*(x0 - x1)'), ('CNOT', 'None')]
    """
    size = 2 ** len(controls)
    found: list[Operation] = []
    for j in range(size):
        code, following = j ^ j >> 1, (j + 1) % size
        found += (
            Operation(name, (target,), _mixed(own, code, size))
            for target, own in zip(targets, angles, strict=True)
        )
        flipped = code ^ following ^ following >> 1
        if flipped:
            control = controls[len(controls) - flipped.bit_length()]
            found += (Operation("CNOT", (control, target)) for target in targets)
    return tuple(found)


def _mixed(angles: Sequence[AnyAngle], code: int, size: int) -> AnyAngle:
    """The mean of the angles, with minus signs at an odd number of common bits."""
    plus = [angle for i, angle in enumerate(angles) if (i & code).bit_count() % 2 == 0]
    minus = [angle for i, angle in enumerate(angles) if (i & code).bit_count() % 2]
    whole = added(plus)
    if minus:
        whole = Expression("subtract", (whole, added(minus)))
    return whole if size == 1 else Expression("multiply", (1 / size, whole))
