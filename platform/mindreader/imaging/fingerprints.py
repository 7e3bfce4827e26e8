"""Fingerprints: what a picture looks like, in 608 bytes that resizing and recompressing hardly change.

A fingerprint is the picture itself, very small: 24 × 24 grey values, and 4 × 4 of each colour difference (YCbCr). It
holds for copies of one shot; another shot of the same scene lies further off (docs/photos.md, `bench/duplicates.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_GREY, _COLOUR = 24, 4
FINGERPRINT_BYTES = _GREY**2 + 2 * _COLOUR**2

NOISE = 0.8
"""Levels (of 256) by which compression moves the grey values of a copy, root mean square."""
SHARE_OF_CONTRAST = 0.035
"""Resizing moves them by so much of the picture's own contrast (standard deviation) besides."""
COLOUR_LEVELS = 3.0
"""Levels by which the colour differences of a copy may be off; those of a black-and-white print are off by more."""
LOCAL = 6.0
"""No single value is off by more than so many times the bound of all: there something moved."""
LEAST_CONTRAST = 6.0
"""Pictures with less of it (a wall, a sheet, the night) show too little to be told apart by."""
PROPORTIONS = 0.03

Booleans = NDArray[np.bool_]


def fingerprint(image: Image.Image) -> bytes:
    """Take the fingerprint of an upright RGB picture of any size; `FINGERPRINT_BYTES` long."""
    # Bicubic is smoothed over the pixels it leaves out: it gives the same for every size of a picture.
    luma, *colours = image.convert("YCbCr").split()
    grey = luma.resize((_GREY, _GREY), Image.Resampling.BICUBIC)
    small = [colour.resize((_COLOUR, _COLOUR), Image.Resampling.BICUBIC) for colour in colours]
    return b"".join(part.tobytes() for part in (grey, *small))


@dataclass(frozen=True, eq=False)
class Pictures:
    """Fingerprints of N photos, ready to be compared."""

    grey: NDArray[np.float32]
    """``(N, 576)``."""
    colour: NDArray[np.float32]
    """``(N, 32)``."""
    mean: NDArray[np.float32]
    """``(N,)``, of the grey values."""
    contrast: NDArray[np.float32]
    """``(N,)``, standard deviation of the grey values; 0 of photos without a fingerprint."""
    proportions: NDArray[np.float32]
    """``(N,)``, logarithm of width by height."""

    @classmethod
    def of(cls, fingerprints: Sequence[bytes | None], sizes: Sequence[tuple[int, int]]) -> Pictures:
        """From fingerprints, where there are some, and sizes (width, height) of at least one pixel."""
        nothing = bytes(FINGERPRINT_BYTES)
        kept = [each if each is not None and len(each) == FINGERPRINT_BYTES else nothing for each in fingerprints]
        values = np.frombuffer(b"".join(kept), np.uint8).reshape(len(kept), FINGERPRINT_BYTES).astype(np.float32)
        grey, colour = values[:, : _GREY**2], values[:, _GREY**2 :]
        width, height = np.array(sizes, np.float32).reshape(-1, 2).T
        return cls(grey, colour, grey.mean(axis=1), grey.std(axis=1), np.log(width / height))

    def __getitem__(self, some: NDArray[np.intp]) -> Pictures:
        picked = (self.grey, self.colour, self.mean, self.contrast, self.proportions)
        return Pictures(*(values[some] for values in picked))

    def copies(self, others: Pictures) -> Booleans:
        """Which of these N and of the other M are copies of one shot ``(N, M)``, resized or recompressed."""
        contrast = np.minimum(self.contrast[:, None], others.contrast[None])
        bound = np.hypot(NOISE, SHARE_OF_CONTRAST * contrast)
        near = contrast >= LEAST_CONTRAST
        near &= np.abs(self.proportions[:, None] - others.proportions[None]) <= PROPORTIONS
        # Two pictures differ by no less than their means do, nor than their contrasts: that spares most of the work.
        near &= np.abs(self.mean[:, None] - others.mean[None]) <= bound
        near &= np.abs(self.contrast[:, None] - others.contrast[None]) <= bound
        one, other = np.nonzero(near)
        near[one, other] = self._are_copies(one, others, other, bound[one, other])
        return near

    def _are_copies(
        self, one: NDArray[np.intp], others: Pictures, other: NDArray[np.intp], bound: NDArray[np.float32]
    ) -> Booleans:
        """Pair by pair ``(P,)``, from all their values."""
        grey = np.abs(self.grey[one] - others.grey[other])
        colour = self.colour[one] - others.colour[other]
        near = (_root_mean_square(grey) <= bound) & (grey.max(axis=1, initial=0) <= LOCAL * bound)
        return np.asarray(near & (_root_mean_square(colour) <= COLOUR_LEVELS))


def _root_mean_square(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.sqrt((rows**2).mean(axis=1)), np.float32)
