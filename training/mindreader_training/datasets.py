"""Photos and sketches as arrays, from any of the folder layouts MindReader trains on."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindreader.errors import InvalidInputError
from mindreader.imaging import decode_photo, decode_sketch, photo_array, sketch_array

_MAX_BYTES = 100 * 2**20
_MAX_PIXELS = 200_000_000
_NO_PAIR = -1


@dataclass(frozen=True)
class Item:
    """One labelled file."""

    path: Path
    category: str
    source: str = ""


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

    def labels(self, items: Sequence[Item]) -> NDArray[np.int64]:
        """Index into `categories` for each of `items`."""
        index = {category: i for i, category in enumerate(self.categories)}
        return np.array([index[item.category] for item in items], dtype=np.int64)


def folder_items(root: Path) -> tuple[Item, ...]:
    """Items of a folder laid out as `CATEGORY/file`.

    Raises:
        InvalidInputError: the folder is missing or holds no files in category folders.
    """
    if not root.is_dir():
        raise InvalidInputError(f"{root} is not a folder. Expected a folder with one sub-folder for each category.")
    items = tuple(
        Item(path, folder.name)
        for folder in sorted(root.iterdir())
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    )
    if not items:
        raise InvalidInputError(f"{root} holds no files. Expected {root.name}/CATEGORY/*.")
    return items


def folder_dataset(photos: Path, sketches: Path) -> Dataset:
    """Data set of two folders laid out as `CATEGORY/file`; no pairs are known."""
    taken, drawn = folder_items(photos), folder_items(sketches)
    return Dataset(taken, drawn, np.full(len(drawn), _NO_PAIR))


def listed_dataset(root: Path, keep: Callable[[dict[str, str]], bool]) -> Dataset:
    """Data set of a folder with `meta.csv` and `pairs.csv`, restricted to the rows that `keep` accepts.

    `meta.csv` has the columns path, side, category, tier, source, group, split; `pairs.csv` sketch, photo.
    """
    try:
        rows = [row for row in _rows(root / "meta.csv") if keep(row)]
    except OSError as error:
        raise InvalidInputError(f"{root / 'meta.csv'} cannot be read ({error.strerror}).") from None
    photo_rows = [row for row in rows if row["side"] == "photo"]
    sketch_rows = [row for row in rows if row["side"] == "sketch"]
    photo_index = {row["path"]: i for i, row in enumerate(photo_rows)}
    drawn_from = {row["sketch"]: row["photo"] for row in _rows(root / "pairs.csv")}
    pairs = [photo_index.get(drawn_from.get(row["path"], ""), _NO_PAIR) for row in sketch_rows]
    return Dataset(_items(root, photo_rows), _items(root, sketch_rows), np.array(pairs, dtype=np.int64))


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _items(root: Path, rows: Sequence[dict[str, str]]) -> tuple[Item, ...]:
    return tuple(Item(root / row["path"], row["category"], row["source"]) for row in rows)


def load_photos(items: Sequence[Item], size: int) -> NDArray[np.uint8]:
    """Photos as (N, size, size, 3), RGB, decoded exactly as the product decodes them."""

    def load(item: Item) -> NDArray[np.uint8]:
        return photo_array(decode_photo(item.path, max_pixels=_MAX_PIXELS, min_side=size).image, size)

    return _stacked(load, items)


def load_sketches(items: Sequence[Item], size: int) -> NDArray[np.uint8]:
    """Sketches as (N, size, size), black strokes 0 on white 255, decoded as the product decodes them."""

    def load(item: Item) -> NDArray[np.uint8]:
        return sketch_array(decode_sketch(item.path.read_bytes(), max_bytes=_MAX_BYTES), size)

    return _stacked(load, items)


def _stacked(load: Callable[[Item], NDArray[np.uint8]], items: Sequence[Item]) -> NDArray[np.uint8]:
    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(load, items)))
