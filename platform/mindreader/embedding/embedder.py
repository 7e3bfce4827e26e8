"""Embed photos: lease them from the queue, decode, E2, upsert, mark them; again until none is pending."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore
from mindreader.boxes import Box
from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, Photo
from mindreader.embedding import queue
from mindreader.embedding.queue import LeasedPhoto
from mindreader.embedding.spaces import note_speed
from mindreader.errors import NotFoundError, OriginalAwayError, PhotoRejectedError, Sentence
from mindreader.imaging import decode_processes, decoders
from mindreader.observability.timing import StageTimer
from mindreader.originals import AWAY, Originals
from mindreader.photo_index import IndexPoint, PhotoIndexes, Regions
from mindreader.settings import Settings
from mindreader.vectors import usable

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
_REGIONAL_PHOTOS = 128
"""Embedded at once with their regions: enough for any GPU, and less than 100 MB of pixels cut out."""
_POINTLESS = Sentence(
    "The model in use can make nothing of this photo, so that it could not be found by drawing. An administrator can "
    "switch to another model version."
)


class EmbeddedPhoto(Protocol):
    """A photo after E2, as `mindreader.inference.regions.PhotoRegions`."""

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Where its regions lie, the whole photo first."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(R, D), of length 1, one for each box."""


class EmbedsPhotos(Protocol):
    """E2, as `mindreader.inference.regions.RegionEncoder` provides it."""

    def embed(self, photos: Sequence[Pixels]) -> Sequence[EmbeddedPhoto]:
        """Embed photos (H, W, 3): squares of the input size, or with proportions where the space has regions."""


@dataclass(frozen=True)
class _Embedded:
    """A batch after E2: photos with the regions of use, and why other photos have none."""

    photos: dict[LeasedPhoto, Regions]
    errors: dict[int, str]
    away: list[int]
    """Photos whose originals are not there now: they wait for a scan that finds them again."""


_Batch = tuple[list[LeasedPhoto], list[Future[Pixels]]]


class _Writer:
    """Writes batches on a thread of its own, one at a time."""

    def __init__(self, thread: Executor, write: Callable[[_Embedded], None]) -> None:
        self._thread, self._write = thread, write
        self._writing: Future[None] | None = None

    def write(self, embedded: _Embedded) -> None:
        """Begin to write a batch once the one before is written; raises what that raised."""
        self.wait()
        self._writing = self._thread.submit(copy_context().run, self._write, embedded)

    def wait(self) -> None:
        """Wait until all is written; raises what that raised."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()


@dataclass
class EmbedReport:
    """What a slice of work did, and how long each stage took."""

    indexed: int = 0
    failed: int = 0
    timer: StageTimer = field(default_factory=lambda: StageTimer("lease", "decode", "infer", "upsert"))


class Embedder:
    """Embeds the photos of one embedding space."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        indexes: PhotoIndexes,
        settings: Settings,
        space: EmbeddingSpace,
        input_size: int,
        encoder: EmbedsPhotos,
        batch_size: int,
        region_pixels: int = 0,
    ) -> None:
        """Prepare; nothing is leased yet.

        Args:
            space: whose photos are embedded.
            input_size: side of the squares that the encoder takes, in pixels.
            batch_size: photos leased and written together.
            region_pixels: shorter side of photos as the encoder cuts regions out of them; 0 where it takes squares.
        """
        self._catalog, self._blobs, self._settings = catalog, blobs, settings
        self._originals = Originals(catalog, blobs, settings)
        self._batch_size = batch_size
        self._space, self._encoder = space, encoder
        self._input_size, self._region_pixels = input_size, region_pixels
        self._indexes = indexes
        self._owner = uuid.uuid4().hex

    def work(self, seconds: float, is_stopping: Callable[[], bool] = lambda: False) -> EmbedReport:
        """Embed until nothing is pending, `seconds` are over or the worker stops; leases still held are given back.

        While nobody waits for this space's photos, somebody's who wait for another one's end the slice early.
        """
        report = EmbedReport()
        stop_at = time.monotonic() + seconds
        with ThreadPoolExecutor(decode_processes(self._settings)) as pool, ThreadPoolExecutor(1) as thread:
            writer = _Writer(thread, lambda embedded: self._write(embedded, report))
            try:
                for photos, decoded in self._decoded_batches(pool, stop_at, is_stopping, writer, report):
                    # While this batch is written, E2 is at the next one.
                    writer.write(self._infer(photos, decoded, report))
            finally:
                try:
                    writer.wait()
                finally:
                    self._give_back()
        note_speed(self._catalog, self._space, report.indexed, report.timer.seconds["infer"])
        return report

    def _decoded_batches(
        self,
        pool: ThreadPoolExecutor,
        stop_at: float,
        is_stopping: Callable[[], bool],
        writer: _Writer,
        report: EmbedReport,
    ) -> Iterator[_Batch]:
        """Leased photos with their pixels; the next batch is being decoded while E2 works on this one.

        Only a suspect has the worker for itself: it is leased when all before it is written, and nothing after it
        until it is written too.
        """

        def goes_on() -> bool:
            return time.monotonic() < stop_at and not is_stopping() and not self._is_overtaken(batch[0])

        batch = self._lease_and_decode(pool, report)
        while batch[0]:
            ahead: _Batch = ([], [])
            if not batch[0][0].is_suspect and goes_on():
                ahead = self._lease_and_decode(pool, report, holds_others=True)
            yield batch
            if not ahead[0] and goes_on():
                writer.wait()
                ahead = self._lease_and_decode(pool, report)
            batch = ahead

    def _is_overtaken(self, photos: list[LeasedPhoto]) -> bool:
        if any(photo.priority >= queue.URGENT for photo in photos):
            return False
        # Space by space, so that each is one look into the queue's index, however many photos are done.
        urgent = exists().where(
            Embedding.space_id == EmbeddingSpace.id, Embedding.priority >= queue.URGENT, *queue.due()
        )
        elsewhere = select(EmbeddingSpace.id).where(EmbeddingSpace.id != self._space.id, urgent).limit(1)
        with self._catalog.snapshot() as session:
            return session.scalar(elsewhere) is not None

    def _lease_and_decode(self, pool: ThreadPoolExecutor, report: EmbedReport, *, holds_others: bool = False) -> _Batch:
        most = self._batch_size
        with report.timer.stage("lease"), self._catalog.transaction() as session:
            photos = queue.lease(session, self._space.id, self._owner, self._settings, most, holds_others=holds_others)
        return photos, [pool.submit(self._pixels, photo) for photo in photos]

    def _pixels(self, photo: LeasedPhoto) -> Pixels:
        try:
            source = self._originals.source(photo.sha256)
            if self._region_pixels:
                return decoders(self._settings).photo_pixels(source, self._region_pixels)
            return decoders(self._settings).photo_array(source, self._input_size)
        except OSError as error:
            self._blobs.check_reachable()  # else nothing is said about this photo, and all of them wait
            if self._originals.is_in_place(photo.sha256):
                raise OriginalAwayError(AWAY).with_inside(str(error)) from error
            raise PhotoRejectedError(
                "The original cannot be read: {reason}. Check the disk, then try this photo again.",
                reason=error.strerror or str(error),
            ) from error

    def _infer(self, photos: list[LeasedPhoto], decoded: list[Future[Pixels]], report: EmbedReport) -> _Embedded:
        with report.timer.stage("decode"):
            good, errors, away = _outcomes(photos, decoded)
        if not good:
            return _Embedded({}, errors, away)
        with report.timer.stage("infer"):
            made = self._embedded([pixels for _, pixels in good])
        of_use = {photo: _of_use(each) for (photo, _), each in zip(good, made, strict=True)}
        embedded = {photo: regions for photo, regions in of_use.items() if regions is not None}
        errors |= {photo.photo_id: _POINTLESS for photo, _ in good if photo not in embedded}
        return _Embedded(embedded, errors, away)

    def _embedded(self, photos: Sequence[Pixels]) -> list[EmbeddedPhoto]:
        """All regions of a photo are in memory at once, so that not all photos of a large batch should be."""
        at_once = _REGIONAL_PHOTOS if self._region_pixels else len(photos)
        parts = (photos[start : start + at_once] for start in range(0, len(photos), at_once))
        return [photo for part in parts for photo in self._encoder.embed(part)]

    def _write(self, embedded: _Embedded, report: EmbedReport) -> None:
        done = {photo.photo_id for photo in embedded.photos}
        with report.timer.stage("upsert"):
            if done:
                self._upsert(embedded.photos)
            with self._catalog.transaction() as session:
                held = queue.mark_indexed(session, self._space.id, self._owner, done)
                self._withdraw(session, done - held)
                for photo_id, reason in embedded.errors.items():
                    queue.fail(session, self._space.id, self._owner, photo_id, reason)
                if embedded.away:
                    queue.put_aside(session, self._space.id, self._owner, embedded.away)
        report.indexed += len(held)
        report.failed += len(embedded.errors)

    def _upsert(self, photos: Mapping[LeasedPhoto, Regions]) -> None:
        points = [
            IndexPoint(
                photo.photo_id,
                regions.vectors[0],
                photo.collection_id,
                photo.category_id,
                photo.day,
                regions if self._space.has_regions else None,
            )
            for photo, regions in photos.items()
        ]
        self._indexes.of(self._space).upsert(points)

    def _withdraw(self, session: Session, lost: set[int]) -> None:
        """Remove the points of photos that were deleted after this worker's lease ran out: their purge may be over."""
        if not lost:
            return
        # Locked, so that a deleted photo that is uploaded again now is embedded again after this.
        known = select(Photo.id, Photo.deleted_at).where(Photo.id.in_(lost)).with_for_update(of=Photo)
        living = {photo_id for photo_id, deleted_at in session.execute(known) if deleted_at is None}
        self._indexes.of(self._space).delete(lost - living)

    def _give_back(self) -> None:
        """Leases left over (the slice ended, or something failed): the attempt does not count."""
        with self._catalog.transaction() as session:
            queue.release(session, self._owner)


def _of_use(photo: EmbeddedPhoto) -> Regions | None:
    """Without regions whose vectors point nowhere; None where that of the whole photo does not."""
    fine = usable(photo.vectors)
    if not fine[0]:
        return None
    boxes = tuple(box for box, is_fine in zip(photo.boxes, fine, strict=True) if is_fine)
    return Regions(boxes, photo.vectors[fine])


def _outcomes(
    photos: list[LeasedPhoto], decoded: list[Future[Pixels]]
) -> tuple[list[tuple[LeasedPhoto, Pixels]], dict[int, str], list[int]]:
    """Photos with their pixels; of the others why, or that their originals are away."""
    good: list[tuple[LeasedPhoto, Pixels]] = []
    errors: dict[int, str] = {}
    away: list[int] = []
    for photo, future in zip(photos, decoded, strict=True):
        try:
            good.append((photo, future.result()))
        except (PhotoRejectedError, NotFoundError) as error:
            errors[photo.photo_id] = error.detail
            log.warning("photo %s cannot be embedded: %s", photo.photo_id, error.detail)
        except OriginalAwayError as error:
            away.append(photo.photo_id)
            log.info("photo %s waits: %s", photo.photo_id, error.for_administrators)
    return good, errors, away
