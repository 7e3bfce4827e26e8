"""What one training step sees: sketches, their photos and categories. Fully determined by (seed, step, rank)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as IndexedDataset

from mindreader.errors import InvalidInputError
from mindreader_training.data.augmentation import augmented_photo, augmented_sketches, without_some_strokes
from mindreader_training.data.datasets import Dataset, load_photos, load_sketches
from mindreader_training.data.pseudo_sketches import pseudo_sketch
from mindreader_training.distributed import SINGLE_PROCESS, World
from mindreader_training.presets import Preset
from mindreader_training.seeding import Stream, numpy_generator

_CHANGED_PSEUDO_SKETCHES = 0.7
"""Of those that need not lie on their photo, this share is changed as people's sketches are."""


@dataclass(frozen=True)
class Batch:
    """B sketches; the first `aligned` of them are pseudo-sketches that lie exactly on their photo."""

    sketches: Tensor
    """(B, 1, S, S) in [0, 1], at the preset's sketch size."""
    small_sketches: Tensor
    """(B, 1, G, G) in [0, 1]: the same at the side of G's images."""
    photos: Tensor
    """(B, 3, G, G) in [0, 1]: the aligned photo, the photo drawn from, or another of the category."""
    photo_index: Tensor
    """(B,) index of each photo in the training set."""
    category: Tensor
    """(B,)"""
    is_pair: Tensor
    """(B,) bool: the sketch was really drawn from that photo."""
    aligned: int


@dataclass(frozen=True)
class Rows:
    """A batch as it is read: pixels in bytes, sketches not yet changed."""

    sketches: Tensor
    """(B, 1, S, S), uint8."""
    photos: Tensor
    """(B, G, G, 3), uint8."""
    photo_index: Tensor
    category: Tensor
    is_pair: Tensor
    changes: Tensor
    """(B,) bool: whether the sketch is to be changed as another person might have drawn it."""
    aligned: int

    def on(self, device: torch.device) -> Batch:
        """The batch on a device, by torch's own random numbers there; images in the layout convolutions are fast in."""
        sketches = self.sketches.to(device).float() / 255
        if self.changes.any():
            changes = self.changes.to(device)
            sketches[changes] = augmented_sketches(sketches[changes])
        photos = self.photos.to(device).permute(0, 3, 1, 2).float() / 255
        return Batch(
            sketches.contiguous(memory_format=torch.channels_last),
            shrunk(sketches, photos.shape[-1]).contiguous(memory_format=torch.channels_last),
            photos.contiguous(memory_format=torch.channels_last),
            self.photo_index.to(device),
            self.category.to(device),
            self.is_pair.to(device),
            self.aligned,
        )


def shrunk(sketches: Tensor, side: int) -> Tensor:
    """Sketches (B, 1, S, S) in [0, 1] at `side` × `side`, as `mindreader.imaging.sketch_array` resizes them."""
    if sketches.shape[-1] == side:
        return sketches
    return F.interpolate(sketches, (side, side), mode="bicubic", antialias=True).clamp(0, 1)


class _Row(NamedTuple):
    sketch: NDArray[np.uint8]
    photo: NDArray[np.uint8]
    photo_index: int
    category: int
    is_pair: bool
    changes: bool


class Sampler:
    """Draws batches from a data set held in memory, balanced between categories and sources."""

    def __init__(
        self, dataset: Dataset, preset: Preset, seed: int, world: World = SINGLE_PROCESS, processes: int = 0
    ) -> None:
        """Load everything.

        Args:
            processes: that prepare batches side by side; 0 prepares one ahead in a thread.

        Raises:
            InvalidInputError: there are no photos, or a category has sketches only.
        """
        if not dataset.photos:
            raise InvalidInputError("There are no photos to train on.")
        self._seed, self._pairs, self._world, self._processes = seed, dataset.pairs, world, processes
        self.preset = preset
        self._photos = load_photos(dataset.photos, preset.sketch_size)
        self._sketches = load_sketches(dataset.sketches, preset.sketch_size)
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

    def batches(self, first_step: int, steps: int) -> Iterator[Rows]:
        """Batches of the steps `first_step` to `steps`, prepared ahead."""
        if self._processes:
            loader = DataLoader(
                _Steps(self, first_step, steps),
                batch_size=None,
                num_workers=self._processes,
                prefetch_factor=4,
                worker_init_fn=_use_one_thread,
            )
            with _without_opencv_threads():
                prepared = iter(loader)
            yield from prepared
            return
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead = pool.submit(self.batch, first_step)
            for step in range(first_step, steps):
                batch = ahead.result()
                if step + 1 < steps:
                    ahead = pool.submit(self.batch, step + 1)
                yield batch

    def batch(self, step: int) -> Rows:
        """The batch of one step."""
        random = numpy_generator(Stream.BATCHES, self._seed, step, self._world.rank)
        phase, _ = self.preset.phase_at(step)
        size = max(1, phase.batch // self._world.size)
        aligned = round(size * phase.aligned_share) if len(self._sketches) else size
        rows = [self._pseudo_row(random, aligned=phase.trains_generator) for _ in range(aligned)]
        photos = round(size * phase.photo_share)
        rows += [self._photo_row(random) for _ in range(photos)]
        rows += [self._drawn_row(random) for _ in range(size - aligned - photos)]
        sketches, pixels, index, category, is_pair, changes = zip(*rows, strict=True)
        return Rows(
            torch.from_numpy(np.stack(sketches)).unsqueeze(1),
            torch.from_numpy(np.stack(pixels)),
            torch.tensor(index),
            torch.tensor(category),
            torch.tensor(is_pair),
            torch.tensor(changes),
            aligned if phase.trains_generator else 0,
        )

    def _photo_row(self, random: np.random.Generator) -> _Row:
        """A photo that is its own sketch, in grey: E1 keeps to what such things look like."""
        i = int(random.choice(len(self._photos), p=self._photo_probabilities))
        photo = augmented_photo(self._photos[i], random)
        grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        return _Row(grey, self._small(photo), i, int(self._photo_category[i]), True, False)

    def _pseudo_row(self, random: np.random.Generator, *, aligned: bool) -> _Row:
        """A photo and its pseudo-sketch, which lies on it or is changed as people's sketches are."""
        i = int(random.choice(len(self._photos), p=self._photo_probabilities))
        photo = augmented_photo(self._photos[i], random)
        sketch = pseudo_sketch(photo, random)
        changes = not aligned and bool(random.random() < _CHANGED_PSEUDO_SKETCHES)
        if changes:
            sketch = self._unfinished(sketch, random)
        return _Row(sketch, self._small(photo), i, int(self._photo_category[i]), True, changes)

    def _drawn_row(self, random: np.random.Generator) -> _Row:
        i = int(random.choice(len(self._sketches), p=self._sketch_probabilities))
        category, pair = int(self._sketch_category[i]), int(self._pairs[i])
        photo = pair if pair >= 0 else int(random.choice(self._by_category[category]))
        sketch, pixels = self._unfinished(self._sketches[i], random), self._small(self._photos[photo])
        if random.random() < 0.5:  # both, or a pair would face two ways
            sketch, pixels = sketch[:, ::-1], pixels[:, ::-1]
        return _Row(sketch, pixels, photo, category, pair >= 0, True)

    def _unfinished(self, sketch: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
        """The sketch (S, S), strokes 0 on white 255, for some with strokes left out."""
        if random.random() >= self.preset.unfinished:
            return sketch
        return 255 - without_some_strokes(255 - sketch, random, self.preset.least_ink)

    def _small(self, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A photo at the side of G's images."""
        side = self.preset.generator.image_size
        if len(photo) == side:
            return photo
        return np.asarray(cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


class _Steps(IndexedDataset[Rows]):
    """The batches of a stretch of steps, by their numbers: what a `DataLoader` asks its processes for."""

    def __init__(self, sampler: Sampler, first: int, end: int) -> None:
        self._sampler, self._first, self._end = sampler, first, end

    def __len__(self) -> int:
        return self._end - self._first

    def __getitem__(self, number: int) -> Rows:
        return self._sampler.batch(self._first + number)


@contextmanager
def _without_opencv_threads() -> Iterator[None]:
    """End OpenCV's threads while processes are forked.

    They are not there in the child, which would wait for them for ever as soon as it changes their number.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _use_one_thread(_number: int) -> None:
    """The processes are as many as the cores. One that was forked has no more."""
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)


def _balanced(category: NDArray[np.int64], source: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sampling probabilities (N,) that favour small groups: a group, category × source, of n has a share of √n."""
    _, group, size = np.unique(np.stack([category, source]), axis=1, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1.0 / np.sqrt(size[group.reshape(-1)])
    return np.asarray(weights / weights.sum())
