"""The clock of a running MindReader is set forwards or back by hours, also under the leases of a killed worker."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from support.invariants import check, settle
from support.patrons import Patron
from support.photos import write_photos
from support.services import wait_until

from mindreader.catalog import Catalog, Embedding, EmbeddingState, WorkerProcess
from mindreader.catalog.models import now
from mindreader.operations.worker_status import is_alive

SECONDS = {"forwards": "18000", "back": "-18000"}
TESTS = Path(__file__).parents[1]
PHOTOS = 60


@pytest.fixture
def clock(tmp_path):
    """A file that says how wrong the clock is, and how programs are started that believe it."""
    file = tmp_path / "clock"
    file.write_text("0")
    return file, {"python": (sys.executable, "-m", "support.clock", str(file)), "PYTHONPATH": str(TESTS)}


@pytest.mark.parametrize("stores", ["embedded", "services"])
@pytest.mark.parametrize("jump", sorted(SECONDS))
def test_photos_a_killed_worker_held_are_taken_over_at_once_whatever_the_clock_says(
    deploy, tmp_path, sketch_png, clock, stores, jump
):
    file, options = clock
    deployment = deploy(stores, **options)
    catalog = Catalog(deployment.settings.catalog_url)

    def count(state: EmbeddingState) -> int:
        with catalog.snapshot() as session:
            return session.scalar(select(func.count()).select_from(Embedding).where(Embedding.state == state))

    with deployment.api() as api:
        patron = Patron(api)
        patron.upload(write_photos(tmp_path / "photos", PHOTOS))
        wait_until(lambda: count(EmbeddingState.INDEXED) >= 4 and count(EmbeddingState.LEASED), "a batch")
        deployment.kill_worker()
    assert count(EmbeddingState.LEASED)
    file.write_text(SECONDS[jump])
    deployment.start()
    settle(deployment.settings)
    with deployment.api() as patron.api:
        wait_until(lambda: patron.search(sketch_png) is not None, "a search")
    deployment.stop()
    catalog.close()
    check(deployment.settings, patron.record)


@pytest.mark.parametrize("stores", ["embedded", "services"])
@pytest.mark.parametrize("jump", sorted(SECONDS))
def test_uploads_searches_and_deletions_go_on_while_the_clock_jumps(deploy, tmp_path, sketch_png, clock, stores, jump):
    file, options = clock
    deployment = deploy(stores, **options)
    photos = write_photos(tmp_path / "photos", 40)
    with deployment.api() as api:
        patron = Patron(api)
        wait_until(lambda: patron.search(sketch_png) is not None, "the first search")
        assert patron.upload(photos[:20])
        file.write_text(SECONDS[jump])
        # To a clock that jumps ahead every connection has been idle for hours: it may be closed, and people ask again.
        wait_until(lambda: patron.upload(photos[20:]), "the upload after the jump")
        gone = min(patron.record.created)
        wait_until(lambda: patron.delete(gone), "the deletion after the jump")
        settle(deployment.settings)
        wait_until(lambda: patron.search(sketch_png) is not None, "a search after the jump")
    deployment.stop()
    check(deployment.settings, patron.record)


@pytest.mark.parametrize(("ago", "works"), [(5, True), (600, False), (-5, True), (-18_000, False)])
def test_a_worker_last_heard_of_in_the_future_does_not_count_as_working(ago, works):
    assert is_alive(WorkerProcess(last_task_at=now() - timedelta(seconds=ago))) is works
