"""PostgreSQL stops for ten seconds while photos are uploaded, embedded and searched."""

from __future__ import annotations

import threading
import time

from support.invariants import check, settle
from support.patrons import Patron
from support.photos import write_photos
from support.services import wait_until


def test_what_was_acknowledged_is_there_and_work_goes_on_by_itself(deploy, tmp_path, sketch_png):
    services = deploy("services")
    photos = write_photos(tmp_path / "photos", 120)
    answered = []
    with services.api() as api:
        patron = Patron(api)

        def upload() -> None:
            for first in range(0, len(photos), 2):
                answered.append(patron.upload(photos[first : first + 2]))
                time.sleep(0.3)

        uploading = threading.Thread(target=upload)
        uploading.start()
        wait_until(lambda: patron.indexed() >= 8, "the first photos")
        services.postgres.stop()
        time.sleep(10)
        assert api.get("/collections").status_code == 503
        services.postgres.start()
        uploading.join()
        settle(services.settings)
        assert answered[-1], "the last upload came after PostgreSQL was back"
        assert not all(answered), "no upload came while PostgreSQL was away"
        wait_until(lambda: patron.search(sketch_png) is not None, "a search")
    services.stop()
    check(services.settings, patron.record)
