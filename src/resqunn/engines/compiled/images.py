"""Compiled engines that read images as they lie, and write outputs where they belong."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.base import Engine
from resqunn.engines.compiled.engine import CompiledEngine, Gradients
from resqunn.engines.places import Places, of_rows


class ImageEngine(CompiledEngine):
    """Reads the values of patches, and writes results, where `Places` says."""

    def reader(self, circuit: Circuit, dtype: torch.dtype) -> Engine | None:
        return self

    @abstractmethod
    def images_forward(
        self,
        circuit: Circuit,
        places: Places,
        scale: float,
        images: Tensor,
        weights_CFW: Tensor,
        out: Tensor,
    ) -> Any:
        """Writes the values of all patches, and returns what `images_backward` needs.

        Args:
            scale: what the images are multiplied by.
            images, out: dense, of any shape; `places` counts their values as they lie in memory.
            weights_CFW: for each group of channels that one circuit reads.
        """

    @abstractmethod
    def images_backward(
        self,
        circuit: Circuit,
        kept: Any,
        images: Tensor,
        weights_CFW: Tensor,
        cotangents: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        """The gradients by images, which lie in memory as they do, and by weights."""

    def forward(
        self, circuit: Circuit, inputs_GNP: Tensor, weights_GFW: Tensor
    ) -> tuple[Tensor, Any]:
        (groups, values, patches), filters = inputs_GNP.shape, weights_GFW.shape[1]
        out_GFRP = inputs_GNP.new_empty(groups, filters, circuit.num_outputs, patches)
        places = of_rows(groups, values, patches)
        kept = self.images_forward(circuit, places, 1.0, inputs_GNP, weights_GFW, out_GFRP)
        return out_GFRP, kept

    def backward(
        self,
        circuit: Circuit,
        kept: Any,
        inputs_GNP: Tensor,
        weights_GFW: Tensor,
        cotangents_GFRP: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        return self.images_backward(circuit, kept, inputs_GNP, weights_GFW, cotangents_GFRP, wanted)
