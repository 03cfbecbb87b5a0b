"""PNG and JPEG pictures as arrays, and resizing, both by Pillow (extra `[lab]`).

Pixels are as they are stored: an EXIF orientation is not applied, and no colour profile.

Shape suffixes: N images, C channels, H W height and width.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from resqunn.errors import ConfigurationError, DataError, MissingExtraError

if TYPE_CHECKING:
    from PIL import Image

PIXELS = 2**26
"""Pixels that a picture may have, height times width."""

SIDE = 2**12
"""Pixels that a side may have after resizing."""

MOST = 2**31
"""Values that all images of a set may have together."""

Size = int | tuple[int, int] | None
"""Height and width, one number for both, or None for images as they are."""

SOME = 4096
"""Images that are interpolated at once."""

_PNG = b"\x89PNG\r\n\x1a\n"


def pillow() -> Any:
    """The module `PIL.Image`.

    Raises:
        MissingExtraError: if Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("reading and resizing pictures", "lab") from None
    return Image


def decoded(content: bytes, path: Path) -> np.ndarray:
    """The pixels of a PNG or JPEG file, (1, H, W) if grey, else (3, H, W), as bytes.

    Raises:
        DataError: if it is damaged, too large, or another kind of picture.
    """
    Image = pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
                if picture.width * picture.height > PIXELS:
                    raise Image.DecompressionBombError
                if getattr(picture, "is_animated", False):
                    raise DataError(f"{path} holds several pictures: keep one of them")
                _require_whole(content, path)
                return channels_of(picture, str(path))
    except DataError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise DataError(f"{path} has more than {PIXELS:,} pixels: make it smaller") from None
    except Exception as error:  # bytes may be anything
        told = (
            "no PNG or JPEG"
            if isinstance(error, Image.UnidentifiedImageError)
            else _one_line(error)
        )
        raise DataError(f"{path} is a damaged picture ({told}): replace or remove it") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _require_whole(content: bytes, path: Path) -> None:
    """Compares the checksums of a PNG file's chunks, which Pillow does not all look at.

    Raises:
        DataError: if one does not fit, or the last chunk is missing.
    """
    at = len(_PNG)
    if content[:at] != _PNG:
        return
    while at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, end = content[at + 4 : at + 8], at + 8 + length
        if content[end : end + 4] != struct.pack(">I", zlib.crc32(content[at + 4 : end])):
            break
        if kind == b"IEND":
            return
        at = end + 4
    raise DataError(f"{path} is a damaged picture (a checksum does not fit): replace or remove it")


def channels_of(picture: Image.Image, what: str) -> np.ndarray:
    """The pixels of an open picture, (1, H, W) if grey, else (3, H, W), as bytes.

    Palettes are written out in colour; an alpha channel is dropped if nothing is transparent.

    Raises:
        DataError: for a picture of another kind, such as 16 bits a pixel, or transparency.
    """
    mode = picture.mode
    if mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        raise DataError(
            f"{what} must be grey or RGB with 8 bits a channel, got mode {mode}: convert it"
        )
    if mode in ("LA", "P", "RGBA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema()[0] != 255:
            raise DataError(f"{what} has transparent pixels: put it on a background")
    picture = picture.convert("L" if mode in ("1", "L", "LA") else "RGB")
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def in_pixels(size: Size) -> tuple[int, int] | None:
    """Height and width.

    Raises:
        ConfigurationError: for a size that is none.
    """
    if size is None:
        return None
    height, width = (size, size) if isinstance(size, int) else size
    if not (1 <= height <= SIDE and 1 <= width <= SIDE):
        raise ConfigurationError(f"size must be 1 to {SIDE:,} pixels, got {size}")
    return height, width


def words(shape: Sequence[int]) -> str:
    """(1, 28, 20) as "28x20 in grey"."""
    channels, height, width = shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    return f"{height}x{width} in {colour}"


def require_moderate(count: int, shape: Sequence[int]) -> None:
    """
    Raises:
        DataError: for more images of that shape than there is memory for.
    """
    if count * math.prod(shape) > MOST:
        raise DataError(
            f"{count:,} images of {words(shape)} have more than {MOST:,} values: give a smaller "
            "size, or take fewer"
        )


def resized(pixels: np.ndarray, size: tuple[int, int], antialias: bool = True) -> np.ndarray:
    """Images (N, C, H, W), bytes or float32, at another height and width.

    Bilinear as in Pillow, which takes a weighted mean of what becomes one pixel in smaller images;
    or, without `antialias`, between the four nearest pixels alone, which at half the size is the
    mean of blocks of 2x2. Height and width change independently.
    """
    if pixels.shape[2:] == size:
        return pixels
    require_moderate(len(pixels), (pixels.shape[1], *size))
    if not antialias:
        return _interpolated(pixels, size)
    Image = pillow()
    made = np.empty((*pixels.shape[:2], *size), pixels.dtype)
    for image, target in zip(pixels, made, strict=True):
        for channel, filled in zip(image, target, strict=True):
            picture = Image.fromarray(np.ascontiguousarray(channel))
            filled[:] = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
    if made.dtype == np.float32:
        np.clip(made, 0, 1, out=made)  # rounding
    return made


def _interpolated(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Between the four nearest pixels, some images at a time, which bounds memory."""
    made = np.empty((*pixels.shape[:2], *size), pixels.dtype)
    for start in range(0, len(pixels), SOME):
        some = torch.from_numpy(pixels[start : start + SOME].astype(np.float32))
        found = interpolate(some, size=size, mode="bilinear", align_corners=False)
        whole = pixels.dtype == np.uint8
        made[start : start + SOME] = (found.round() if whole else found.clamp(0, 1)).numpy()
    return made
