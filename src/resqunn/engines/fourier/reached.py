r"""The strings that an observable reaches, each with a slot of a vector, and what mixes them.

A slot's number is multiplied by its `scale` $L$ to be its string's coefficient. So channels that
multiply strings by numbers multiply scales, which are constants, and rotations turn

$$v_i \to \cos(w)\, v_i - \rho \sin(w)\, v_j, \qquad
v_j \to \cos(w)\, v_j + \sin(w)\, v_i / \rho, \qquad \rho = L_j / L_i.$$

What other channels add to strings is added in place, unless those are added to others in turn:
these get new slots, and their old ones stay as they are.

The way back computes the vector before each step from that after it, and so undoes channels; where
they have shrunk strings, it magnifies rounding by as much. Before that is more than 1 / `LEAST`,
all strings get new slots.

Shape suffixes: S strings that are reached, P pairs of slots, A words of a channel's qubits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from resqunn.circuits.pauli_strings import Pauli, anticommuting, signs_of_turned
from resqunn.circuits.pushed import Item, PushedChannel, Rotation
from resqunn.engines.fourier.dead_letters import Bits, Dead
from resqunn.engines.fourier.product_state import TOO_MANY
from resqunn.errors import CircuitError

LEAST = 1 / 64
"""By so much strings may shrink before they get new slots."""


ADDS = -1
"""Stands for the weight of a step that adds."""


class Step(NamedTuple):
    """What an item does to pairs of slots.

    Attributes:
        weight: the index of what a rotation turns by, or `ADDS`.
        pairs_P2: the pairs that are turned; where it adds, from and to.
        ratio_P: of the scales of each pair, the second's divided by the first's; where it adds,
            what the first is multiplied by to be added to the second.
    """

    weight: int
    pairs_P2: Integer[np.ndarray, "P 2"]
    ratio_P: Float[np.ndarray, " P"]


class Reached:
    """The strings that one observable reaches.

    Attributes:
        start_S: the number in each slot before the first item.
        steps: what each item does.
        x_S, z_S, slot_S, scale_S: the strings that are worth something in the end, their slots and
            their scales.
    """

    def __init__(
        self,
        strings: dict[tuple[int, int], float],
        items: Sequence[Item],
        dead: Sequence[Dead],
        limit: int,
    ) -> None:
        bits_S2 = np.array(list(strings), dtype=np.uint64).reshape(-1, 2)
        alive_S = ~dead[0].covers(*bits_S2.T)
        self.x_S, self.z_S = bits_S2[alive_S].T.copy()
        start = np.array(list(strings.values()), dtype=np.float64)[alive_S]
        self.slots = len(start)
        self.slot_S, self.scale_S = np.arange(self.slots), np.ones(self.slots)
        self.steps: list[Step] = []
        self._least = 1.0
        for item, before, after in zip(items, dead[:-1], dead[1:], strict=True):
            turns = isinstance(item, Rotation)
            self.steps.append(
                self._turned(item.axis, item.angle.index) if turns else self._passed(item)
            )
            if after != before:
                self._keep(~after.covers(self.x_S, self.z_S))
            if self.slots > limit:
                raise CircuitError(TOO_MANY)
        self.start_S = np.zeros(self.slots)
        self.start_S[: len(start)] = start

    def _keep(self, kept_S: np.ndarray) -> None:
        self.x_S, self.z_S = self.x_S[kept_S], self.z_S[kept_S]
        self.slot_S, self.scale_S = self.slot_S[kept_S], self.scale_S[kept_S]

    def _append(self, x_P: Bits, z_P: Bits, scale_P: np.ndarray) -> np.ndarray:
        """New strings; their slots."""
        slot_P = self.slots + np.arange(len(x_P))
        self.slots += len(x_P)
        self.x_S = np.concatenate([self.x_S, x_P])
        self.z_S = np.concatenate([self.z_S, z_P])
        self.slot_S = np.concatenate([self.slot_S, slot_P])
        self.scale_S = np.concatenate([self.scale_S, scale_P])
        return slot_P

    def _turned(self, axis: Pauli, weight: int) -> Step:
        """What a rotation turns; strings that were not reached before get slots."""
        turned_S = anticommuting(axis, self.x_S, self.z_S)  # the others commute
        x_P, z_P = self.x_S[turned_S], self.z_S[turned_S]
        slot_P, scale_P = self.slot_S[turned_S], self.scale_S[turned_S]
        other_x_P, other_z_P = x_P ^ np.uint64(axis.x), z_P ^ np.uint64(axis.z)
        found_P = _positions(x_P, z_P, other_x_P, other_z_P)
        new_P = found_P < 0
        other_P = np.where(new_P, 0, slot_P[found_P] if len(slot_P) else 0)
        ratio_P = np.where(new_P, 1.0, scale_P[found_P] / scale_P if len(slot_P) else 1.0)
        other_P[new_P] = self._append(other_x_P[new_P], other_z_P[new_P], scale_P[new_P])
        once_P = new_P | (slot_P < other_P)  # pairs of two known strings are found from both
        back_P = signs_of_turned(axis, x_P, z_P) < 0
        pairs_P2 = np.stack([slot_P, other_P], axis=1)
        pairs_P2[back_P] = pairs_P2[back_P, ::-1]
        ratio_P[back_P] = 1 / ratio_P[back_P]
        return Step(weight, pairs_P2[once_P], ratio_P[once_P])

    def _passed(self, channel: PushedChannel) -> Step:
        """What a channel adds to strings."""
        word_S = channel.words_of(self.x_S, self.z_S)
        anew_A = channel.between
        self._least *= channel.least
        if self._least < LEAST:
            anew_A, self._least = np.ones_like(anew_A), 1.0
        factor_S = channel.factors[word_S]
        scale_S = self.scale_S * factor_S
        anew_S = anew_A[word_S] & (factor_S != 0)
        added = [(self.slot_S[anew_S], self.x_S[anew_S], self.z_S[anew_S], scale_S[anew_S])]
        for a, b in np.argwhere(channel.others).tolist():
            here_S = word_S == a
            x_P, z_P, sign_P = channel.taken(a, b, self.x_S[here_S], self.z_S[here_S])
            value_P = sign_P * channel.others[a, b] * self.scale_S[here_S]
            added.append((self.slot_S[here_S], x_P, z_P, value_P))
        self.scale_S = scale_S
        self._keep(~anew_A[word_S] & (factor_S != 0))
        from_P, x_P, z_P, value_P = map(np.concatenate, zip(*added, strict=True))
        to_P = _positions(self.x_S, self.z_S, x_P, z_P)
        new_P = to_P < 0
        known_P = to_P[~new_P]
        to_P[~new_P] = self.slot_S[known_P]
        value_P[~new_P] /= self.scale_S[known_P]
        if new_P.any():
            strings_P2 = np.stack([x_P[new_P], z_P[new_P]], axis=1)
            new_N2, which_P = np.unique(strings_P2, axis=0, return_inverse=True)
            slot_N = self._append(new_N2[:, 0], new_N2[:, 1], np.ones(len(new_N2)))
            to_P[new_P] = slot_N[which_P.reshape(-1)]
        return Step(ADDS, np.stack([from_P, to_P], axis=1), value_P)

    def needed(self) -> Integer[np.ndarray, " S"]:
        """New numbers, from 0 on, for the slots on which a result depends; -1 for the others.

        Pairs on which none depends are removed.
        """
        needed_S = np.zeros(self.slots, dtype=bool)
        needed_S[self.slot_S] = True
        for k in range(len(self.steps) - 1, -1, -1):
            weight, pairs_P2, ratio_P = self.steps[k]
            needed_P2 = needed_S[pairs_P2]
            needed_P = needed_P2[:, 1] if weight == ADDS else needed_P2.any(axis=1)
            self.steps[k] = Step(weight, pairs_P2[needed_P], ratio_P[needed_P])
            needed_S[pairs_P2[needed_P]] = True
        return np.where(needed_S, np.cumsum(needed_S) - 1, -1)


def _positions(x_S: Bits, z_S: Bits, wanted_x_P: Bits, wanted_z_P: Bits) -> Bits:
    """Where each wanted string stands among different strings; -1 if it does not."""
    if not len(x_S) or not len(wanted_x_P):
        return np.full(len(wanted_x_P), -1)
    half = np.uint64(32)
    if max(int(part.max()) for part in (x_S, z_S, wanted_x_P, wanted_z_P)) >> 32:
        # Two words do not fit into one: their ranks do.
        x_S, wanted_x_P = _ranks(x_S, wanted_x_P)
        z_S, wanted_z_P = _ranks(z_S, wanted_z_P)
    key_S, wanted_P = x_S << half | z_S, wanted_x_P << half | wanted_z_P
    order_S = np.argsort(key_S)
    place_P = np.searchsorted(key_S, wanted_P, sorter=order_S).clip(max=len(key_S) - 1)
    found_P = order_S[place_P]
    return np.where(key_S[found_P] == wanted_P, found_P, -1)


def _ranks(first: Bits, second: Bits) -> tuple[Bits, Bits]:
    """Smaller numbers that are equal where these are."""
    _, ranks = np.unique(np.concatenate([first, second]), return_inverse=True)
    return ranks[: len(first)].astype(np.uint64), ranks[len(first) :].astype(np.uint64)
