"""A whole MindReader moves to PostgreSQL and S3, killed in between, and back: sketches find the same photos.

PHOTOS=2000 .venv/bin/python -m pytest tests/faults/test_moving.py -k there_and_back     a larger one
"""

from __future__ import annotations

import os
import signal

import pytest
from sqlalchemy import func, select

from mindreader.catalog import Catalog, User
from mindreader.host.locks import exclusive_lock
from mindreader.settings import load_settings
from tests.support.gate import wrapped
from tests.support.invariants import check, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.server import MINDREADER, environment, mindreader, server

MANY = int(os.environ.get("PHOTOS", "1000"))
AT_ONCE = 50
EXACTLY_ENOUGH = 1e-4
SENT_BEFORE_THE_KILL = 20


def found(api, sketch, photos):
    answer = api.post("/searches", files={"sketch": sketch}, data={"limit": "30"}).raise_for_status().json()
    assert answer["searchable"] == {"indexed": photos, "total": photos}
    return {result["photo_id"]: result["score"] for result in answer["results"]}


def same(first, second):
    return first.keys() == second.keys() and all(abs(first[p] - second[p]) < EXACTLY_ENOUGH for p in first)


@pytest.fixture
def away(tmp_path, empty_postgres_url, s3_url):
    """Settings of the other place."""
    return {"MINDREADER_DATABASE_URL": empty_postgres_url, "MINDREADER_BLOBS_URL": s3_url}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("photos", [16, pytest.param(MANY, marks=pytest.mark.slow)])
def test_there_and_back_and_nothing_is_lost(deploy, tmp_path, sketch_png, away, photos):
    home = deploy("embedded")
    with home.api() as api:
        patron = Patron(api)
        paths = write_photos(tmp_path / "photos", photos + 1)
        for first in range(0, len(paths), AT_ONCE):
            assert patron.upload(paths[first : first + AT_ONCE])
        patron.delete(min(patron.record.created))
        settle(home.settings)
        before = found(api, sketch_png, photos)
    assert len(before) == min(photos, 30)
    home.stop()

    to = ["--data-dir", tmp_path / "away", "--database-url", away["MINDREADER_DATABASE_URL"]]
    to += ["--blobs-url", away["MINDREADER_BLOBS_URL"]]
    kill_in_the_middle(home.data_dir, to)
    with Catalog(away["MINDREADER_DATABASE_URL"]).engine.connect() as connection:
        assert not connection.dialect.has_table(connection, "photo"), "there is half a MindReader in the new place"
    report = mindreader(home.data_dir, "migrate-to", *to, "--json")
    assert (report["photos"], report["points"], report["to_embed"]) == (photos, photos, 0)
    assert report["problems"] == []
    # Of the last ones some may have been half sent.
    assert 0 < report["sent"] <= report["blobs"] - SENT_BEFORE_THE_KILL + 8

    with server(tmp_path / "away", **away) as started, started.api() as api:
        assert same(found(api, sketch_png, photos), before)
        assert api.get("/users").json()["users"]
    check(load_settings(environment(tmp_path / "away", **away)), patron.record)

    refused = mindreader(home.data_dir, "migrate-to", *to, status=1)
    assert "holds users or photos already" in refused["printed"]

    back = ["--data-dir", tmp_path / "back", "--database-url", "", "--blobs-url", "", "--json"]
    assert mindreader(tmp_path / "away", "migrate-to", *back, **away)["sent"] == report["blobs"]
    with server(tmp_path / "back") as started, started.api() as api:
        assert same(found(api, sketch_png, photos), before)
    check(load_settings(environment(tmp_path / "back")), patron.record)
    check(home.settings, patron.record)  # the old place is as it was


def kill_in_the_middle(data_dir, to):
    """When so many blobs have been sent."""
    dying = wrapped(("sudden_death", str(SENT_BEFORE_THE_KILL)))
    command = [*dying["python"], *MINDREADER[1:]]
    path = dying["PYTHONPATH"]
    mindreader(data_dir, "migrate-to", *to, status=-signal.SIGKILL, command=command, PYTHONPATH=path)


def test_it_refuses_while_the_server_runs(deploy, tmp_path):
    home = deploy("embedded", started=False)
    with exclusive_lock(home.settings):  # as a server holds it
        refused = mindreader(home.data_dir, "migrate-to", "--data-dir", tmp_path / "away", status=1)
    assert "Stop the other MindReader" in refused["printed"]
    assert not (tmp_path / "away" / "catalog.sqlite3").exists()


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ([], "Say where to"),
        (["--blobs-url", "memory://elsewhere"], "The new catalog is the old one"),
        (["--database-url", "mysql://x/y"], "SQLite or PostgreSQL"),
        (["--database-url", "postgresql://127.0.0.1:1/x"], "stopped"),
        (["--data-dir", "{new}", "--blobs-url", "nonsense://x"], "blob store"),
    ],
    ids=["nowhere", "the same catalog", "unknown database", "no database there", "unknown store"],
)
def test_a_place_that_cannot_be_moved_to_is_named(deploy, tmp_path, to, says):
    home = deploy("embedded", started=False)
    to = [each.format(new=tmp_path / "new") for each in to]
    printed = mindreader(home.data_dir, "migrate-to", *to, status=1 if to else 2)["printed"]
    assert says in printed
    assert "Traceback" not in printed
    with Catalog(home.settings.catalog_url).snapshot() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 0


def test_photos_whose_point_or_bytes_are_gone_are_named_and_queued(deploy, tmp_path):
    home = deploy("embedded")
    with home.api() as api:
        patron = Patron(api)
        patron.upload(write_photos(tmp_path / "photos", 6))
        settle(home.settings)
    home.stop()
    originals = sorted(path for path in (home.data_dir / "blobs" / "originals").rglob("*") if path.is_file())
    originals[0].unlink()
    originals[1].write_bytes(b"damaged")
    (folder,) = (path for path in home.settings.index_dir.iterdir() if path.is_dir())
    folder.rename(tmp_path / "index that was lost")
    report = mindreader(home.data_dir, "migrate-to", "--data-dir", tmp_path / "new", "--json", status=1)
    assert (report["photos"], report["points"], report["to_embed"]) == (6, 0, 6)
    assert [("missing" in problem, "damaged" in problem) for problem in report["problems"]] == [(1, 0), (0, 1)]
    with server(tmp_path / "new") as started, started.api() as api:
        settle(load_settings(environment(tmp_path / "new")))
        counts = api.get("/collections").json()["collections"][0]["embedding"]
        assert (counts["indexed"], counts["failed"]) == (4, 2)
