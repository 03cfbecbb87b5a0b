"""`ResQuNN`: layers, joined by a residual wiring, and a head.

Shape suffixes: B batch, C channel, H W height and width, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from resqunn.checks import checked, shown
from resqunn.errors import ConfigurationError, ShapeError, WrongTypeError, unknown_name
from resqunn.nn.quanv import Quanv2d
from resqunn.nn.wiring import Wiring

ALIGNMENTS = ("zero_pad", "zero_pad_center")


def add_aligned(
    a_BCHW: Float[Tensor, "B C1 H1 W1"], b_BCHW: Float[Tensor, "B C2 H2 W2"], align: str
) -> Float[Tensor, "B C H W"]:
    """The sum of two maps, each zero-padded to the larger size in every dimension.

    Channels are padded at the end. Rows and columns are padded at the bottom and right
    (`"zero_pad"`), or on both sides with the odd one at the bottom and right
    (`"zero_pad_center"`).
    """
    sizes = [max(p, q) for p, q in zip(a_BCHW.shape[1:], b_BCHW.shape[1:], strict=True)]
    return _padded(a_BCHW, sizes, align) + _padded(b_BCHW, sizes, align)


def _padded(x_BCHW: Tensor, sizes: list[int], align: str) -> Tensor:
    missing = [size - have for size, have in zip(sizes, x_BCHW.shape[1:], strict=True)]
    if not any(missing):
        return x_BCHW
    channels, rows, columns = missing
    top, left = (rows // 2, columns // 2) if align == "zero_pad_center" else (0, 0)
    return nn.functional.pad(x_BCHW, (left, columns - left, top, rows - top, 0, channels))


class ResQuNN(nn.Module):
    r"""A residual network: $O_k = \mathrm{layer}_k(R_{k-1})$, $R_k = O_k + R_j$, head of $R_n$.

    Where j comes from is said by the `Wiring` (ResQuNN paper, Sec. 3.2-3.3 and Fig. 5).

    Args:
        layers: modules that map (B, C, H, W) to (B, C', H', W'); `Quanv2d` or any other,
            such as `nn.Conv2d` for a classical benchmark.
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

    def features(self, images: Tensor) -> Float[Tensor, "B C2 H2 W2"]:
        """R_n, what the head reads."""
        if not isinstance(images, Tensor):
            raise WrongTypeError(f"images must be a torch.Tensor, got {shown(images)}")
        if images.ndim != 4:
            raise ShapeError(f"images must have shape (B, C, H, W), got {tuple(images.shape)}")
        return self.sums((images,))[-1]

    def sums(self, first: Sequence[Tensor], last: int | None = None) -> list[Tensor]:
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

        Those are quanvolutional layers that are frozen, or that the loss does not reach because
        derivatives are cut.
        """
        cut = [getattr(layer, "input_gradients", True) for layer in self.layers]
        for number, reached in enumerate(self.wiring.reached(cut)):
            layer = self.layers[number]
            learns = reached and any(p.requires_grad for p in layer.parameters())
            if learns or not isinstance(layer, Quanv2d):
                return number
        return len(self.layers)

    def forward(self, images: Tensor) -> Float[Tensor, "B K"]:
        """The head's scores of R_n."""
        return self.head(self.features(images))

    def extra_repr(self) -> str:
        return f"wiring={self.wiring}, align={self.align}"
