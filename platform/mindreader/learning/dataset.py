"""The library as a data set to train on: photos, kinds of things, embeddings, sketches, in a folder of their own."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore, sketch_key, thumbnail_key
from mindreader.bundles import Bundle
from mindreader.catalog import (
    Catalog,
    Category,
    Embedding,
    EmbeddingSpace,
    EmbeddingState,
    Photo,
    PhotoFingerprint,
    UserSketch,
)
from mindreader.errors import ConflictError, NotFoundError, OriginalAwayError, PhotoRejectedError
from mindreader.imaging import decode_processes, decoders
from mindreader.learning.clusters import NO_CLASS, classes_of
from mindreader.learning.strokes import drawn
from mindreader.learning.task import EMBEDDINGS_FILE, TASK_FILE, LearningTask
from mindreader.learning.trainings import LEAST_PHOTOS, MOST_PHOTOS
from mindreader.originals import Originals
from mindreader.photo_index import PhotoIndexes
from mindreader.search.benchmark_sketches import benchmark_sketches
from mindreader.settings import Settings
from mindreader.text import shown_name

log = logging.getLogger(__name__)

_COLUMNS = ("path", "side", "category", "tier", "source", "group", "split")
_HELD_OUT_SHARE = 0.2
_LEAST_HELD_OUT = 2
"""Of a class: one searches, the other is found. Classes of which that would be more than the share hold none out."""
_MOST_HELD_OUT = 400
_AT_ONCE = 64
_QUALITY = 92


@dataclass(frozen=True)
class _LibraryPhoto:
    id: int
    sha256: str
    category: str | None
    """As it is compared: shown, in small letters."""


class LibraryDataset:
    """Writes a library into a folder, a part at a time."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        indexes: PhotoIndexes,
        settings: Settings,
        space: EmbeddingSpace,
    ) -> None:
        """Look at a library.

        Args:
            space: in which the photos are embedded.
        """
        self._catalog, self._blobs, self._indexes, self._settings = catalog, blobs, indexes, settings
        self._space, self._originals = space, Originals(catalog, blobs, settings)

    def write(self, folder: Path, bundle: Bundle, task: LearningTask) -> Iterator[tuple[int, int]]:
        """Write everything the program needs; the task comes last, so that what has one is whole.

        Args:
            folder: is there, and empty.
            bundle: that learns.
            task: without `data`, which is filled in here.

        Yields:
            photos written so far, and how many there are.

        Raises:
            ConflictError: too few photos are left that can be read.
            NotReadyError, IndexMismatchError: as `PhotoIndexes.of`.
        """
        random = np.random.default_rng(task.seed)
        photos = self._photos(random)
        vectors = self._vectors(photos)
        photos = [photo for photo in photos if photo.id in vectors]
        written: list[_LibraryPhoto] = []
        (folder / "photos").mkdir()
        for start in range(0, len(photos), _AT_ONCE):
            written += self._write_photos(folder, photos[start : start + _AT_ONCE], bundle.sketch_size)
            yield start, len(photos)
        if len(written) < LEAST_PHOTOS:
            raise ConflictError(
                "Only {n} different photos of this library can be read now, and {least} are the fewest that can be "
                "learned from. See on the page System whether a disk is away, or upload more.",
                n=len(written),
                least=LEAST_PHOTOS,
            )
        self._write_lists(folder, written, np.stack([vectors[photo.id] for photo in written]), task, random)

    def _photos(self, random: np.random.Generator) -> list[_LibraryPhoto]:
        """Photos that look different, in an order drawn at random; of very many the first."""
        found = (
            select(Photo.id, Photo.sha256, Category.name, PhotoFingerprint.picture)
            .join(Embedding, (Embedding.photo_id == Photo.id) & (Embedding.space_id == self._space.id))
            .outerjoin(Category, Photo.category_id == Category.id)
            .outerjoin(PhotoFingerprint, PhotoFingerprint.photo_id == Photo.id)
            .where(Photo.deleted_at.is_(None), Embedding.state == EmbeddingState.INDEXED)
            .order_by(Photo.id)
        )
        with self._catalog.snapshot() as session:
            rows = session.execute(found).all()
        # One of each picture: a copy among those kept out would make the comparison too good.
        different = {picture or sha256: (photo_id, sha256, name) for photo_id, sha256, name, picture in reversed(rows)}
        photos = [_LibraryPhoto(photo_id, sha256, _compared(name)) for photo_id, sha256, name in different.values()]
        photos.sort(key=lambda photo: photo.id)
        return [photos[i] for i in random.permutation(len(photos))[:MOST_PHOTOS]]

    def _vectors(self, photos: Sequence[_LibraryPhoto]) -> dict[int, NDArray[np.float32]]:
        index = self._indexes.of(self._space)
        vectors: dict[int, NDArray[np.float32]] = {}
        for start in range(0, len(photos), _AT_ONCE):
            vectors |= index.vectors([photo.id for photo in photos[start : start + _AT_ONCE]])
        return vectors

    def _write_photos(self, folder: Path, photos: Sequence[_LibraryPhoto], side: int) -> list[_LibraryPhoto]:
        with ThreadPoolExecutor(decode_processes(self._settings)) as pool:
            done = [pool.submit(copy_context().run, self._write_photo, folder, photo, side) for photo in photos]
            return [photo for photo, future in zip(photos, done, strict=True) if future.result()]

    def _write_photo(self, folder: Path, photo: _LibraryPhoto, side: int) -> bool:
        """Whether it could be read: one that cannot is left out."""
        try:
            pixels = self._pixels(photo.sha256, side)
        except (NotFoundError, OriginalAwayError, PhotoRejectedError) as error:
            log.warning("photo %d is not learned: %s", photo.id, error.for_administrators)
            return False
        Image.fromarray(pixels).save(folder / _path_of(photo), "WEBP", quality=_QUALITY, method=0)
        return True

    def _pixels(self, sha256: str, side: int) -> NDArray[np.uint8]:
        """A photo stretched to a square, from its thumbnail where that is large enough."""
        made_of = decoders(self._settings)
        if side <= self._settings.thumbnail_pixels:
            try:
                return made_of.photo_array(
                    self._blobs.get(thumbnail_key(sha256, self._settings.thumbnail_pixels)), side
                )
            except (NotFoundError, PhotoRejectedError):
                pass  # made in another size once, or damaged
        return made_of.photo_array(self._originals.source(sha256), side)

    def _write_lists(
        self,
        folder: Path,
        photos: Sequence[_LibraryPhoto],
        vectors: NDArray[np.float32],
        task: LearningTask,
        random: np.random.Generator,
    ) -> None:
        labels = classes_of(vectors, [photo.category for photo in photos], random)
        held_out = _held_out(labels, random)
        splits = {"train": (labels != NO_CLASS) & ~held_out, "dev": held_out}
        # Names of categories are nobody's business but the library's: in the data set they are numbers.
        known = _classes_by_category(photos, labels)
        rows = [
            [_path_of(photos[i]), "photo", f"c{labels[i]}", "library", "library", str(photos[i].id), split]
            for split, own in splits.items()
            for i in np.flatnonzero(own).tolist()
        ]
        with self._catalog.snapshot() as session:
            sketches = [*self._saved(session), *self._benchmark(session)]
        (folder / "sketches").mkdir()
        counts = {"train": 0, "dev": 0}
        for category, image, source, split in sketches:
            if category not in known:
                continue
            path = f"sketches/{split}-{counts[split]}.png"
            image.save(folder / path)
            rows.append([path, "sketch", known[category], "library", source, path, split])
            counts[split] += 1
        _write_table(folder / "meta.csv", _COLUMNS, rows)
        _write_table(folder / "pairs.csv", ("sketch", "photo"), [])
        np.savez(folder / EMBEDDINGS_FILE, allow_pickle=False, **{name: vectors[own] for name, own in splits.items()})
        learned = int(splits["train"].sum())
        classes = len(set(labels[splits["train"]].tolist()))
        says = (
            f"the photos of one library: {learned} photos of {classes} categories and clusters, {counts['train']} "
            f"saved sketches; kept out to compare on: {int(held_out.sum())} photos, {counts['dev']} benchmark sketches"
        )
        (folder / TASK_FILE).write_text(json.dumps(task.model_copy(update={"data": says}).model_dump(mode="json")))

    def _saved(self, session: Session) -> Iterator[tuple[str | None, Image.Image, str, str]]:
        """Sketches that people saved under a name, where the owner agreed: the name may be a category's."""
        if not self._settings.learn_from_use:
            return
        for sketch in session.scalars(select(UserSketch).order_by(UserSketch.id)):
            if any(stroke["tool"] == "pen" for stroke in sketch.strokes):
                yield _compared(sketch.name), drawn(sketch.strokes), "saved", "train"

    def _benchmark(self, session: Session) -> Iterator[tuple[str | None, Image.Image, str, str]]:
        """Sketches that versions are compared with: what is measured by is not learned from."""
        made_of = decoders(self._settings)
        for sketch in benchmark_sketches(session):
            if sketch.category is None:
                continue
            try:
                png = self._blobs.get(sketch_key(sketch.sketch_sha256))
                image = made_of.sketch(png, self._settings.sketch_max_bytes).image
            except (NotFoundError, PhotoRejectedError) as error:
                log.warning("benchmark sketch %d cannot be read: %s", sketch.id, error.detail)
                continue
            yield _compared(sketch.category), image, "benchmark", "dev"


def _compared(name: str | None) -> str | None:
    return None if name is None else shown_name(name).casefold()


def _classes_by_category(photos: Sequence[_LibraryPhoto], labels: NDArray[np.int64]) -> dict[str | None, str]:
    """The class of each category whose photos are all of one: of too few photos they may be of several clusters."""
    found: dict[str, set[int]] = {}
    for photo, label in zip(photos, labels, strict=True):
        if photo.category is not None:
            found.setdefault(photo.category, set()).add(int(label))
    return {name: f"c{own.pop()}" for name, own in found.items() if len(own) == 1 and NO_CLASS not in own}


def _path_of(photo: _LibraryPhoto) -> str:
    return f"photos/{photo.id}.webp"


def _held_out(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.bool_]:
    """Photos (N,) that are kept out of the training: a share of each class, drawn at random."""
    classed = int((labels != NO_CLASS).sum())
    share = min(_HELD_OUT_SHARE, _MOST_HELD_OUT / max(1, classed))
    held_out = np.zeros(len(labels), dtype=bool)
    for label in range(int(labels.max(initial=NO_CLASS)) + 1):
        members = random.permutation(np.flatnonzero(labels == label))
        count = max(_LEAST_HELD_OUT, round(share * len(members)))
        if count * 2 <= len(members):
            held_out[members[:count]] = True
    return held_out


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
