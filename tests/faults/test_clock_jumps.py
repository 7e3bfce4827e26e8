"""The clock of a running MindReader is set forwards or back by hours (libfaketime), also under leases of a killed worker."""

from __future__ import annotations

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
from mindreader.use_cases.liveness import works_lately

HOURS = {"forwards": "+5h", "back": "-5h"}
PHOTOS = 60


@pytest.fixture
def clock(tmp_path):
    """A file that says how wrong the clock is, and the variables that make a process believe it."""
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not installed: `make system-packages`")
    file = tmp_path / "clock"
    file.write_text("+0")
    return file, {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        # A clock that is set back goes on counting seconds: so do real monotonic clocks.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.parametrize("stores", ["embedded", "services"])
@pytest.mark.parametrize("jump", sorted(HOURS))
def test_photos_a_killed_worker_held_are_taken_over_at_once_whatever_the_clock_says(
    deploy, tmp_path, sketch_png, clock, stores, jump
):
    file, variables = clock
    deployment = deploy(stores, **variables)
    catalog = Catalog(deployment.settings.catalog_url)

    def count(state: EmbeddingState) -> int:
        with catalog.snapshot() as session:
            return session.scalar(select(func.count()).select_from(Embedding).where(Embedding.state == state))

    with deployment.api() as api:
        patron = Patron(api)
        patron.upload(write_photos(tmp_path / "photos", PHOTOS))
        wait_until(lambda: count(EmbeddingState.INDEXED) >= 4 and count(EmbeddingState.LEASED), "a batch", seconds=90)
        deployment.kill_worker()
    assert count(EmbeddingState.LEASED)
    file.write_text(HOURS[jump])
    deployment.start()
    settle(deployment.settings)
    with deployment.api() as patron.api:
        assert patron.search(sketch_png) is not None
    deployment.stop()
    catalog.close()
    check(deployment.settings, patron.record)


@pytest.mark.parametrize("stores", ["embedded", "services"])
@pytest.mark.parametrize("jump", sorted(HOURS))
def test_uploads_searches_and_deletions_go_on_while_the_clock_jumps(deploy, tmp_path, sketch_png, clock, stores, jump):
    file, variables = clock
    deployment = deploy(stores, **variables)
    photos = write_photos(tmp_path / "photos", 40)
    with deployment.api() as api:
        patron = Patron(api)
        wait_until(lambda: patron.search(sketch_png) is not None, "the first search", seconds=60)
        assert patron.upload(photos[:20])
        file.write_text(HOURS[jump])
        assert patron.upload(photos[20:])
        assert patron.delete(min(patron.record.created))
        settle(deployment.settings)
        assert patron.search(sketch_png) is not None
    deployment.stop()
    check(deployment.settings, patron.record)


@pytest.mark.parametrize(("ago", "works"), [(5, True), (600, False), (-5, True), (-18_000, False)])
def test_a_worker_last_heard_of_in_the_future_does_not_count_as_working(ago, works):
    assert works_lately(WorkerProcess(last_task_at=now() - timedelta(seconds=ago))) is works
