"""Layers beside `nn.Conv2d` and the peers, which are checked for the same outputs first."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.limits import peak, work
from benchmarks.peers import PEERS, Peer
from benchmarks.steps import values_alone, with_gradients
from benchmarks.timing import LONG, Result, race
from resqunn import Quanv2d

OURS, CONV = "resqunn", "nn.Conv2d"
PEER_PATCHES = {4: 60_000, 9: 2_000}
"""Peers are timed up to so many patches of circuits of so many qubits."""


@dataclass(frozen=True)
class LayerCase:
    """Values and both gradients of one quanvolutional layer on 28x28 images.

    Attributes:
        by_images: whether the gradient by the images is wanted.
        frozen: whether no gradient is.
        channels: of the images, all of which one circuit reads.
        filters: how many circuits read a patch.
        largest: the largest angle.
    """

    kernel: int
    depth: int
    reupload: bool
    batch: int
    by_images: bool = True
    frozen: bool = False
    channels: int = 1
    filters: int = 1
    largest: float = 1.0
    dtype: torch.dtype = torch.float32

    @property
    def qubits(self) -> int:
        return self.channels * self.kernel**2

    @property
    def usual(self) -> bool:
        """Whether peers are timed too."""
        return self == LayerCase(self.kernel, self.depth, self.reupload, self.batch)

    def __str__(self) -> str:
        parts = [
            f"{self.kernel}x{self.kernel} ({self.qubits} qubits)",
            "re-upload" if self.reupload else "once",
            f"depth {self.depth}",
            f"{self.batch} images",
        ]
        if self.filters > 1:
            parts.append(f"{self.filters} filters")
        if self.largest != 1.0:
            parts.append("angles up to pi")
        if self.dtype == torch.float64:
            parts.append("float64")
        if self.frozen:
            parts.append("values alone")
        elif not self.by_images:
            parts.append("no gradient by images")
        return ", ".join(parts)

    def layer(self, generator: torch.Generator) -> Quanv2d:
        """The layer, with weights drawn from the generator."""
        layer = Quanv2d(
            self.channels,
            self.qubits * self.filters,
            self.kernel,
            self.kernel,
            ansatz="rx_chain",
            depth=self.depth,
            reupload=self.reupload,
            angle_scale=self.largest,
            dtype=self.dtype,
        )
        layer.reset_parameters(generator)
        return layer

    def run(self) -> Result:
        generator = torch.Generator().manual_seed(0)
        shape = (self.batch, self.channels, 28, 28)
        images = torch.rand(shape, generator=generator, dtype=self.dtype)
        layer, k = self.layer(generator), self.kernel
        conv = nn.Conv2d(self.channels, self.qubits * self.filters, k, k, dtype=self.dtype)
        contestants = {
            name: values_alone(module, images)
            if self.frozen
            else with_gradients(module, images, self.by_images)
            for name, module in ((OURS, layer), (CONV, conv))
        }
        # resqunn and Conv2d first by themselves: a peer's call of a second, with its hundreds of
        # megabytes, empties the caches for the call of a millisecond that follows it.
        timings = race(contestants, LONG)
        peers, scale, skipped = self._peers(layer, images)
        timings |= race({peer.name: peer.step for peer in peers}) if peers else {}
        expected = work(layer, images, layer(images).numel(), self.by_images, self.frozen)
        limit = expected and expected.milliseconds(peak(self.dtype))
        return Result(str(self), timings, scale, skipped, limit)

    def _peers(
        self, layer: Quanv2d, images: Tensor
    ) -> tuple[list[Peer], dict[str, float], dict[str, str]]:
        """Those that take part, the share of the patches that they work on, inverted, and why
        others do not."""
        peers: list[Peer] = []
        scale: dict[str, float] = {}
        skipped: dict[str, str] = {}
        patches_PN = layer.window.patches(images, 1)[0].T.contiguous()
        if not self.usual or len(patches_PN) > PEER_PATCHES.get(self.kernel**2, 0):
            return peers, scale, skipped
        expected = layer(images).detach().permute(0, 2, 3, 1).reshape(len(patches_PN), -1)
        for kind in PEERS:
            if kind.share < 1 and (self.batch > 16 or self.kernel > 2):
                continue
            some = patches_PN[: max(1, int(len(patches_PN) * kind.share))]
            try:
                peer = kind(layer.circuit, some, layer.weight.detach()[0])
            except ImportError as error:
                skipped[kind.name] = str(error)
                continue
            if not np.allclose(peer.values(), expected[: len(some)], atol=1e-4):
                raise AssertionError(f"{kind.name} does not compute the same outputs")
            peers.append(peer)
            scale[kind.name] = len(patches_PN) / len(some)
        return peers, scale, skipped


ONCE, REUPLOAD = LayerCase(2, 4, False, 16), LayerCase(2, 4, True, 16)
"""The paper's circuits, which most other cases vary."""


def on_256(case: LayerCase) -> tuple[LayerCase, LayerCase]:
    """The case on 16 and on 256 images."""
    return case, replace(case, batch=256)


def layer_cases() -> list[LayerCase]:
    """Kernels of 4 to 16 qubits, encoded once and re-uploaded, small and large batches."""
    found = [
        LayerCase(2, depth, reupload, batch)
        for batch in (16, 256)
        for reupload in (False, True)
        for depth in (1, 4)
    ]
    found += [replace(case, kernel=3) for case in (ONCE, REUPLOAD)]
    found += [LayerCase(4, depth, False, 16) for depth in (1, 2, 4)]
    for case in (ONCE, REUPLOAD):
        found += on_256(replace(case, by_images=False))
    found += on_256(replace(ONCE, frozen=True))
    found += on_256(replace(REUPLOAD, largest=math.pi))
    found += [replace(ONCE, filters=16), replace(ONCE, channels=3)]
    found += [replace(REUPLOAD, channels=3, depth=2), replace(ONCE, dtype=torch.float64)]
    return found
