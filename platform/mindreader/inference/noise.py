"""G's noise z from seeds, free of torch: the same seed gives the same imaginary image on every engine and device.

The numbers are those a `torch.Generator` with this seed gives on a processor, with which the bundles were measured:
a Mersenne Twister, uniform numbers of 24 bits, and normal ones by Box and Muller in groups of sixteen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindreader.networks.descriptions import DROPOUT, GeneratorSizes

_SEEDS = 2**32
_BITS = 24
_GROUP = 16


@dataclass(frozen=True, eq=False)
class NoiseArrays:
    """z for a batch of B."""

    step: NDArray[np.float32] | None
    """(B, K), standard normal; None for a generator without condition."""
    masks: tuple[NDArray[np.float32], ...]
    """For each noisy layer (B, C, h, w): 0 where it is dropped, else what makes up for that."""


def draw_noise(sizes: GeneratorSizes, seeds: Sequence[int]) -> NoiseArrays:
    """z of each row from its own seed, whatever its neighbours are."""
    rows = [_Draws(seed) for seed in seeds]
    step = np.stack([row.normal(sizes.condition) for row in rows]) if sizes.condition else None
    masks = tuple(np.stack([_mask(row, shape) for row in rows]) for shape in sizes.noisy_layers)
    return NoiseArrays(step, masks)


def _mask(row: _Draws, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    kept = row.uniform(math.prod(shape)).reshape(shape) >= DROPOUT
    return kept.astype(np.float32) / np.float32(1 - DROPOUT)


class _Draws:
    def __init__(self, seed: int) -> None:
        self._twister = np.random.RandomState(seed % _SEEDS)

    def uniform(self, count: int) -> NDArray[np.float32]:
        """In [0, 1)."""
        words = np.frombuffer(self._twister.bytes(4 * count), "<u4")
        return (words & np.uint32(2**_BITS - 1)).astype(np.float32) * np.float32(2.0**-_BITS)

    def normal(self, count: int) -> NDArray[np.float32]:
        """With mean 0 and variance 1."""
        first, second = self.uniform(-(-count // _GROUP) * _GROUP).reshape(-1, 2, _GROUP // 2).swapaxes(0, 1)
        radius, angle = np.sqrt(-2 * np.log(1 - first)), np.float32(2 * math.pi) * second
        made = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
        return made[:count].astype(np.float32)
