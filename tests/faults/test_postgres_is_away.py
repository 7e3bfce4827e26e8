"""PostgreSQL stops for a while, and meanwhile photos are uploaded, embedded and searched."""

from __future__ import annotations

import threading
import time

from tests.support.invariants import check, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.services import wait_until


def test_what_was_acknowledged_is_there_and_work_goes_on_by_itself(deploy, tmp_path, sketch_png):
    services = deploy("services")
    photos = write_photos(tmp_path / "photos", 40)
    answered = []
    away, back = threading.Event(), threading.Event()
    with services.api() as api:
        patron = Patron(api)

        def upload() -> None:
            for first in range(0, len(photos), 4):
                if first == len(photos) // 2:
                    away.wait()
                answered.append(patron.upload(photos[first : first + 4]))
                if not answered[-1]:
                    back.wait()

        uploading = threading.Thread(target=upload)
        uploading.start()
        wait_until(lambda: patron.indexed() >= 4, "the first photos")
        services.postgres.stop()
        away.set()
        wait_until(lambda: False in answered, "an upload that is refused")
        time.sleep(3)  # so that embedding fails too
        assert api.get("/collections").status_code == 503
        services.postgres.start()
        back.set()
        uploading.join()
        settle(services.settings)
        assert answered[-1], "the last upload came after PostgreSQL was back"
        assert not all(answered), "no upload came while PostgreSQL was away"
        wait_until(lambda: patron.search(sketch_png) is not None, "a search")
    services.stop()
    check(services.settings, patron.record)
