"""The clock of a running MindReader is set forwards or back by hours, also under the leases of a killed worker."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mindreader.catalog import Catalog, EmbeddingState, WorkerProcess
from mindreader.catalog.models import now
from mindreader.operations.worker_status import is_alive
from tests.support.clock import set_clock
from tests.support.gate import Gate, wrapped
from tests.support.invariants import check, count, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.services import wait_until

SECONDS = {"forwards": "18000", "back": "-18000"}
PHOTOS = 24


def kinds(quick: tuple[str, str]) -> pytest.MarkDecorator:
    """Each kind of stores with each jump; all but one are long by nature."""
    every = [(stores, jump) for stores in ("embedded", "services") for jump in sorted(SECONDS)]
    marked = [each if each == quick else pytest.param(*each, marks=pytest.mark.slow) for each in every]
    return pytest.mark.parametrize(("stores", "jump"), marked)


@pytest.fixture
def clock(tmp_path):
    """A file that says how wrong the clock is."""
    file = tmp_path / "clock"
    file.write_text("0")
    return file


@pytest.mark.slow
@kinds(("embedded", "forwards"))
def test_photos_a_killed_worker_held_are_taken_over_at_once_whatever_the_clock_says(
    deploy, tmp_path, sketch_png, clock, stores, jump
):
    gate = Gate(tmp_path / "gate")
    gate.close()
    deployment = deploy(stores, **wrapped(("clock", str(clock)), ("gate", str(gate.folder))))
    catalog = Catalog(deployment.settings.catalog_url)
    with deployment.api() as api:
        patron = Patron(api)
        patron.upload(write_photos(tmp_path / "photos", PHOTOS))
        gate.wait()
        deployment.kill_worker()
    assert count(catalog, EmbeddingState.LEASED)
    gate.open()
    set_clock(clock, SECONDS[jump])
    deployment.start()
    settle(deployment.settings)
    with deployment.api() as patron.api:
        wait_until(lambda: patron.search(sketch_png) is not None, "a search")
    deployment.stop()
    catalog.close()
    check(deployment.settings, patron.record)


@pytest.mark.slow
@kinds(("services", "back"))
def test_uploads_searches_and_deletions_go_on_while_the_clock_jumps(deploy, tmp_path, sketch_png, clock, stores, jump):
    deployment = deploy(stores, **wrapped(("clock", str(clock))))
    photos = write_photos(tmp_path / "photos", PHOTOS)
    with deployment.api() as api:
        patron = Patron(api)
        wait_until(lambda: patron.search(sketch_png) is not None, "the first search")
        assert patron.upload(photos[: PHOTOS // 2])
        set_clock(clock, SECONDS[jump])
        # To a clock that jumps ahead every connection has been idle for hours: it may be closed, and people ask again.
        wait_until(lambda: patron.upload(photos[PHOTOS // 2 :]), "the upload after the jump")
        gone = min(patron.record.created)
        wait_until(lambda: patron.delete(gone), "the deletion after the jump")
        settle(deployment.settings)
        wait_until(lambda: patron.search(sketch_png) is not None, "a search after the jump")
    deployment.stop()
    check(deployment.settings, patron.record)


@pytest.mark.parametrize(("ago", "works"), [(5, True), (600, False), (-5, True), (-18_000, False)])
def test_a_worker_last_heard_of_in_the_future_does_not_count_as_working(ago, works):
    assert is_alive(WorkerProcess(last_task_at=now() - timedelta(seconds=ago))) is works
