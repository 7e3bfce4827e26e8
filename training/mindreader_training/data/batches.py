"""What one training step sees: sketches, their photos and categories. Fully determined by (seed, step, rank)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mindreader.errors import InvalidInputError
from mindreader_training.data.augmentation import augmented_photo, augmented_sketch
from mindreader_training.data.datasets import Dataset, load_photos, load_sketches
from mindreader_training.data.pseudo_sketches import pseudo_sketch
from mindreader_training.distributed import SINGLE_PROCESS, World
from mindreader_training.presets import Preset
from mindreader_training.seeding import Stream, numpy_generator

_Row = tuple[NDArray[np.uint8], NDArray[np.uint8], int, int, bool]
"""Sketch, photo, the photo's index, category, and whether the sketch was drawn from that photo."""


@dataclass(frozen=True)
class Batch:
    """B sketches; the first `aligned` of them are pseudo-sketches that lie exactly on their photo."""

    sketches: Tensor
    """(B, 1, S, S) in [0, 1]."""
    photos: Tensor
    """(B, 3, S, S) in [0, 1]: the aligned photo, the photo drawn from, or another of the category."""
    photo_index: Tensor
    """(B,) index of each photo in the training set."""
    category: Tensor
    """(B,)"""
    is_pair: Tensor
    """(B,) bool: the sketch was really drawn from that photo."""
    aligned: int

    def to(self, device: torch.device) -> Batch:
        """The batch on a device, its images in the memory layout convolutions are fast in."""
        return Batch(
            self.sketches.to(device, memory_format=torch.channels_last),
            self.photos.to(device, memory_format=torch.channels_last),
            self.photo_index.to(device),
            self.category.to(device),
            self.is_pair.to(device),
            self.aligned,
        )


class Sampler:
    """Draws batches from a data set held in memory, balanced between categories and sources."""

    def __init__(self, dataset: Dataset, preset: Preset, seed: int, world: World = SINGLE_PROCESS) -> None:
        """Load everything.

        Raises:
            InvalidInputError: there are no photos, or a category has sketches only.
        """
        if not dataset.photos:
            raise InvalidInputError("There are no photos to train on.")
        size = preset.generator.image_size
        self._seed, self._pairs, self._world = seed, dataset.pairs, world
        self.preset = preset
        self._photos = load_photos(dataset.photos, size)
        self._sketches = load_sketches(dataset.sketches, size)
        self._photo_category = dataset.labels(dataset.photos)
        self._sketch_category = dataset.labels(dataset.sketches)
        self._photo_probabilities = _balanced(self._photo_category, np.zeros(len(dataset.photos), dtype=np.int64))
        sources = np.unique([item.source for item in dataset.sketches], return_inverse=True)[1].astype(np.int64)
        self._sketch_probabilities = _balanced(self._sketch_category, sources)
        self._by_category = {int(c): np.flatnonzero(self._photo_category == c) for c in set(self._photo_category)}

        if missing := set(self._sketch_category) - set(self._by_category):
            names = ", ".join(dataset.categories[c] for c in sorted(missing))
            raise InvalidInputError(
                f"These categories have sketches but no photos: {names}. Add photos or leave them out."
            )

    def batches(self, first_step: int, steps: int) -> Iterator[Batch]:
        """Batches of the steps `first_step` to `steps`, prepared one ahead in a thread."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead = pool.submit(self.batch, first_step)
            for step in range(first_step, steps):
                batch = ahead.result()
                if step + 1 < steps:
                    ahead = pool.submit(self.batch, step + 1)
                yield batch

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        random = numpy_generator(Stream.BATCHES, self._seed, step, self._world.rank)
        phase, _ = self.preset.phase_at(step)
        size = max(1, phase.batch // self._world.size)
        aligned = round(size * phase.aligned_share) if len(self._sketches) else size
        rows = [self._aligned_row(random) for _ in range(aligned)]
        rows += [self._drawn_row(random) for _ in range(size - aligned)]
        sketches, photos, index, category, is_pair = zip(*rows, strict=True)
        return Batch(
            torch.from_numpy(np.stack(sketches)).unsqueeze(1).float() / 255,
            torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).float() / 255,
            torch.tensor(index),
            torch.tensor(category),
            torch.tensor(is_pair),
            aligned,
        )

    def _aligned_row(self, random: np.random.Generator) -> _Row:
        i = int(random.choice(len(self._photos), p=self._photo_probabilities))
        photo = augmented_photo(self._photos[i], random)
        return pseudo_sketch(photo, random), photo, i, int(self._photo_category[i]), True

    def _drawn_row(self, random: np.random.Generator) -> _Row:
        i = int(random.choice(len(self._sketches), p=self._sketch_probabilities))
        category, pair = int(self._sketch_category[i]), int(self._pairs[i])
        photo = pair if pair >= 0 else int(random.choice(self._by_category[category]))
        sketch, pixels = augmented_sketch(self._sketches[i], random), self._photos[photo]
        if random.random() < 0.5:  # both, or a pair would face two ways
            sketch, pixels = sketch[:, ::-1], pixels[:, ::-1]
        return sketch, pixels, photo, category, pair >= 0


def _balanced(category: NDArray[np.int64], source: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sampling probabilities (N,) that favour small groups: a group, category × source, of n has a share of √n."""
    _, group, size = np.unique(np.stack([category, source]), axis=1, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1.0 / np.sqrt(size[group.reshape(-1)])
    return np.asarray(weights / weights.sum())
