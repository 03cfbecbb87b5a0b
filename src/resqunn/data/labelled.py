"""Images with the index of each one's class: what networks are trained on.

Shape suffixes: N images, C channels, H W height and width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from resqunn.checks import check_fields
from resqunn.errors import DataError


@dataclass(frozen=True, repr=False)
class LabelledImages:
    """Images and the index of each one's class.

    Raises:
        WrongTypeError, ShapeError: for arguments that are no such tensors.
        DataError: for pixels that are not finite or outside [0, 1], labels outside the
            classes, or counts that differ.
    """

    images: Float[Tensor, "N C H W"]
    labels: Int[Tensor, " M"]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        check_fields(self)
        if len(self.images) != len(self.labels):
            raise DataError(
                f"labels must be one for each of {len(self.images)} images, got {len(self.labels)}"
            )
        # Extremes first: they take no memory, and NaN is one.
        low, high = self.images.aminmax() if self.images.numel() else (0, 0)
        if not 0 <= low <= high <= 1:
            bad = ~torch.isfinite(self.images).flatten(1).all(dim=1)
            if bad.any():
                raise DataError(
                    f"image {int(bad.nonzero()[0])} holds NaN or infinite pixels: repair or drop it"
                )
            raise DataError(f"pixels must be in [0, 1], got [{low:.4g}, {high:.4g}]: scale them")
        outside = (self.labels < 0) | (self.labels >= len(self.classes))
        if outside.any():
            at = int(outside.nonzero()[0])
            raise DataError(
                f"labels of {len(self.classes)} classes must be 0 to {len(self.classes) - 1}, got "
                f"{int(self.labels[at])} for image {at}"
            )

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.images.shape[1:]))
        return f"<LabelledImages: {len(self)} of {shape}, {len(self.classes)} classes>"

    def __len__(self) -> int:
        return len(self.labels)
