"""`ImportedCircuit`: a circuit whose weights have names and shapes of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from resqunn.circuits.gate_circuit import PlainCircuit


@dataclass(frozen=True, eq=False)
class ImportedCircuit(PlainCircuit):
    """A circuit from elsewhere, with the names and shapes that its weights have there.

    A layer's `weight` has one axis for the filters before those of `weight_shape`: the shape of
    the weights where all have one name, and else all of them in a row, in the order of `weights`.
    Names of gates that stand among the operations as other gates are `written_out`.
    """

    weights: tuple[tuple[str, tuple[int, ...]], ...] = ()
    written_out: tuple[str, ...] = ()

    def named_weights(self, weight: Any) -> dict[str, Any]:
        """The weights of a filter, or of each along the first axes, by their names.

        Args:
            weight: a tensor or array of shape (..., *weight_shape).
        """
        lead = weight.shape[: len(weight.shape) - len(self.weight_shape)]
        flat, found, first = weight.reshape(*lead, -1), {}, 0
        for name, shape in self.weights:
            count = math.prod(shape)
            found[name] = flat[..., first : first + count].reshape(*lead, *shape)
            first += count
        return found
