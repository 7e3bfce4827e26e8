"""Copies of one picture are one entry, and the entries asked for are found however many copies stand before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import numpy as np
import pytest
from PIL import Image

from mindreader.catalog import Catalog, Photo, PhotoFingerprint
from mindreader.imaging.fingerprints import fingerprint
from mindreader.photo_index import IndexFilter, IndexPoint, PhotoIndex
from mindreader.search import duplicates
from mindreader.search.duplicates import distinct_hits
from tests.support.library import add_collection
from tests.support.photos import write_photos

DIMENSION = 16
QUERY = np.eye(DIMENSION, dtype=np.float32)[0]


@dataclass
class Shelf:
    """Photos with bytes, looks and a likeness to the query of one's own choice, in a catalog and an index."""

    catalog: Catalog
    index: PhotoIndex
    collections: list[int]
    asked: list[int] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def put(
        self,
        score: float,
        name: str | None = None,
        collection: int = 0,
        picture: bytes | None = None,
        size: tuple[int, int] = (640, 480),
        deleted: bool = False,
    ) -> int:
        """A photo whose bytes are its name (else nobody's), and its id."""
        photo = Photo(
            collection_id=self.collections[collection],
            sha256=(name or f"own-{next(self.numbers)}").ljust(64, "."),
            filename="photo.jpg",
            media_type="image/jpeg",
            size_bytes=size[0] * size[1],
            width=size[0],
            height=size[1],
            deleted_at=datetime(2026, 1, 1) if deleted else None,
        )
        with self.catalog.transaction() as session:
            session.add(photo)
            session.flush()
            if picture is not None:
                session.add(PhotoFingerprint(photo_id=photo.id, picture=picture))
        vector = np.zeros(DIMENSION, np.float32)
        vector[:2] = score, np.sqrt(1 - score**2)
        self.index.upsert([IndexPoint(photo.id, vector, photo.collection_id)])
        return photo.id

    def many(self, number: int, score: float, name: str, picture: bytes | None = None) -> list[int]:
        """Photos with these bytes, each in a collection of its own."""
        while len(self.collections) < number:
            self.collections.append(add_collection(self.catalog, f"Collection {len(self.collections)}"))
        return [self.put(score, name, collection, picture) for collection in range(number)]

    def find(self, limit: int, collections: tuple[int, ...] | None = None):
        def ask(most: int):
            self.asked.append(most)
            return self.index.search(QUERY, most, IndexFilter(collections))

        with self.catalog.snapshot() as session:
            return distinct_hits(session, ask, limit)

    def found(self, limit: int, collections: tuple[int, ...] | None = None) -> list[tuple[int, set[int]]]:
        return [(hit.photo_id, set(hit.copies)) for hit in self.find(limit, collections)]


@pytest.fixture
def shelf(catalog, indexes) -> Shelf:
    collections = [add_collection(catalog, name) for name in ("One", "Two", "Three")]
    return Shelf(catalog, indexes.get("0123456789abcdef", DIMENSION), collections)


@pytest.fixture(scope="module")
def looks(tmp_path_factory) -> list[tuple[bytes, bytes, bytes]]:
    """Fingerprints of a shot, of a small copy of it and of the next shot, for some scenes."""
    return [_looks(Image.open(path).convert("RGB")) for path in write_photos(tmp_path_factory.mktemp("looks"), 4)]


def _looks(shot: Image.Image) -> tuple[bytes, bytes, bytes]:
    small = shot.resize((shot.width // 2, shot.height // 2), Image.Resampling.LANCZOS)
    return fingerprint(shot), fingerprint(small), fingerprint(shot.crop((9, 6, shot.width, shot.height)))


def test_equal_bytes_in_three_collections_are_one_entry(shelf):
    one, two, three = shelf.many(3, 0.9, "beach")
    other = shelf.put(0.8)
    assert shelf.found(20) == [(one, {two, three}), (other, set())]


def test_a_filter_by_collection_holds_for_entry_and_copies(shelf):
    one, two, three = shelf.many(3, 0.9, "beach")
    assert shelf.found(20, (shelf.collections[1],)) == [(two, set())]
    assert shelf.found(20, (shelf.collections[0], shelf.collections[2])) == [(one, {three})]
    assert shelf.found(20, ()) == []


def test_a_small_copy_is_one_and_the_large_one_is_shown_though_it_is_less_alike(shelf, looks):
    shot, small, next_shot = looks[0]
    tiny = shelf.put(0.92, picture=small, size=(320, 240))
    original = shelf.put(0.9, picture=shot, size=(640, 480))
    burst = shelf.put(0.89, picture=next_shot, size=(631, 474))
    assert shelf.found(20) == [(original, {tiny}), (burst, set())]
    assert [hit.score for hit in shelf.find(20)] == pytest.approx([0.9, 0.89], abs=1e-4)


def test_copies_of_copies_come_together_by_bytes_and_by_looks(shelf, looks):
    shot, small, _ = looks[0]
    ids = [shelf.put(0.9, "large", each, shot) for each in range(3)]
    ids += [shelf.put(0.88, "small", each, small, (320, 240)) for each in range(3)]
    ((shown, copies),) = shelf.found(20)
    assert (shown, copies) == (ids[0], set(ids[1:]))


def test_fifty_copies_leave_room_for_what_was_asked(shelf):
    copies = shelf.many(50, 0.9, "beach")
    others = [shelf.put(0.8 - number / 100) for number in range(12)]
    found = shelf.found(10)
    assert [photo for photo, _ in found] == [copies[0], *others[:9]]
    assert found[0][1] == set(copies[1:])


def test_more_is_asked_for_only_when_copies_are_in_the_way(shelf):
    for number in range(30):
        shelf.put(0.9 - number / 100)
    assert len(shelf.find(10)) == 10
    assert len(shelf.asked) == 1
    assert len(shelf.find(40)) == 30  # there are no more
    assert len(shelf.asked) == 2


def test_two_hundred_copies_are_looked_past(shelf, looks):
    pictures = looks[0][:2]
    copies = [shelf.put(0.9, picture=pictures[number % 2]) for number in range(200)]
    others = [shelf.put(0.5, picture=looks[number][0]) for number in (1, 2, 3)]
    found = shelf.found(4)
    assert {photo for photo, _ in found[1:]} == set(others)
    assert found[0][0] == copies[0]
    assert found[0][1] < set(copies)
    assert len(found[0][1]) == 50


def test_the_index_is_not_read_for_ever(shelf, monkeypatch):
    monkeypatch.setattr(duplicates, "MOST_HITS", 30)
    shelf.many(40, 0.9, "beach")
    other = shelf.put(0.5)
    assert [photo for photo, _ in shelf.found(2)] != [other]
    assert max(shelf.asked) == 30


def test_deleted_photos_take_no_place_and_are_no_copies(shelf):
    gone = shelf.put(0.95, "beach", 0, deleted=True)
    kept = shelf.put(0.9, "beach", 1)
    others = [shelf.put(0.8 - number / 100, deleted=number % 2 == 0) for number in range(40)]
    found = shelf.found(5)
    assert found == [(kept, set()), *((other, set()) for other in others[1:9:2])]
    assert gone not in {photo for photo, _ in found}


def test_photos_without_fingerprints_are_grouped_by_their_bytes_alone(shelf, looks):
    one, two, three = shelf.many(3, 0.9, "beach")
    other = shelf.put(0.89, picture=looks[0][0])
    assert shelf.found(20) == [(one, {two, three}), (other, set())]


def test_equal_pixels_of_another_shape_are_another_picture(shelf, looks):
    one = shelf.put(0.9, picture=looks[0][0], size=(640, 480))
    stretched = shelf.put(0.89, picture=looks[0][0], size=(640, 400))
    assert shelf.found(20) == [(one, set()), (stretched, set())]
