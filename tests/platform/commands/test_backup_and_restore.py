"""`mindreader backup` beside a running server, `mindreader restore` into an empty data folder, and a server there."""

from __future__ import annotations

import json
import subprocess

import pytest

from mindreader.settings import load_settings
from tests.support.bundles import install_bundle
from tests.support.photos import write_photos
from tests.support.server import MINDREADER, environment, mindreader, server
from tests.support.services import wait_for_count, wait_until

LATER = 40


@pytest.mark.slow
def test_a_library_backed_up_while_it_runs_and_grows_comes_back_whole(tmp_path, quick_bundle):
    data, backup, restored = tmp_path / "here" / "data", tmp_path / "backup", tmp_path / "there" / "data"
    write_photos(tmp_path / "first", 6)
    write_photos(tmp_path / "later", LATER, first=6)
    data.parent.mkdir()
    restored.parent.mkdir()
    install_bundle(load_settings(environment(data)), quick_bundle)
    with server(data) as running, running.api() as api:
        mindreader(data, "import", tmp_path / "first", "--collection", "Holidays", "--wait", "--json")
        uploading = subprocess.Popen(
            [*MINDREADER, "import", str(tmp_path / "later"), "--collection", "Holidays", "--json"],
            env=environment(data),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        (collection,) = api.get("/collections").json()["collections"]
        photos_of = f"/collections/{collection['id']}"
        wait_until(lambda: api.get(photos_of).json()["photos"] > 6, "the next photos")
        during = mindreader(data, "backup", backup, "--json")
        assert json.loads(uploading.communicate(timeout=300)[0])["created"] == LATER
        assert during["problems"] == []
        assert during["photos"] > 6
        after = mindreader(data, "backup", backup, "--json")
        assert (after["photos"], after["new_blobs"]) == (6 + LATER, after["blobs"] - during["blobs"])
        said = mindreader(data, "restore", backup, status=1)
        assert str(data) in said["printed"]

    report = mindreader(restored, "restore", backup, "--json")
    assert (report["photos"], report["lost"]) == (6 + LATER, [])
    assert report["to_embed"] == 6 + LATER
    with server(restored) as again, again.api() as api:
        (collection,) = api.get("/collections").json()["collections"]
        assert (collection["name"], collection["photos"]) == ("Holidays", 6 + LATER)
        indexed = f"/collections/{collection['id']}"
        wait_for_count(lambda: api.get(indexed).json()["embedding"]["indexed"], 6 + LATER, "embedding")
    assert mindreader(restored, "doctor")["printed"].startswith("Everything agrees.")
    said = mindreader(restored, "restore", backup, status=1)
    assert "holds users or photos already" in said["printed"]


def test_what_is_damaged_is_named_and_what_is_not_in_a_backup_is_said(tmp_path):
    data, backup = tmp_path / "data", tmp_path / "backup"
    write_photos(tmp_path / "photos", 2)
    mindreader(data, "import", tmp_path / "photos", "--json")
    said = mindreader(data, "backup", backup, "--prune")["printed"]
    assert "photos are embedded again: about 2" in said
    assert str(data / "secrets") in said
    original = next(path for path in (data / "blobs" / "originals").rglob("*") if path.is_file())
    original.write_bytes(b"?" * original.stat().st_size)
    said = mindreader(data, "backup", tmp_path / "another", status=1)["printed"]
    assert original.name in said
    assert ".jpg (photo " in said
    said = mindreader(tmp_path / "new", "restore", tmp_path / "another", status=1)["printed"]
    assert "2 photos" in said
    assert original.name in said


def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path):
    data, backup = tmp_path / "data", tmp_path / "backup"
    for arguments, says in {
        ("backup", backup): "nothing to back up",
        ("backup", backup, "--blobs", "reference", "--prune"): "--prune goes with --blobs copy",
        ("restore", tmp_path): "no backup",
    }.items():
        status = 2 if "--prune" in arguments else 1
        printed = mindreader(data, *arguments, status=status)["printed"]
        assert says in printed
        assert "Traceback" not in printed
    (tmp_path / "file").write_text("")
    printed = mindreader(data, "backup", tmp_path / "file" / "backup", status=1)["printed"]
    assert "Traceback" not in printed
