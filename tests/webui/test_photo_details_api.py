"""What the viewer's panel asks of one photo: how it was taken, and where else it is."""

import io

from PIL import Image

from mindreader.blobs import original_key, sha256_of
from mindreader_webui.access import AppGate
from mindreader_webui.lanes import Lane
from tests.support.library import jpeg

NOTHING = dict.fromkeys(("name", "lens", "exposure_seconds", "f_number", "iso", "focal_length_mm"))


def by_camera():
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Leica", "M11"
    buffer = io.BytesIO()
    Image.new("RGB", (80, 60)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def test_the_camera_is_told(ann):
    photo = ann.upload(ann.collection(), by_camera())[0]["photo_id"]
    assert ann.get(f"/photos/{photo}/details").json["camera"] == {**NOTHING, "name": "Leica M11"}


def test_a_file_that_says_nothing_has_no_camera_and_is_nowhere_else(ann):
    photo = ann.photo(ann.collection())
    assert ann.get(f"/photos/{photo}/details").json == {
        "camera": NOTHING,
        "origins": [],
        "also_in": [],
        "also_in_count": 0,
    }


def test_copies_the_caller_may_see_are_named(ann, bob):
    hers, secret, shared = ann.collection("Hers"), ann.collection("Secret"), bob.collection("His", "shared")
    photo, other, his = ann.photo(hers), ann.photo(secret), bob.photo(shared)
    found = ann.get(f"/photos/{photo}/details").json
    assert ({each["photo_id"] for each in found["also_in"]}, found["also_in_count"]) == ({other, his}, 2)
    assert found["also_in"][0]["page"].startswith("/library/")
    assert bob.get(f"/photos/{his}/details").json["also_in_count"] == 0
    assert bob.get(f"/photos/{photo}/details").status_code == 404


def test_reading_a_file_holds_no_thread_of_the_quick(app):
    assert AppGate(app).lane("GET", "/api/v1/photos/1/details") == Lane.LONG


def test_a_lost_or_damaged_original_is_a_problem_not_a_failure(ann, blobs):
    photo = ann.photo(ann.collection())
    key = original_key(sha256_of(io.BytesIO(jpeg(1))))
    blobs.local_path(key).write_bytes(b"\xff\xd8 not any more")
    assert ann.get(f"/photos/{photo}/details").status_code == 422
    blobs.delete(key)
    assert ann.get(f"/photos/{photo}/details").status_code == 404


def test_who_may_change_a_photo_is_said_with_it(ann, bob, admin):
    collection = ann.collection("Hers", "shared")
    photo = ann.photo(collection)
    for person, may in ((ann, True), (bob, False), (admin, True)):
        assert person.get(f"/photos/{photo}").json["may_change"] is may
        (listed,) = person.get(f"/collections/{collection}/photos").json["photos"]
        assert listed["may_change"] is may
