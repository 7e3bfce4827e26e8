"""The folder of the photo index cannot be written to (a read-only mount): searches say so, and nothing else suffers."""

from __future__ import annotations

import contextlib

import httpx
import pytest

from tests.support.disks import read_only
from tests.support.invariants import check, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.services import wait_until


@pytest.mark.slow
@pytest.mark.parametrize("stores", ["embedded", pytest.param("services", marks=pytest.mark.slow)])
def test_uploads_and_deletions_are_taken_and_made_good_when_it_can_be_written_again(
    deploy, tmp_path, sketch_png, stores
):
    deployment = deploy(stores)
    photos = write_photos(tmp_path / "photos", 24)
    with deployment.api() as api:
        patron = Patron(api)
        assert patron.upload(photos[:12])
        settle(deployment.settings)
    deployment.stop()
    with contextlib.ExitStack() as broken:
        broken.enter_context(read_only(deployment.settings.index_dir))
        deployment.start()
        with deployment.api() as api:
            patron.api = api
            assert patron.upload(photos[12:])
            assert patron.delete(min(patron.record.created))
            wait_until(lambda: _refusal(api, sketch_png) is not None, "an answer")
            assert str(deployment.settings.data_dir) not in _refusal(api, sketch_png), "members read that"
            assert "cannot be written to" in _refusal(api, sketch_png)
            index_dir = str(deployment.settings.index_dir)
            wait_until(
                lambda: _workers_name(api, index_dir), "workers of both queues that say what is wrong, and where"
            )
            # A worker that was stopped counts as alive until it is missed.
            wait_until(lambda: _readiness(api).status_code == 503, "the word that nobody is answered")
            broken.close()
            settle(deployment.settings)
            assert patron.found(sketch_png, 50) == set(patron.record.present)
            wait_until(lambda: _readiness(api).text == "ok", "searches that are answered")
    deployment.stop()
    check(deployment.settings, patron.record)


def _workers_name(api, folder):
    failing = [worker for worker in api.get("/workers").json()["workers"] if folder in (worker["last_error"] or "")]
    return {worker["queue"] for worker in failing} == {"embed", "search"}


def _readiness(api):
    return httpx.get(api.base_url.copy_with(path="/readyz"))


def _refusal(api, sketch):
    answer = api.post("/searches", files={"sketch": sketch})
    return answer.json()["detail"] if answer.status_code == 503 else None
