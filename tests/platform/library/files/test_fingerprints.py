"""Every photo gets its fingerprint: new ones when they are uploaded, old ones from their thumbnails, once."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from sqlalchemy import delete, select

from mindreader.blobs import original_key, thumbnail_key
from mindreader.catalog import Photo, PhotoFingerprint
from mindreader.catalog.models import now
from mindreader.imaging.fingerprints import FINGERPRINT_BYTES, Pictures
from mindreader.library.files import upload
from mindreader.library.files.fingerprints import Fingerprinter
from mindreader.library.purge import purge_deleted
from tests.support.library import add_collection
from tests.support.photos import write_photos


@pytest.fixture
def add(catalog, blobs, settings, tmp_path):
    """Upload drawn photos as a person does; returns their ids."""

    def add(number: int) -> list[int]:
        collection = add_collection(catalog)
        files = write_photos(tmp_path / "photos", number)
        outcomes = [upload.add_photo(catalog, blobs, settings, collection, "a.jpg", file, None) for file in files]
        return [outcome.photo_id for outcome in outcomes if outcome.photo_id is not None]

    return add


def kept(catalog) -> dict[int, bytes]:
    with catalog.snapshot() as session:
        return dict(session.execute(select(PhotoFingerprint.photo_id, PhotoFingerprint.picture)).all())


def forget(catalog) -> dict[int, bytes]:
    """As a catalog of the version before is: without any."""
    before = kept(catalog)
    with catalog.transaction() as session:
        session.execute(delete(PhotoFingerprint))
    return before


def test_an_upload_has_one(add, catalog):
    photos = add(3)
    made = kept(catalog)
    assert made.keys() == set(photos)
    assert len(set(made.values())) == 3
    assert {len(picture) for picture in made.values()} == {FINGERPRINT_BYTES}


def test_old_photos_get_the_same_from_their_thumbnails(add, catalog, blobs, settings):
    add(40)
    before = forget(catalog)
    fingerprinter = Fingerprinter(catalog, blobs, settings)
    assert fingerprinter.work(600) is False
    after = kept(catalog)
    assert after.keys() == before.keys()
    for photo, picture in after.items():
        both = Pictures.of([picture, before[photo]], [(640, 480)] * 2)
        assert both.copies(both).all()


def test_a_slice_ends_in_time_and_the_next_goes_on(add, catalog, blobs, settings):
    photos = add(40)
    forget(catalog)
    fingerprinter = Fingerprinter(catalog, blobs, settings)
    assert fingerprinter.work(0) is True
    assert 0 < len(kept(catalog)) < len(photos)
    while fingerprinter.work(0):
        pass
    assert kept(catalog).keys() == set(photos)


def test_a_thumbnail_that_is_lost_or_damaged_holds_nothing_up_and_is_not_tried_for_ever(add, catalog, blobs, settings):
    photos = add(3)
    forget(catalog)
    with catalog.snapshot() as session:
        lost, without_original, damaged = (session.get(Photo, each).sha256 for each in photos)
    blobs.delete(thumbnail_key(lost, 512))
    for digest in (without_original, damaged):
        blobs.delete(thumbnail_key(digest, 512))
        blobs.delete(original_key(digest))
    blobs.put(thumbnail_key(damaged, 512), b"no picture")
    assert Fingerprinter(catalog, blobs, settings).work(600) is False
    assert [kept(catalog)[each] == b"" for each in photos] == [False, True, True]
    assert Fingerprinter(catalog, blobs, settings)._next() == []


def test_a_store_that_is_away_is_no_fault_of_a_photo(add, catalog, blobs, settings, monkeypatch):
    add(1)
    forget(catalog)
    away = Fingerprinter(catalog, blobs, settings)

    def gone(*_):
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "local_path", gone)
        patch.setattr(blobs, "check_reachable", gone)
        with pytest.raises(OSError, match="away"):
            away.work(600)
    assert kept(catalog) == {}
    assert away.work(600) is False
    assert len(kept(catalog)) == 1


def test_new_photos_are_looked_at_after_the_library_was_gone_through(add, catalog, blobs, settings):
    add(2)
    fingerprinter = Fingerprinter(catalog, blobs, settings)
    fingerprinter.work(600)
    with catalog.transaction() as session:  # from a server of the version before
        first = session.scalars(select(Photo)).first()
        late = Photo(
            collection_id=first.collection_id,
            sha256="f" * 64,
            filename="late.jpg",
            media_type="image/webp",
            size_bytes=1,
            width=64,
            height=48,
        )
        session.add(late)
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(buffer, "WEBP")
    blobs.put(thumbnail_key("f" * 64, 512), buffer.getvalue())
    assert fingerprinter.work(600) is False
    assert len(kept(catalog)[late.id]) == FINGERPRINT_BYTES


def test_it_goes_with_its_photo_and_comes_back_with_it(add, catalog, blobs, settings, indexes):
    photos = add(2)
    with catalog.transaction() as session:
        session.get(Photo, photos[0]).deleted_at = now()
    assert kept(catalog).keys() == set(photos)  # in the trash it waits
    keep_nothing = settings.model_copy(update={"trash_days": 0})
    purge_deleted(catalog, blobs, indexes, keep_nothing)
    assert kept(catalog).keys() == {photos[1]}
