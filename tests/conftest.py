"""Fixtures of all tests: a data folder of one's own, the real photos, real servers."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog
from mindreader.settings import Settings, load_settings

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.qdrant_server import QdrantServer  # noqa: E402
from support.services import S3Server, postgres_programs, postgres_server, redis_server  # noqa: E402
from support.sketches import house_png  # noqa: E402


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    # Without a trash: what is deleted is purged as soon as a worker looks. tests/…/test_trash.py has one.
    return load_settings({"MINDREADER_DATA_DIR": str(tmp_path / "data"), "MINDREADER_TRASH_DAYS": "0"})


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    catalog = Catalog(settings.catalog_url)
    catalog.migrate()
    yield catalog
    catalog.close()


@pytest.fixture
def blobs(settings: Settings) -> BlobStore:
    return BlobStore(settings.blobs_root)


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = Path(os.environ.get("MINDREADER_DATA", REPOSITORY / "../shared/data")).resolve()
    if not (folder / "meta.csv").exists():
        pytest.skip(f"no photos and sketches in {folder}: set MINDREADER_DATA to the folder that holds meta.csv")
    return folder


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed: `make system-packages`")
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: `make system-packages`")
    with postgres_server(programs) as url:
        yield url


@pytest.fixture(scope="session")
def qdrant_server() -> Iterator[QdrantServer]:
    started = QdrantServer()
    yield started
    started.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    started = S3Server()
    yield started
    started.close()


@pytest.fixture
def s3_url(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place of one's own in the bucket; the environment says how to reach it."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.bucket}/{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def sketch_png() -> bytes:
    return house_png()
