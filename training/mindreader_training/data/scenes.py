"""Scenes: photos with several things in them, and a table that says what is where; for evaluation alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mindreader.boxes import Box
from mindreader.errors import InvalidInputError
from mindreader_training.data.datasets import Dataset, Item
from mindreader_training.data.layouts import folder_items, listed_dataset, read_table

TABLE = "scenes.csv"
FEWEST_SCENES = 3
"""A category with fewer scenes is not searched for: its average precision would say little."""
_SIDES = ("left", "top", "right", "bottom")
_COLUMNS = ("file", "category", *_SIDES)


@dataclass(frozen=True)
class SceneObject:
    """One thing in a scene."""

    category: str
    box: Box


@dataclass(frozen=True)
class Scene:
    """A photo, and what is known to be in it."""

    path: Path
    objects: tuple[SceneObject, ...]

    def largest(self, category: str) -> float:
        """Area of the category's largest box as a share of the photo's; 0 where there is none."""
        boxes = (each.box for each in self.objects if each.category == category)
        return max(((box.right - box.left) * (box.bottom - box.top) for box in boxes), default=0.0)


@dataclass(frozen=True)
class SceneProtocol:
    """Sketches that search scenes, and a plain protocol to see that nothing is lost there."""

    scenes: tuple[Scene, ...]
    sketches: tuple[Item, ...]
    """Of categories that at least `FEWEST_SCENES` scenes have."""
    sketches_are: str
    dev: Dataset | None
    """The protocol "dev" of the sketches' data set, whose photos are distractors too; None where it has no photos."""


def read_scenes(folder: Path) -> tuple[Scene, ...]:
    """All photos of a folder, with what its `scenes.csv` says of them: file, category, left, top, right, bottom.

    The sides are shares of width and height. Photos without a row show none of the categories.

    Raises:
        InvalidInputError: the table is missing, malformed, or names a photo that is not there.
    """
    table = folder / TABLE
    if not table.is_file():
        raise InvalidInputError(f"{folder} holds no {TABLE}. Expected photos and {TABLE} with {', '.join(_COLUMNS)}.")
    objects: dict[str, list[SceneObject]] = {}
    for number, row in enumerate(read_table(table, _COLUMNS), start=2):
        objects.setdefault(row["file"], []).append(_object(row, f"{table}, line {number}"))
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in Image.registered_extensions())
    if missing := sorted(objects.keys() - {path.name for path in photos}):
        raise InvalidInputError(f"{table} names photos that are not there: {', '.join(missing[:5])}.")
    if not objects:
        raise InvalidInputError(f"{table} has no rows.")
    return tuple(Scene(path, tuple(objects.get(path.name, ()))) for path in photos)


def _object(row: dict[str, str], place: str) -> SceneObject:
    try:
        left, top, right, bottom = (float(row[side]) for side in _SIDES)
    except (TypeError, ValueError):
        raise InvalidInputError(f"{place}: the sides of a box are numbers from 0 to 1.") from None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise InvalidInputError(f"{place}: a box has 0 <= left < right <= 1 and 0 <= top < bottom <= 1.")
    return SceneObject(row["category"], Box(left, top, right, bottom))


def scene_protocol(folder: Path, sketches: Path) -> SceneProtocol:
    """Read the protocol "scenes".

    Args:
        folder: of the scenes; see `read_scenes`.
        sketches: a data set with a meta.csv, of which the sketches of "dev" and "doodle" are taken; or sketches
            laid out as `CATEGORY/*`, all of which are.

    Raises:
        InvalidInputError: a file is missing or malformed, a category is unknown to the meta.csv, or there is no
            sketch of a category that has enough scenes.
    """
    scenes = read_scenes(folder)
    named = {each.category for scene in scenes for each in scene.objects}
    searched = {c for c in named if sum(scene.largest(c) > 0 for scene in scenes) >= FEWEST_SCENES}
    if (sketches / "meta.csv").exists():
        dataset = listed_dataset(sketches, lambda _: True)
        _require_known(named, dataset.categories, folder)
        held_back = listed_dataset(sketches, is_searched_with)
        dev = listed_dataset(sketches, lambda row: row["source"] == "sketchy" and row["split"] == "dev")
        items, words = held_back.sketches, "dev and doodle sketches unseen in training"
    else:
        dev, items, words = None, folder_items(sketches), "as given"
    asked = tuple(item for item in items if item.category in searched)
    if not asked:
        raise InvalidInputError(
            f"No sketch in {sketches} is of a category that {FEWEST_SCENES} scenes have: there is nothing to measure."
        )
    return SceneProtocol(scenes, asked, words, dev)


def is_searched_with(row: dict[str, str]) -> bool:
    """Whether a row of a meta.csv is a sketch that the protocol searches with, if its category has enough scenes."""
    is_held_back = row["side"] == "sketch" and row["split"] == "dev"
    return is_held_back and row["tier"] == "sketchy" and row["source"] in ("sketchy", "quickdraw")


def _require_known(named: Collection[str], known: Collection[str], folder: Path) -> None:
    if unknown := sorted(set(named) - set(known)):
        raise InvalidInputError(
            f"{folder / TABLE} names categories that the sketches do not have: {', '.join(unknown[:5])}."
        )
