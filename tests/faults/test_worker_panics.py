"""Something that is no `Exception` is raised in a worker, or a consumer ends: people are told, and work goes on."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.support.gate import wrapped
from tests.support.invariants import check, settle
from tests.support.panics import Panics
from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.services import wait_until


@pytest.mark.parametrize("stores", ["embedded", pytest.param("services", marks=pytest.mark.slow)])
def test_searches_are_refused_at_once_while_it_lasts_and_answered_after_it(deploy, tmp_path, sketch_png, stores):
    panics = Panics(tmp_path / "panics")
    deployment = deploy(stores, **wrapped(("panics", str(panics.folder))))
    with deployment.api() as api:
        patron = Patron(api)
        assert patron.upload(write_photos(tmp_path / "photos", 12))
        settle(deployment.settings)
        panics.begin("search")
        panics.begin("embed")
        for _ in range(10):  # more than there are consumers
            began = time.monotonic()
            refused = api.post("/searches", files={"sketch": sketch_png})
            assert refused.status_code == 500
            assert "log says more" in refused.json()["detail"]
            # The limit is 120 s: nobody waits for a worker that is not there any more.
            assert time.monotonic() - began < 60
        panics.end("search")
        panics.end("embed")
        assert patron.found(sketch_png, 50) == set(patron.record.present)
        assert patron.upload(write_photos(tmp_path / "photos", 4, first=12))
        settle(deployment.settings)
    deployment.stop()
    check(deployment.settings, patron.record)


def test_consumers_that_end_are_started_again(deploy, tmp_path, sketch_png):
    panics = Panics(tmp_path / "panics")
    deployment = deploy("embedded", **wrapped(("panics", str(panics.folder))))
    log = deployment.folder / "server.log"
    with deployment.api() as api:
        patron = Patron(api)
        assert patron.upload(write_photos(tmp_path / "photos", 6))
        settle(deployment.settings)
        panics.begin("consumers")
        wait_until(lambda: _ended(log) >= {"search", "embed"}, "the end of consumers of both queues")
        panics.end("consumers")
        assert patron.upload(write_photos(tmp_path / "photos", 6, first=6))
        settle(deployment.settings)
        assert patron.found(sketch_png, 50) == set(patron.record.present)
        ready = api.base_url.copy_with(path="/readyz")
        wait_until(lambda: httpx.get(ready).text == "ok", "an answer of /readyz")
    deployment.stop()
    check(deployment.settings, patron.record)


def _ended(log):
    lines = [line for line in log.read_text().splitlines() if "is started again" in line]
    return {queue for queue in ("search", "embed") if any(f"Consumer {queue}" in line for line in lines)}
