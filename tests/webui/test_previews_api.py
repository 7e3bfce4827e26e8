"""What the viewer shows: a copy as large as a screen, made once, when somebody looks."""

import errno
import io
import threading

import numpy as np
import pytest
from PIL import Image

from mindreader.blobs import BlobStore, original_key, preview_key, sha256_of
from mindreader.catalog import Photo
from mindreader.imaging import Decoders
from mindreader.library.files import previews
from mindreader.library.files.previews import PREVIEW_PIXELS, made_preview
from mindreader_webui.access import AppGate
from mindreader_webui.lanes import Lane
from tests.support import raw_files

LARGE = (3000, 1500)


def encoded(size, kind="JPEG", **options):
    """A photo whose left half is dark."""
    pixels = np.full((size[1], size[0], 3), 220, np.uint8)
    pixels[:, : size[0] // 2] = 30
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def large(ann):
    return ann.upload(ann.collection(), encoded(LARGE))[0]["photo_id"]


@pytest.fixture
def decodings(monkeypatch):
    """Sides that photos were decoded to."""
    sides, decode = [], Decoders.photo_file

    def counted(self, source, side):
        sides.append(side)
        return decode(self, source, side)

    monkeypatch.setattr(Decoders, "photo_file", counted)
    return sides


def shown(answer):
    assert (answer.status_code, answer.content_type) == (200, "image/webp")
    return Image.open(io.BytesIO(answer.data))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((3000, 1500), (2048, 1024)),
        ((1500, 3000), (1024, 2048)),
        ((9000, 900), (2048, 205)),
        ((1600, 900), (1600, 900)),
        ((300, 200), (300, 200)),
    ],
)
def test_it_is_as_large_as_a_screen_keeps_proportions_and_enlarges_nothing(ann, size, expected):
    photo = ann.upload(ann.collection(), encoded(size))[0]["photo_id"]
    assert shown(ann.get(f"/photos/{photo}/preview")).size == expected


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP", "JXL"])
def test_every_kind_of_photo_has_one_that_browsers_show(ann, kind):
    quick = {"WEBP": {"method": 0}, "JXL": {"effort": 1}}
    photo = ann.upload(ann.collection(), encoded(LARGE, kind, **quick.get(kind, {})))[0]["photo_id"]
    assert shown(ann.get(f"/photos/{photo}/preview")).size == (2048, 1024)


def test_of_a_raw_file_the_cameras_picture_is_looked_at_and_the_file_is_sent(ann):
    data = raw_files.raw_tiff(raw_files.quarters(300, 200), orientation=8, preview=encoded(LARGE))
    photo = ann.upload(ann.collection(), data)[0]["photo_id"]
    assert shown(ann.get(f"/photos/{photo}/preview")).size == (1024, 2048)
    assert shown(ann.get(f"/photos/{photo}/thumbnail")).size == (256, 512)
    original = ann.get(f"/photos/{photo}/original")
    assert (original.content_type, original.data) == ("image/x-nikon-nef", data)


def test_it_is_upright(ann):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = ann.upload(ann.collection(), encoded(LARGE, exif=exif))[0]["photo_id"]
    picture = shown(ann.get(f"/photos/{photo}/preview")).convert("L")
    assert picture.size == (1024, 2048)
    assert picture.getpixel((512, 100)) < 60 < 190 < picture.getpixel((512, 1900))


def test_it_is_made_once_and_kept(ann, blobs, large, decodings):
    assert list(blobs.keys("previews")) == []
    first, second = (ann.get(f"/photos/{large}/preview") for _ in range(2))
    assert decodings == [PREVIEW_PIXELS]
    assert first.data == second.data
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert list(blobs.keys("previews")) == [preview_key(sha256_of(io.BytesIO(encoded(LARGE))), PREVIEW_PIXELS)]


def test_those_who_ask_at_once_wait_for_the_one_that_is_made(ann, services, large, decodings):
    sha256 = sha256_of(io.BytesIO(encoded(LARGE)))
    arguments = (services.catalog, services.blobs, services.settings, sha256)
    threads = [threading.Thread(target=made_preview, args=arguments) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert decodings == [PREVIEW_PIXELS]


def test_a_photo_no_larger_than_its_thumbnail_needs_no_other(ann, blobs, decodings):
    photo = ann.photo(ann.collection())
    decodings.clear()
    assert ann.get(f"/photos/{photo}/preview").data == ann.get(f"/photos/{photo}/thumbnail").data
    assert (decodings, list(blobs.keys("previews"))) == ([], [])


def test_whoever_may_not_see_the_photo_gets_none_even_if_it_is_kept(ann, bob, large):
    assert ann.get(f"/photos/{large}/preview").status_code == 200
    assert bob.get(f"/photos/{large}/preview").status_code == 404
    ann.ask("DELETE", f"/photos/{large}")
    assert ann.get(f"/photos/{large}/preview").status_code == 404


def test_making_one_holds_no_thread_of_the_quick(app):
    gate = AppGate(app)
    assert gate.lane("GET", "/api/v1/photos/1/preview") == Lane.LONG
    assert gate.lane("GET", "/api/v1/photos/1/thumbnail") == Lane.QUICK


def test_one_that_cannot_be_kept_is_shown_all_the_same(ann, blobs, large, monkeypatch):
    put = BlobStore.put

    def full(self, key, data):
        if key.startswith("previews/"):
            raise OSError(errno.ENOSPC, "No space left on device")
        put(self, key, data)

    monkeypatch.setattr(BlobStore, "put", full)
    assert shown(ann.get(f"/photos/{large}/preview")).size == (2048, 1024)
    assert list(blobs.keys("previews")) == []


def test_a_photo_purged_while_it_is_made_leaves_none(ann, services, large, monkeypatch):
    sha256, keep = sha256_of(io.BytesIO(encoded(LARGE))), previews._keep

    def purged_first(catalog, blobs, *arguments):
        with catalog.transaction() as session:
            session.query(Photo).delete()
        keep(catalog, blobs, *arguments)

    monkeypatch.setattr(previews, "_keep", purged_first)
    assert made_preview(services.catalog, services.blobs, services.settings, sha256)
    assert list(services.blobs.keys("previews")) == []


def test_a_lost_original_is_a_problem_with_a_way_out(ann, blobs, large):
    blobs.delete(original_key(sha256_of(io.BytesIO(encoded(LARGE)))))
    answer = ann.get(f"/photos/{large}/preview")
    assert answer.status_code == 404
    assert "mindreader doctor" in answer.json["detail"]


def test_a_damaged_original_is_a_problem_not_a_failure(ann, blobs, large):
    blobs.local_path(original_key(sha256_of(io.BytesIO(encoded(LARGE))))).write_bytes(b"\xff\xd8 not any more")
    assert ann.get(f"/photos/{large}/preview").status_code == 422
