"""Labelled photos and sketches, and how their files become arrays; `layouts` finds them on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.errors import InvalidInputError
from mindreader.imaging import Sketch, decode_photo, decode_sketch, photo_array, sketch_array
from mindreader_training.data.quickdraw import drawn_png

_MAX_BYTES = 100 * 2**20
MAX_PIXELS = 200_000_000
NO_PAIR = -1

_T = TypeVar("_T")


@dataclass(frozen=True)
class Item:
    """One labelled file."""

    path: Path
    category: str
    source: str = ""
    line: int | None = None
    """Which line of the file, where one file holds many drawings as strokes (see `quickdraw`)."""


@dataclass(frozen=True)
class Dataset:
    """Labelled photos and sketches, and which sketch was drawn from which photo."""

    photos: tuple[Item, ...]
    sketches: tuple[Item, ...]
    pairs: NDArray[np.int64]
    """For each sketch the index of its photo, or -1."""

    @property
    def categories(self) -> tuple[str, ...]:
        """All categories, sorted."""
        return tuple(sorted({item.category for item in (*self.photos, *self.sketches)}))

    def without(self, categories: Collection[str]) -> Dataset:
        """The data set without some categories."""
        return self.only(lambda item: item.category not in categories)

    def only(self, keep: Callable[[Item], bool]) -> Dataset:
        """The items that `keep` selects; pairs whose photo is gone are pairs no more."""
        photo_index = {i: n for n, i in enumerate(i for i, photo in enumerate(self.photos) if keep(photo))}
        kept = [i for i, sketch in enumerate(self.sketches) if keep(sketch)]
        pairs = np.array([photo_index.get(int(self.pairs[i]), NO_PAIR) for i in kept], dtype=np.int64)
        return Dataset(tuple(self.photos[i] for i in photo_index), tuple(self.sketches[i] for i in kept), pairs)

    def with_sketches(self, sketches: Sequence[Item]) -> Dataset:
        """The data set with more sketches, drawn from none of its photos; those of other categories are left out.

        Raises:
            InvalidInputError: none is of a category that has photos.
        """
        found = {photo.category for photo in self.photos}
        more = tuple(sketch for sketch in sketches if sketch.category in found)
        if not more:
            raise InvalidInputError("None of the further sketches is of a category that has photos.")
        return Dataset(self.photos, (*self.sketches, *more), np.append(self.pairs, np.full(len(more), NO_PAIR)))

    def of_sources(self, sources: Collection[str]) -> Dataset:
        """The photos and sketches of some sources.

        Raises:
            InvalidInputError: there is nothing of one of them.
        """
        known = sorted({item.source for item in (*self.photos, *self.sketches)} - {""})
        if unknown := sorted(set(sources) - set(known)):
            raise InvalidInputError(
                f"The data set has no source {', '.join(unknown)}. Sources: {', '.join(known) or 'none'}."
            )
        return self.only(lambda item: item.source in sources)

    def with_at_most(self, sketches_per_category: int, seed: int) -> Dataset:
        """The data set with at most so many sketches of each category; every photo stays.

        Args:
            sketches_per_category: 0 or more. The sketches of a smaller number are among those of a larger one.
            seed: draws them.
        """
        by_category: dict[str, list[int]] = defaultdict(list)
        for i, sketch in enumerate(self.sketches):
            by_category[sketch.category].append(i)
        kept: list[int] = []
        for category, own in by_category.items():
            random = np.random.default_rng((seed, *category.encode()))
            kept += [int(i) for i in random.permutation(own)[:sketches_per_category]]
        kept.sort()
        return Dataset(self.photos, tuple(self.sketches[i] for i in kept), self.pairs[kept])

    def answerable(self) -> Dataset:
        """The data set without sketches of categories that have no photo: nothing could be found for them."""
        found = {photo.category for photo in self.photos}
        return self.only(lambda item: item.category in found)

    def labels(self, items: Sequence[Item]) -> NDArray[np.int64]:
        """Index into `categories` for each of `items`."""
        index = {category: i for i, category in enumerate(self.categories)}
        return np.array([index[item.category] for item in items], dtype=np.int64)


def evenly_spread(items: Sequence[_T], count: int) -> Sequence[_T]:
    """So many of the items, or all where there are fewer, the first among them."""
    return items[:: max(1, len(items) // count)][:count]


def load_photos(items: Sequence[Item], size: int) -> NDArray[np.uint8]:
    """Photos as (N, size, size, 3), RGB, decoded exactly as the product decodes them."""

    def load(item: Item) -> NDArray[np.uint8]:
        return photo_array(decode_photo(item.path, max_pixels=MAX_PIXELS, min_side=size).image, size)

    return _stacked(load, items)


def load_sketches(items: Sequence[Item], size: int) -> NDArray[np.uint8]:
    """Sketches as (N, size, size), black strokes 0 on white 255, decoded as the product decodes them."""

    def load(item: Item) -> NDArray[np.uint8]:
        return sketch_array(decode_sketch(_drawn(item), max_bytes=_MAX_BYTES), size)

    return _stacked(load, items) if items else np.zeros((0, size, size), np.uint8)


def sketch_images(items: Sequence[Item]) -> Iterator[Image.Image]:
    """Sketches one by one as the product holds them: squares of mode ``L``, black strokes on white."""
    for item in items:
        yield Sketch.read(_drawn(item), max_bytes=_MAX_BYTES).image


def _drawn(item: Item) -> bytes:
    return item.path.read_bytes() if item.line is None else drawn_png(item.path, item.line)


def _stacked(load: Callable[[Item], NDArray[np.uint8]], items: Sequence[Item]) -> NDArray[np.uint8]:
    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(load, items)))
