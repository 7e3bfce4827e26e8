"""Data sets on disk: one adapter for each layout, all with one interface, `read_dataset`.

* ``meta.csv`` and ``pairs.csv``: files listed with their category, source and split.
* The official Sketchy release (Sangkloy et al. 2016): ``photo/tx_000000000000/CATEGORY/NAME.jpg`` and
  ``sketch/tx_000000000000/CATEGORY/NAME-N.png``, below ``256x256/`` or at the top.
* Folders: ``photos/CATEGORY/*`` and, where there are any, ``sketches/CATEGORY/*`` and QuickDraw's strokes,
  ``quickdraw/CATEGORY.ndjson``. Without sketches, training draws pseudo-sketches from the photos.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from mindreader.errors import InvalidInputError
from mindreader_training.data.datasets import NO_PAIR, Dataset, Item
from mindreader_training.data.quickdraw import drawings

Split = Literal["train", "dev"]

SKETCHY_TEST_PAIRS = 30
"""Pairs of each category that the Sketchy release's test set holds (Guo et al. 2017, section 4.1)."""
_DEV_SHARE = 0.1
_SKETCHY_VIEW = "tx_000000000000"
_META_COLUMNS = ("path", "side", "category", "tier", "source", "split")
_PAIR_COLUMNS = ("sketch", "photo")


def read_dataset(root: Path, split: Split, seed: int = 0) -> Dataset:
    """Read one split of whatever layout `root` has.

    Args:
        seed: draws the split where the layout itself has none.

    Raises:
        InvalidInputError: no layout is recognised, or a file the layout needs is missing.
    """
    if (root / "meta.csv").exists():
        return listed_dataset(root, lambda row: row["split"] == split)
    for top in (root / "256x256", root):
        if (top / "photo" / _SKETCHY_VIEW).is_dir():
            return sketchy_release(top, split, seed)
    if (root / "photos").is_dir():
        return category_folders(root, split, seed)
    raise InvalidInputError(
        f"No data set is recognised in {root}. Expected meta.csv, or photos/CATEGORY/* (with sketches/CATEGORY/* or "
        f"quickdraw/CATEGORY.ndjson), or the Sketchy release with photo/{_SKETCHY_VIEW}/CATEGORY/*."
    )


def listed_dataset(root: Path, keep: Callable[[dict[str, str]], bool]) -> Dataset:
    """The rows of `root`'s ``meta.csv`` that `keep` wants, with the pairs among them.

    Columns: path, side (photo or sketch), category, tier, source, group, split; `pairs.csv` sketch, photo.

    Raises:
        InvalidInputError: one of the two files cannot be read or lacks a column.
    """
    rows = [row for row in read_table(root / "meta.csv", _META_COLUMNS) if keep(row)]
    photo_rows = [row for row in rows if row["side"] == "photo"]
    sketch_rows = [row for row in rows if row["side"] == "sketch"]
    photo_index = {row["path"]: i for i, row in enumerate(photo_rows)}
    drawn_from = {row["sketch"]: row["photo"] for row in read_table(root / "pairs.csv", _PAIR_COLUMNS)}
    pairs = [photo_index.get(drawn_from.get(row["path"], ""), NO_PAIR) for row in sketch_rows]
    return Dataset(_items(root, photo_rows), _items(root, sketch_rows), np.array(pairs, dtype=np.int64))


def sketchy_release(root: Path, split: Split, seed: int) -> Dataset:
    """The Sketchy release: 30 random pairs of each category are the test set ("dev"), the rest is for training.

    A test pair's photo and every other sketch of it stay out of training.
    """
    photos = folder_items(root / "photo" / _SKETCHY_VIEW, source="sketchy")
    sketches = folder_items(root / "sketch" / _SKETCHY_VIEW, source="sketchy")
    held_back: set[tuple[str, str]] = set()
    chosen: set[Path] = set()
    for category in sorted({item.category for item in sketches}):
        own = [item for item in sketches if item.category == category]
        random = np.random.default_rng((seed, *category.encode()))
        test_sketches = [own[i] for i in random.permutation(len(own))[:SKETCHY_TEST_PAIRS]]
        chosen |= {item.path for item in test_sketches}
        held_back |= {(category, _photo_name(item)) for item in test_sketches}
    if split == "dev":
        kept_photos = tuple(p for p in photos if (p.category, p.path.stem) in held_back)
        kept_sketches = tuple(s for s in sketches if s.path in chosen)
    else:
        kept_photos = tuple(p for p in photos if (p.category, p.path.stem) not in held_back)
        kept_sketches = tuple(s for s in sketches if (s.category, _photo_name(s)) not in held_back)
    index = {(photo.category, photo.path.stem): i for i, photo in enumerate(kept_photos)}
    pairs = [index.get((s.category, _photo_name(s)), NO_PAIR) for s in kept_sketches]
    return Dataset(kept_photos, kept_sketches, np.array(pairs, dtype=np.int64))


def category_folders(root: Path, split: Split, seed: int) -> Dataset:
    """Plain folders; a tenth of the photos and sketches of every category, chosen by name, is "dev"."""
    photos = folder_items(root / "photos")
    sketches = folder_items(root / "sketches") if (root / "sketches").is_dir() else ()
    sketches += tuple(item for path in sorted((root / "quickdraw").glob("*.ndjson")) for item in _quickdraw_items(path))
    dataset = Dataset(photos, sketches, np.full(len(sketches), NO_PAIR))
    return dataset.only(lambda item: (_split_position(item, seed) < _DEV_SHARE) == (split == "dev"))


def folder_dataset(photos: Path, sketches: Path) -> Dataset:
    """Data set of two folders laid out as `CATEGORY/file`; no pairs are known."""
    photo_items, sketch_items = folder_items(photos), folder_items(sketches)
    return Dataset(photo_items, sketch_items, np.full(len(sketch_items), NO_PAIR))


def folder_items(root: Path, source: str = "") -> tuple[Item, ...]:
    """Items of a folder laid out as `CATEGORY/file`.

    Raises:
        InvalidInputError: the folder is missing or holds no files in category folders.
    """
    if not root.is_dir():
        raise InvalidInputError(f"{root} is not a folder. Expected a folder with one sub-folder for each category.")
    items = tuple(
        Item(path, folder.name, source)
        for folder in sorted(root.iterdir())
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    )
    if not items:
        raise InvalidInputError(f"{root} holds no files. Expected {root.name}/CATEGORY/*.")
    return items


def _quickdraw_items(path: Path) -> Iterable[Item]:
    return (Item(path, path.stem, "quickdraw", line) for line in range(len(drawings(path))))


def _photo_name(sketch: Item) -> str:
    """Name of the photo a sketch of the Sketchy release was drawn from: ``n02691156_58-3`` is of ``n02691156_58``."""
    return sketch.path.stem.rsplit("-", 1)[0]


def _split_position(item: Item, seed: int) -> float:
    """A number in [0, 1) that depends on the item's name and the seed alone, whatever other files there are."""
    name = f"{seed}/{item.category}/{item.path.name}/{item.line}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32


def read_table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a CSV file.

    Raises:
        InvalidInputError: it cannot be read or lacks a column.
    """
    try:
        with path.open(newline="") as file:
            table = csv.DictReader(file)
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}.") from None
    if missing := [column for column in columns if column not in (table.fieldnames or ())]:
        raise InvalidInputError(f"{path} has no column {', '.join(missing)}. Expected {', '.join(columns)}.")
    return rows


def _items(root: Path, rows: Sequence[dict[str, str]]) -> tuple[Item, ...]:
    return tuple(Item(root / row["path"], row["category"], row["source"]) for row in rows)
