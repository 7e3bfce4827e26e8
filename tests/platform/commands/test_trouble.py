"""Whatever is broken, a command says so in a sentence, with an exit status and without a traceback."""

from __future__ import annotations

import os
import shutil
import socket
import stat

import pytest

from mindreader.backup.folder import _LONGEST_MANIFEST
from mindreader.photo_index import open_photo_index
from mindreader.settings import load_settings
from tests.support.bundles import install_bundle
from tests.support.databases import corrupt
from tests.support.disks import fill, read_only, small_disk
from tests.support.photos import write_photos
from tests.support.server import environment, mindreader, server


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A data folder with three photos, at rest."""
    folder = tmp_path_factory.mktemp("library")
    write_photos(folder / "photos", 3)
    mindreader(folder / "data", "import", folder / "photos", "--json")
    return folder / "data"


@pytest.fixture
def data(library, tmp_path):
    return shutil.copytree(library, tmp_path / "data")


@pytest.fixture(scope="module")
def made(library, tmp_path_factory):
    """A backup of it."""
    destination = tmp_path_factory.mktemp("backup") / "backup"
    mindreader(library, "backup", destination, "--json")
    return destination


@pytest.fixture
def backup(made, tmp_path):
    return shutil.copytree(made, tmp_path / "backup")


def _says(data, *arguments, status=1, **settings):
    printed = mindreader(data, *arguments, status=status, **settings)["printed"]
    assert "Traceback" not in printed, printed
    return printed


# The catalog.

COMMANDS = {
    "serve": ("serve", "--port", "0"),
    "doctor": ("doctor",),
    "import": ("import", "photos"),
    "backup": ("backup", "destination"),
    "migrate": ("migrate",),
}


# A damage that is seen where the catalog is opened, by every command; one that is seen later by two.
HARMED = [
    pytest.param(
        command, harm, marks=pytest.mark.slow if harm == "pages" and command not in ("serve", "doctor") else ()
    )
    for command in COMMANDS
    for harm in ("garbage", "pages")
]


@pytest.mark.parametrize(("command", "harm"), HARMED)
def test_a_damaged_catalog(data, tmp_path, monkeypatch, command, harm):
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path / "photos", 1)
    file = data / "catalog.sqlite3"
    for log in data.glob("catalog.sqlite3-*"):
        log.unlink()
    if harm == "garbage":
        file.write_bytes(os.urandom(2**16))
    else:
        corrupt(file)
    printed = _says(data, *COMMANDS[command])
    assert "damaged" in printed
    assert "restore a backup" in printed


def test_a_catalog_that_is_a_folder(data):
    (data / "catalog.sqlite3").unlink()
    (data / "catalog.sqlite3").mkdir()
    assert "unable to open database file" in _says(data, "migrate")


# The port.


def test_a_port_in_use(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        printed = _says(tmp_path / "data", "serve", "--port", port)
    assert f"Port {port} of 127.0.0.1 cannot be listened on: is in use" in printed


def test_an_address_of_another_machine(tmp_path):
    assert "cannot be listened on" in _says(tmp_path / "data", "serve", "--host", "192.0.2.1", "--port", 8000)


# Disks.


def test_a_read_only_folder_is_looked_at_as_it_is(data):
    with read_only(data):
        printed = _says(data, "doctor", "--content")
        assert "looked at as it is" in printed
        assert "photo index" in printed, "which cannot be opened there, and that is said"
        assert "originals" not in printed
        assert "nothing can be repaired there" in _says(data, "doctor", "--repair")
    next((data / "blobs" / "originals").glob("*/*/*")).write_bytes(b"")
    with read_only(data):
        assert "1 originals are damaged" in _says(data, "doctor")


def test_a_backup_onto_a_full_disk(data, made, tmp_path):
    needed = sum(file.stat().st_size for file in made.rglob("*") if file.is_file()) // 2**20
    with small_disk(tmp_path / "disk", needed + 20) as disk:
        filler = fill(disk)
        os.truncate(filler, filler.stat().st_size - 5 * 2**20)
        shutil.move(filler, tmp_path / "disk" / ".fill")
        destination = disk / "backup"
        assert "disk is full" in _says(data, "backup", destination)
        (disk / ".fill").unlink()
        assert mindreader(data, "backup", destination, "--json")["photos"] == 3
        assert mindreader(tmp_path / "restored", "restore", destination, "--json")["photos"] == 3


def test_a_restore_onto_a_full_disk(made, tmp_path):
    with small_disk(tmp_path / "disk", 80) as disk:
        filler = fill(disk)
        os.truncate(filler, filler.stat().st_size - 10 * 2**20)
        assert "disk is full" in _says(disk / "data", "restore", made)
        filler.unlink()
        assert mindreader(disk / "data", "restore", made, "--json")["photos"] == 3


# Backups that somebody made up.


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no JSON",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"schema_version": 1, "blobs": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
    ],
)
def test_a_manifest_that_is_none(backup, tmp_path, content):
    (backup / "backup.json").write_bytes(content)
    assert "backup.json is damaged" in _says(tmp_path / "restored", "restore", backup)


def test_a_manifest_without_end(backup, tmp_path):
    os.truncate(backup / "backup.json", _LONGEST_MANIFEST + 1)
    assert "larger than" in _says(tmp_path / "restored", "restore", backup)


def _in_place(path, make):
    path.unlink()
    make(path)


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)),
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to("/dev/zero"),
    ],
)
@pytest.mark.parametrize("place", ["backup.json", "catalog.sqlite3", "blobs"])
def test_what_is_no_plain_file_in_a_backup_is_named(backup, tmp_path, place, make):
    path = next((backup / "blobs" / "originals").glob("*/*/*")) if place == "blobs" else backup / place
    _in_place(path, make)
    printed = _says(tmp_path / "restored", "restore", backup, "--despite-damage")
    assert f"{path} is a link, a pipe or a device" in printed.replace("\n", "")


# A catalog that is gone.


def test_an_empty_catalog_beside_photos_does_not_start_as_if_it_were_new(data, made):
    for file in data.glob("catalog.sqlite3*"):
        file.unlink()
    for command in (("serve", "--port", "0"), ("migrate",)):
        printed = _says(data, *command)
        assert f"photos lie in {data / 'blobs'}" in printed
        assert "mindreader restore" in printed
        assert "MINDREADER_DATABASE_URL" in printed
        assert not (data / "catalog.sqlite3").exists()
    assert mindreader(data, "restore", made, "--json")["photos"] == 3
    assert "Everything agrees" in _says(data, "doctor", status=0)


def test_an_empty_catalog_beside_an_index_alone_does_not_start_either(data):
    for file in data.glob("catalog.sqlite3*"):
        file.unlink()
    shutil.rmtree(data / "blobs")
    assert "an index of photos lies in" in _says(data, "migrate")


def test_a_first_start_another_process_is_already_working_beside_is_not_taken_for_a_lost_catalog(
    tmp_path, quick_bundle
):
    """A start makes the embedding space known before the first account; a worker may open its index in between."""
    settings = load_settings(environment(tmp_path / "data"))
    install_bundle(settings, quick_bundle)
    open_photo_index(settings, quick_bundle.space.key, quick_bundle.space.dimension).close()
    assert "up to date" in _says(tmp_path / "data", "migrate", status=0)


def test_who_says_so_begins_anew_and_needs_to_say_it_once(data):
    for file in data.glob("catalog.sqlite3*"):
        file.unlink()
    assert "up to date" in _says(data, "migrate", "--begin-anew", status=0)
    with server(data) as running, running.api() as api:
        assert api.get("/collections").json()["collections"] == []


def test_an_empty_database_elsewhere_beside_photos_is_noticed_too(data, empty_postgres_url):
    printed = _says(data, "migrate", MINDREADER_DATABASE_URL=empty_postgres_url)
    assert "is new and empty" in printed
