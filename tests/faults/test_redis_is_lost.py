"""Redis restarts empty, or is flushed, under a working MindReader: a message is a wake-up, losing it loses nothing."""

from __future__ import annotations

import time

import pytest

from tests.support.invariants import check, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.services import wait_until


def restart(redis):
    redis.stop()
    time.sleep(3)
    redis.start()


@pytest.fixture(scope="module")
def services(deploy_for_module):
    return deploy_for_module("services")


@pytest.fixture(scope="module")
def patron(services):
    with services.api() as api:
        yield Patron(api)


@pytest.mark.parametrize("lose", [restart, lambda redis: redis.flush()], ids=["restart", "flush"])
def test_photos_are_embedded_and_searches_answered_afterwards(services, patron, tmp_path, sketch_png, lose, request):
    photos = write_photos(tmp_path / request.node.callspec.id, 30)
    wait_until(lambda: patron.search(sketch_png) is not None, "the first search")
    assert patron.upload(photos[:20])
    lose(services.redis)
    assert patron.upload(photos[20:]), "an upload needs no Redis"
    settle(services.settings)
    wait_until(lambda: patron.search(sketch_png) is not None, "a search afterwards")


def test_uploads_and_deletions_are_taken_while_redis_is_away_and_a_search_says_what_is_wrong(
    services, patron, tmp_path, sketch_png
):
    photos = write_photos(tmp_path / "while it is away", 12)
    services.redis.stop()
    try:
        assert patron.upload(photos)
        assert patron.delete(min(patron.record.present))
        refused = patron.api.post("/searches", files={"sketch": sketch_png})
        assert (refused.status_code, "Redis" in refused.json()["detail"]) == (503, True)
    finally:
        services.redis.start()
    settle(services.settings)


def test_after_all_of_it_nothing_is_lost_and_nothing_is_there_twice(services, patron):
    """The last: it ends what the others use."""
    services.stop()
    check(services.settings, patron.record)
