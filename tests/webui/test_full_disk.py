"""A full or broken disk, as whoever asks the web sees it: a sentence, and nothing half kept."""

from __future__ import annotations

import errno
import shutil
import sqlite3

import psycopg.errors
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, OperationalError

from mindreader.blobs import BlobStore
from mindreader.host.full_disk import is_full_disk
from mindreader.photo_index.edge import ROOM_BYTES
from tests.support import programs
from tests.support.bundles import install_bundle
from tests.support.databases import corrupt
from tests.support.disks import fill, small_disk
from tests.support.library import jpeg
from tests.support.photos import write_photos
from tests.support.server import MINDREADER, environment, server
from tests.support.services import wait_until
from tests.support.web import given, web_settings

PROBLEM = "application/problem+json"


def _is_told(answer, status, says):
    assert answer.status_code == status, answer.text
    assert answer.content_type == PROBLEM
    assert says in given(answer)["detail"]


def test_changes_are_refused_with_a_sentence_and_looking_goes_on(tmp_path, quick_bundle):
    with small_disk(tmp_path / "data", 240) as disk:
        install_bundle(web_settings(disk), quick_bundle)
        with server(disk) as running, running.api() as api:
            collection = api.post("/collections", json={"name": "Photos"}).json()["id"]
            filler = fill(disk)
            sent = {"file": ("photo.jpg", jpeg(1))}
            refused = [api.post(f"/collections/{collection}/photos", files=sent)]
            # SQLite's write-ahead log has some room of its own; then the catalog is full too.
            asked = (api.post("/collections", json={"name": f"{number} {'x' * 50}"}) for number in range(2000))
            refused.append(next(answer for answer in asked if answer.status_code != 201))
            for answer in refused:
                assert (answer.status_code, answer.headers["Content-Type"]) == (507, PROBLEM), answer.text
                assert "disk is full" in answer.json()["detail"]
            assert api.get("/collections").status_code == 200
            filler.unlink()
            outcomes = api.post(f"/collections/{collection}/photos", files=sent).json()["outcomes"]
            assert outcomes[0]["status"] == "created"


def test_an_import_that_waits_says_what_the_worker_says(tmp_path, quick_bundle):
    photos = write_photos(tmp_path / "photos", 2)[0].parent
    said = tmp_path / "said.txt"
    with small_disk(tmp_path / "data", 240) as disk:
        install_bundle(web_settings(disk), quick_bundle)
        with server(disk) as running, said.open("w") as output:
            filler = disk / "filler"
            filler.write_bytes(bytes(shutil.disk_usage(disk).free - ROOM_BYTES + 8 * 2**20))
            command = [*MINDREADER, "import", str(photos), "--wait"]
            importing = programs.start(command, env=environment(disk), stdout=output, stderr=output)
            wait_until(lambda: "disk is full" in said.read_text(), "the import to say that the disk is full")
            assert importing.poll() is None
            filler.unlink()
            with running.api() as api:  # a worker looks again at once
                assert api.post("/collections/1/photos", files={"file": ("photo.jpg", jpeg(1))}).status_code == 200
            assert importing.wait(timeout=600) == 0
    assert said.read_text().count("disk is full") == 1
    assert "In Photos, 3 photos can be found." in said.read_text()


def test_every_way_a_full_disk_is_said():
    said = [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        sqlite3.OperationalError("database or disk is full"),
        OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full")),
        OperationalError("INSERT", {}, psycopg.errors.DiskFull("could not extend file")),
    ]
    assert all(map(is_full_disk, said))
    assert not is_full_disk(OperationalError("INSERT", {}, sqlite3.OperationalError("database is locked")))
    assert not is_full_disk(OSError(errno.EIO, "Input/output error"))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, None])
def test_a_store_that_does_not_answer_is_said_as_such(ann, monkeypatch, number):
    def broken(*_):
        raise OSError(number, "trouble") if number else OSError("The blob store s3://x cannot be reached: trouble")

    photo = ann.photo(ann.collection())
    monkeypatch.setattr(BlobStore, "local_path", broken)
    _is_told(ann.get(f"/photos/{photo}/original"), 503, "Files cannot be read or written")


def test_a_damaged_catalog_is_said_as_such(catalog, ann, settings):
    with catalog.engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    catalog.engine.dispose()
    corrupt(settings.data_dir / "catalog.sqlite3")
    _is_told(ann.get("/collections"), 503, "catalog is damaged")


def test_a_fault_of_the_program_stays_one(ann, catalog):
    with pytest.raises(DatabaseError), catalog.snapshot() as session:
        session.execute(text("SELECT * FROM nowhere"))
    assert ann.get("/nowhere").status_code == 404
