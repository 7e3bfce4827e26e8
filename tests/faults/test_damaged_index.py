"""A file of the photo index is damaged while the server is down: searches are answered again, and nothing is lost."""

from __future__ import annotations

from functools import partial

import pytest

from tests.support.damage import cut_short, segment_files, zero
from tests.support.invariants import check, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.services import wait_until

PHOTOS = 6
PANICS, SEES_NOTHING = ("vectors/status.dat", cut_short), ("vectors/chunk_0.mmap", zero)
"""What the engine does where such a file is damaged so."""


@pytest.mark.parametrize(
    ("stores", "damages"),
    [
        pytest.param("embedded", [PANICS], id="embedded"),
        pytest.param("embedded", [PANICS, SEES_NOTHING], id="embedded, one after another", marks=pytest.mark.slow),
        pytest.param("services", [PANICS, SEES_NOTHING], id="services", marks=pytest.mark.slow),
    ],
)
def test_the_index_is_set_aside_and_all_photos_come_back(deploy, tmp_path, sketch_png, stores, damages):
    """Of each kind of file: `tests/platform/photo_index/test_edge.py`."""
    deployment = deploy(stores)
    with deployment.api() as api:
        patron = Patron(api)
        assert patron.upload(write_photos(tmp_path / "photos", PHOTOS))
    settle(deployment.settings)
    for number, (name, damage) in enumerate(damages, 1):
        deployment.stop()
        (file,) = [path for path in segment_files(deployment.settings) if path.match(f"*/{name}")]
        damage(file)
        deployment.start()
        with deployment.api() as api:
            patron.api = api
            wait_until(partial(_has_rebuilt, api, number), "the end of the job that fills another index")
            assert patron.found(sketch_png, 50) == set(patron.record.present)
            aside = {job["set_aside"] for job in api.get("/jobs").json()["jobs"]} - {None}
        assert aside == {path.name for path in deployment.settings.index_dir.glob("*.damaged-*")}
    for log in deployment.folder.glob("*.log"):
        assert "Unrecoverable error" not in log.read_text(), "a consumer died"
    deployment.stop()
    check(deployment.settings, patron.record)


def _has_rebuilt(api, indexes):
    jobs = api.get("/jobs").json()["jobs"]
    return sum(job["set_aside"] is not None and job["state"] == "completed" for job in jobs) == indexes
