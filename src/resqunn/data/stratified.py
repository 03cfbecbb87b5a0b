"""Draws in which each class has its share, as scikit-learn makes them (extra `[lab]`).

scikit-learn's own, so that a split that a paper made with it can be made again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from resqunn.errors import MissingExtraError


def drawn_from(members: np.ndarray, labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """So many of the members, as the test part of `train_test_split(..., stratify=labels)`.

    Args:
        members: numbers of images.
        labels: of all images.
        count: fewer than there are members.
        seed: scikit-learn's `random_state`, modulo 2**32.

    Raises:
        MissingExtraError: if scikit-learn is not installed.
        ValueError: if some class has too few members.
    """
    try:
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise MissingExtraError("drawing images by the shares of their classes", "lab") from None
    parts: Any = train_test_split(
        members, test_size=count, random_state=seed % 2**32, stratify=labels[members]
    )
    return parts[1]


def rest_of(members: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The members that were not drawn, in their order."""
    return members[~np.isin(members, drawn)]
