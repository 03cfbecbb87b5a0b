"""`ResQuNN`: layers, joined by a residual wiring, and a head.

Shape suffixes: B batch, C channel, S spatial dimensions, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, fx, nn

from resqunn.checks import checked, shown
from resqunn.errors import ConfigurationError, ShapeError, WrongTypeError, unknown_name
from resqunn.nn.aligned import ALIGNMENTS, add_aligned
from resqunn.nn.followed import FollowedQuanv, quanv_of
from resqunn.nn.layer import Quanv
from resqunn.nn.patches import AXES
from resqunn.nn.wiring import Wiring

fx.wrap("add_aligned")  # kept whole by symbolic tracing, since it asks for sizes

_WINDOWED = (Quanv, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""Layers that tell the rank of their images."""


class ResQuNN(nn.Module):
    r"""A residual network: $O_k = \mathrm{layer}_k(R_{k-1})$, $R_k = O_k + R_j$, head of $R_n$.

    Where j comes from is said by the `Wiring` (ResQuNN paper, Sec. 3.2-3.3 and Fig. 5).

    Args:
        layers: modules that map (B, C, H, W) to (B, C', H', W'); `Quanv2d` or any other,
            such as `nn.Conv2d` for a classical benchmark. Networks over signals (B, C, L) and
            volumes (B, C, D, H, W) are made of layers of that rank.
        wiring: a `Wiring` of as many layers, or its string form.
        head: maps the last sum (B, C, H, W) to scores (B, K).
        align: how maps of different sizes are summed: zeros are appended to the smaller one,
            to the `"zero_pad"` bottom and right, or all around with `"zero_pad_center"`. A
            skip between maps with different channel counts appends channels of zeros too.

    Shape: images (B, C, H, W) -> logits (B, K)

    Raises:
        ConfigurationError: for options that do not fit.

    >>> import torch
    >>> from resqunn import LinearHead, Quanv2d, ResQuNN
    >>> layers = [Quanv2d(1, 1, 2, 2, readout="mean_z") for _ in range(2)]
    >>> model = ResQuNN(layers, "O1+O2", LinearHead(10))
    >>> model(torch.rand(16, 1, 28, 28)).shape
    torch.Size([16, 10])
    """

    @checked
    def __init__(
        self,
        layers: Iterable[nn.Module],
        wiring: Wiring | str,
        head: nn.Module,
        *,
        align: str = "zero_pad",
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        count = len(self.layers)
        self.wiring = Wiring.parse(wiring, count) if isinstance(wiring, str) else wiring
        if self.wiring.layers != count:
            raise ConfigurationError(
                f"layers must be {self.wiring.layers}, as many as the wiring {self.wiring} joins, "
                f"got {count}"
            )
        if align not in ALIGNMENTS:
            raise unknown_name("align", align, ALIGNMENTS)
        self.head = head
        self.align = align

    def features(self, images: Tensor | fx.Proxy) -> Tensor | fx.Proxy:
        """R_n, what the head reads."""
        if not isinstance(images, fx.Proxy):
            self._check_images(images)
        return self.sums((images,))[-1]  # pyright: ignore[reportArgumentType]

    def _check_images(self, images: Tensor) -> None:
        if not isinstance(images, Tensor):
            raise WrongTypeError(f"images must be a torch.Tensor, got {shown(images)}")
        first = (quanv_of(layer) for layer in self.layers)
        ranks = [len(layer.kernel_size) for layer in first if isinstance(layer, _WINDOWED)]
        fits = images.ndim == ranks[0] + 2 if ranks else images.ndim > 2
        if not fits:
            shape = f"(B, C, {AXES[ranks[0]] if ranks else '...'})"
            raise ShapeError(f"images must have shape {shape}, got {tuple(images.shape)}")

    def sums(self, first: Sequence[Any], last: int | None = None) -> list[Any]:
        """R_0, ..., R_last (by default R_n), given the first of them: at least R_0, the images."""
        sums = list(first)
        count = len(self.layers)
        for number in range(len(sums), (count if last is None else last) + 1):
            try:
                output = self.layers[number - 1](sums[-1])
            except ShapeError as error:
                raise ShapeError(f"layer {number} of {count}: {error}") from None
            skip = self.wiring.skips[number - 1]
            sums.append(output if skip is None else add_aligned(output, sums[skip], self.align))
        return sums

    def fixed_layers(self) -> int:
        """How many leading layers training cannot change, so that their sums stay the same.

        Those are quanvolutional layers without shots that are frozen, or that the loss does not
        reach because derivatives are cut; an activation may follow, but no normalization.
        """
        cut = [getattr(layer, "input_gradients", True) for layer in self.layers]
        for number, reached in enumerate(self.wiring.reached(cut)):
            layer = self.layers[number]
            if isinstance(layer, FollowedQuanv) and not layer.normalized:
                layer = layer.quanv
            learns = reached and any(p.requires_grad for p in layer.parameters())
            if learns or not isinstance(layer, Quanv) or layer.shots is not None:
                return number
        return len(self.layers)

    def forward(self, images: Tensor | fx.Proxy) -> Any:
        """The head's scores of R_n."""
        return self.head(self.features(images))

    def extra_repr(self) -> str:
        return f"wiring={self.wiring}, align={self.align}"
