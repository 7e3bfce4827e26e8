"""Redis restarts empty, or is flushed, under a working MindReader: a message is a wake-up, losing it loses nothing."""

from __future__ import annotations

import time

import pytest
from support.invariants import check, settle
from support.patrons import Patron
from support.photos import write_photos
from support.services import wait_until


def restart(redis):
    redis.stop()
    time.sleep(3)
    redis.start()


@pytest.fixture
def services(deploy):
    return deploy("services")


@pytest.mark.parametrize("lose", [restart, lambda redis: redis.flush()], ids=["restart", "flush"])
def test_photos_are_embedded_and_searches_answered_afterwards(services, tmp_path, sketch_png, lose):
    photos = write_photos(tmp_path / "photos", 60)
    with services.api() as api:
        patron = Patron(api)
        wait_until(lambda: patron.search(sketch_png) is not None, "the first search")
        assert patron.upload(photos[:40])
        lose(services.redis)
        assert patron.upload(photos[40:]), "an upload needs no Redis"
        settle(services.settings)
        wait_until(lambda: patron.search(sketch_png) is not None, "a search afterwards")
    services.stop()
    check(services.settings, patron.record)


def test_uploads_and_deletions_are_taken_while_redis_is_away_and_a_search_says_what_is_wrong(
    services, tmp_path, sketch_png
):
    photos = write_photos(tmp_path / "photos", 12)
    with services.api() as api:
        patron = Patron(api)
        services.redis.stop()
        assert patron.upload(photos)
        assert patron.delete(min(patron.record.created))
        refused = api.post("/searches", files={"sketch": sketch_png})
        assert (refused.status_code, "Redis" in refused.json()["detail"]) == (503, True)
        services.redis.start()
        settle(services.settings)
    services.stop()
    check(services.settings, patron.record)
