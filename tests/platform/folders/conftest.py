"""A folder with photos, shown in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindreader.folders.scanning import intake
from mindreader.settings import Settings, load_settings
from tests.support.folders import Shown, put_photos

NAMES = ("2019/rome/a.jpg", "2019/rome/b.jpg", "2020/c.jpg", "d.jpg")


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for files to be at rest."""
    monkeypatch.setattr(intake, "REST_SECONDS", 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "disk" / "photos"
    put_photos(folder, NAMES)
    return folder


@pytest.fixture
def database() -> str:
    """The kind of the catalog; some modules take both."""
    return "sqlite"


@pytest.fixture
def settings(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> Settings:
    url = request.getfixturevalue("migrated_postgres_url") if database == "postgresql" else ""
    return load_settings(
        {
            "MINDREADER_DATA_DIR": str(tmp_path / "data"),
            "MINDREADER_DATABASE_URL": url,
            "MINDREADER_FOLDER_ROOTS": str(tmp_path / "disk"),
        }
    )


@pytest.fixture
def shown(catalog, blobs, settings, admin, root, space_id) -> Shown:
    """Not scanned yet."""
    return Shown.add(catalog, blobs, settings, admin, root)
