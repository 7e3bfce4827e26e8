"""A whole MindReader moves to PostgreSQL and S3, killed in between, and back: sketches find the same photos.

PHOTOS=2000 .venv/bin/python -m pytest tests/faults/test_moving.py -k there_and_back     a larger one
"""

from __future__ import annotations

import os
import subprocess

import pytest
from fsspec.core import url_to_fs
from sqlalchemy import func, select
from support.invariants import check, settle
from support.patrons import Patron
from support.photos import write_photos
from support.server import MINDREADER, environment, mindreader, server
from support.services import wait_until

from mindreader.catalog import Catalog, User
from mindreader.settings import load_settings

PHOTOS = int(os.environ.get("PHOTOS", "60"))
AT_ONCE = 50
EXACTLY_ENOUGH = 1e-4


def found(api, sketch):
    answer = api.post("/searches", files={"sketch": sketch}, data={"limit": "30"}).raise_for_status().json()
    assert answer["searchable"] == {"indexed": PHOTOS - 1, "total": PHOTOS - 1}
    return {result["photo_id"]: result["score"] for result in answer["results"]}


def same(first, second):
    return first.keys() == second.keys() and all(abs(first[p] - second[p]) < EXACTLY_ENOUGH for p in first)


@pytest.fixture
def away(tmp_path, empty_postgres_url, s3_url):
    """Settings of the other place."""
    return {"MINDREADER_DATABASE_URL": empty_postgres_url, "MINDREADER_BLOBS_URL": s3_url}


@pytest.mark.timeout(1800)
def test_there_and_back_and_nothing_is_lost(deploy, tmp_path, sketch_png, away):
    home = deploy("embedded")
    with home.api() as api:
        patron = Patron(api)
        photos = write_photos(tmp_path / "photos", PHOTOS)
        for first in range(0, PHOTOS, AT_ONCE):
            assert patron.upload(photos[first : first + AT_ONCE])
        patron.delete(min(patron.record.created))
        settle(home.settings)
        before = found(api, sketch_png)
    assert len(before) == 30
    home.stop()

    to = ["--data-dir", tmp_path / "away", "--database-url", away["MINDREADER_DATABASE_URL"]]
    to += ["--blobs-url", away["MINDREADER_BLOBS_URL"]]
    sent_before_the_kill = kill_in_the_middle(home.data_dir, to, away["MINDREADER_BLOBS_URL"])
    with Catalog(away["MINDREADER_DATABASE_URL"]).engine.connect() as connection:
        assert not connection.dialect.has_table(connection, "photo"), "there is half a MindReader in the new place"
    report = mindreader(home.data_dir, "migrate-to", *to, "--json")
    assert (report["photos"], report["points"], report["to_embed"]) == (PHOTOS - 1, PHOTOS - 1, 0)
    assert report["problems"] == []
    assert 0 < report["sent"] <= report["blobs"] - sent_before_the_kill

    with server(tmp_path / "away", **away) as started, started.api() as api:
        assert same(found(api, sketch_png), before)
        assert api.get("/users").json()["users"]
    check(load_settings(environment(tmp_path / "away", **away)), patron.record)

    refused = mindreader(home.data_dir, "migrate-to", *to, status=1)
    assert "holds users or photos already" in refused["printed"]

    back = ["--data-dir", tmp_path / "back", "--database-url", "", "--blobs-url", "", "--json"]
    assert mindreader(tmp_path / "away", "migrate-to", *back, **away)["sent"] == report["blobs"]
    with server(tmp_path / "back") as started, started.api() as api:
        assert same(found(api, sketch_png), before)
    check(load_settings(environment(tmp_path / "back")), patron.record)
    check(home.settings, patron.record)  # the old place is as it was


def kill_in_the_middle(data_dir, to, blobs_url) -> int:
    """Returns how many blobs had been sent."""
    store, root = url_to_fs(blobs_url, use_listings_cache=False, skip_instance_cache=True)
    moving = subprocess.Popen([*MINDREADER, "migrate-to", *map(str, to)], env=environment(data_dir))
    wait_until(lambda: store.exists(root) and len(store.find(root)) >= 5, "the first blobs")
    moving.kill()
    moving.wait()
    return len(store.find(root)) - 8  # of the last ones some may be half sent


def test_it_refuses_while_the_server_runs(deploy, tmp_path):
    home = deploy("embedded")
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
    done = subprocess.run(
        [*MINDREADER, "migrate-to", *to], env=environment(home.data_dir), capture_output=True, text=True
    )
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
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
