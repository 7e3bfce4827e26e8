"""Photos of an earlier version, whose dates nobody knew the source of, get the best date there is."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from mindreader.blobs import original_key, sha256_of
from mindreader.catalog import Embedding, EmbeddingSpace, EmbeddingState, Photo
from mindreader.dates import DateSource
from mindreader.embedding.labels import update_stale_labels
from mindreader.library.files.dates import read_unread
from mindreader.photo_index import IndexFilter, IndexPoint
from tests.support.library import add_collection, add_photos, jpeg


def dated(original=None, digitized=None, modified=None) -> bytes:
    exif = Image.Exif()
    for tag, value in ((0x9003, original), (0x9004, digitized)):
        if value:
            exif.get_ifd(0x8769)[tag] = value
    if modified:
        exif[0x0132] = modified
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


CONTENTS = [
    dated(digitized="2003:09:09 09:09:09", modified="2024:12:19 12:17:32"),
    jpeg(1),
    dated(original="1999:01:01 00:00:00"),
    b"damaged since",
    b"damaged, and never dated",
]
BEFORE = [datetime(2024, 12, 19, 12, 17, 32), None, datetime(1999, 1, 1), datetime(2011, 1, 1), None]
AFTER = [
    (datetime(2003, 9, 9, 9, 9, 9), "digitized"),
    (None, "none"),
    (datetime(1999, 1, 1), "exif"),
    (datetime(2011, 1, 1), "exif"),
    (None, "none"),
]


@pytest.fixture
def space(catalog, space_id):
    with catalog.snapshot() as session:
        return session.get(EmbeddingSpace, space_id)


@pytest.fixture
def photo_ids(catalog, blobs, settings, indexes, space):
    """Indexed photos as the version before left them: those without a date are found by the day they were uploaded."""
    collection_id = add_collection(catalog)
    photo_ids = add_photos(catalog, blobs, settings, collection_id, CONTENTS)
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
        for photo_id, moment in zip(photo_ids, BEFORE, strict=True):
            session.get(Photo, photo_id).taken_at = moment
    vector = np.ones(space.dimension, np.float32)
    points = [IndexPoint(photo_id, vector, collection_id, day=20_000) for photo_id in photo_ids]
    indexes.get(space.key, space.dimension).upsert(points)
    return photo_ids


def dates(catalog):
    with catalog.snapshot() as session:
        return [(row.taken_at, row.date_source) for row in session.scalars(select(Photo).order_by(Photo.id))]


def test_every_date_is_read_again_once(catalog, blobs, settings, photo_ids):
    assert read_unread(catalog, blobs, settings, 60) == len(CONTENTS)
    assert dates(catalog) == AFTER
    assert read_unread(catalog, blobs, settings, 60) == 0


def test_those_without_a_date_are_found_by_no_day_any_more(catalog, blobs, settings, indexes, space, photo_ids):
    index = indexes.get(space.key, space.dimension)
    assert index.count(IndexFilter(first_day=20_000)) == len(CONTENTS)
    read_unread(catalog, blobs, settings, 60)
    assert update_stale_labels(catalog, indexes) == 3  # the other two have the days they had
    assert index.count(IndexFilter(last_day=19_999)) == 1
    assert index.count(IndexFilter(first_day=20_000)) == 2


def test_a_name_says_it_where_the_file_does_not(catalog, blobs, settings, photo_ids):
    with catalog.transaction() as session:
        session.get(Photo, photo_ids[1]).filename = "IMG-20190321-WA0001.jpg"
    read_unread(catalog, blobs, settings, 60)
    assert dates(catalog)[1] == (datetime(2019, 3, 21), "name")


def test_what_a_person_said_stays(catalog, blobs, settings, photo_ids):
    with catalog.transaction() as session:
        session.execute(update(Photo).values(taken_at=datetime(1968, 12, 24), date_source=DateSource.PERSON))
    assert read_unread(catalog, blobs, settings, 60) == 0
    assert set(dates(catalog)) == {(datetime(1968, 12, 24), "person")}


def test_it_ends_when_there_is_something_better_to_do(catalog, blobs, settings, photo_ids):
    assert read_unread(catalog, blobs, settings, 60, lambda: True) == 0
    assert read_unread(catalog, blobs, settings, 0) == 0


def test_a_lost_original_stops_no_other(catalog, blobs, settings, photo_ids):
    blobs.delete(original_key(sha256_of(io.BytesIO(CONTENTS[1]))))
    assert read_unread(catalog, blobs, settings, 60) == len(CONTENTS)
    assert dates(catalog) == AFTER
