"""What MindReader writes is its owner's alone: nobody else on the machine reads photos, catalog or secrets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.photos import write_photos
from tests.support.server import mindreader, server


def readable_by_others(folder: Path) -> list[str]:
    return [str(path) for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]


@pytest.fixture
def open_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_data_folder_and_backup(tmp_path, open_umask):
    photos = tmp_path / "photos"
    write_photos(photos, 1)
    data, backup = tmp_path / "data", tmp_path / "backup"
    data.mkdir(mode=0o755)
    with server(data):
        mindreader(data, "import", photos, "--collection", "Photos", "--json")
        mindreader(data, "backup", backup, "--json")
    assert readable_by_others(data) == []
    assert readable_by_others(backup) == []
    restored = tmp_path / "restored"
    mindreader(restored, "restore", backup, "--json")
    assert readable_by_others(restored) == []
