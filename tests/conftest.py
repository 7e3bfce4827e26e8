"""Fixtures of all tests: a data folder of one's own, the real photos, real servers.

What is shared, and what each test has of its own:

* The tests run in several processes (`make test WORKERS=`; 0 is one process, for a debugger). A file's tests run in one
  of them, in their order. Session fixtures exist once in each process, unless it says otherwise below. Nobody writes to
  the repository (but Python its `__pycache__`) or to MINDREADER_DATA.
* Once for all processes, and read by them only: what training tests draw and train (`support.once`), and networks made
  ready for OpenVINO (`support.temporary.compiled_models`).
* Once a process: PostgreSQL, Redis, S3 and Qdrant's stand-in (`postgres_url`, `redis_url`, `s3_server`,
  `qdrant_server`), a search worker whose answers tests choose (`search_worker`), Chromium (tests/browser), a tiny
  bundle (`quick_bundle`).
* A test's own: `tmp_path` with the data folder of `settings`; `catalog`, a copy of tables that were migrated once;
  a database in PostgreSQL (`empty_postgres_url`, `migrated_postgres_url`); a place in the S3 bucket (`s3_url`).
* Servers, workers, command lines and the processes of tests themselves are real processes, forks of one that has loaded
  torch for the whole run (`support.programs`); a server takes a second to start, so a module shares one where its
  tests do not end it.
* Files lie in memory where that is large enough (`support.temporary`), and a password's hash is quick, here and in
  those programs. What every app and client would compile, read or migrate again is made once (`support.remembered`).
  Python keeps what it compiles, whoever starts it.
* Ports come from `support.services.free_port`, below those the kernel gives to connections.

No test fails because the machine is slow: wait for what should become true (`wait_until`, `wait_for_count`), and
assert counts and states, never seconds. Figures in seconds are for bench/. What is long by nature (large libraries,
random faults, clusters) is marked `slow`: `make test` runs a small form of it, `make test-all` the whole.
`make test ARGS=--durations=20` prints the twenty slowest.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

if "PYTEST_XDIST_WORKER" in os.environ:
    # One thread for each process of tests and for the servers it starts: threads of several would only fight for cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Else every process of a run would compile the tests, and every program it starts MindReader, again.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

from mindreader.blobs import BlobStore
from mindreader.bundles import Bundle
from mindreader.catalog import Catalog
from mindreader.settings import Settings, load_settings
from mindreader_workers import celery_app
from mindreader_workers.envelopes import envelopes_of
from tests.support.databases import (
    TEMPLATE,
    copy_template,
    create_template,
    postgres_database,
    write_template,
)
from tests.support.forms import end_every_head
from tests.support.programs import open_nursery, start, start_programs_quickly
from tests.support.qdrant_server import QdrantServer
from tests.support.quick_hashes import hash_quickly
from tests.support.remembered import remember
from tests.support.services import S3Server, postgres_programs, postgres_server, redis_server
from tests.support.sketches import house_png
from tests.support.temporary import compiled_models, put_files_into_memory
from tests.support.web import Finder

REPOSITORY = Path(__file__).parents[1]
# Where files take longest: they begin first, so that no process ends long after the others.
LONG_FIRST = ("faults", "browser", "training", "deployment", "workers", "security", "webui", "contract")


def pytest_configure(config: pytest.Config) -> None:
    put_files_into_memory()
    start_programs_quickly()
    if config.getoption("numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ:
        config.option.tx = [f"popen//python={open_nursery()}"] * len(config.option.tx)
        # While tests are collected; whoever needs one of them before it is there waits for it.
        Thread(target=_compile_models, args=[os.dup(2)], daemon=True).start()


def _compile_models(output: int) -> None:
    command = [sys.executable, "-m", "tests.support.default_models", str(compiled_models())]
    with os.fdopen(output, "wb") as said:
        start(command, env=os.environ, cwd=REPOSITORY, stdout=said, stderr=said)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(REPOSITORY / "tests").parts[0]
        return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def as_in_a_process_of_its_own() -> Iterator[None]:
    """What servers and workers in this process set for the whole of it ends with their test."""
    umask, level = os.umask(0o022), logging.getLogger().level
    logging.getLogger().setLevel(logging.WARNING)
    yield
    os.umask(umask)
    logging.getLogger().setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> None:
    """Of the tests' passwords in this process; tests/platform/accounts says what the product's cost."""
    hash_quickly()


@pytest.fixture(scope="session", autouse=True)
def whole_forms() -> None:
    """The test client ends the heads of its parts, as browsers do."""
    end_every_head()


@pytest.fixture(scope="session", autouse=True)
def remembered() -> None:
    """What apps, clients and catalogs of this process have in common."""
    remember()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        {
            "MINDREADER_DATA_DIR": str(tmp_path / "data"),
            # Without a trash: what is deleted is purged as soon as a worker looks. tests/…/test_trash.py has one.
            "MINDREADER_TRASH_DAYS": "0",
            "MINDREADER_INFERENCE_THREADS": "1",
            "MINDREADER_EMBED_NICE": "0",  # a low priority would get next to nothing beside all other tests
            "MINDREADER_BUNDLE_TRIAL_SECONDS": "800",  # a trial has a low priority; tests of its limit set another
        }
    )


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, to be copied."""
    return write_template(tmp_path_factory.mktemp("catalog") / "migrated.sqlite3")


@pytest.fixture
def catalog(settings: Settings, migrated_file: Path) -> Iterator[Catalog]:
    """An empty catalog where the settings say. On PostgreSQL they name a database that is migrated already."""
    catalog = Catalog(settings.catalog_url)
    if catalog.engine.dialect.name == "sqlite":
        copy_template(migrated_file, catalog)
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
        create_template(url)
        yield url


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> Iterator[str]:
    """A database of one's own on the shared server, without tables."""
    with postgres_database(postgres_url) as url:
        yield url


@pytest.fixture
def migrated_postgres_url(postgres_url: str) -> Iterator[str]:
    """A database of one's own on the shared server, with every table."""
    with postgres_database(postgres_url, TEMPLATE) as url:
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
def quick_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Tiny, with random weights: what a server answers with whose photos' places do not matter."""
    from tests.support.bundles import write_untrained_bundle  # brings torch, which most tests never load

    return write_untrained_bundle(tmp_path_factory.mktemp("bundles") / "quick")


@pytest.fixture(scope="session")
def sketch_png() -> bytes:
    return house_png()


@pytest.fixture(scope="session")
def celery() -> Celery:
    """One Celery app for all tests: its in-memory queues are shared by the whole process anyway."""
    return celery_app.make_celery(load_settings({}))


@pytest.fixture(scope="session")
def search_worker(celery: Celery) -> Iterator[list[Finder]]:
    """A real Celery worker on the search queue; the last finder in the list answers."""
    finders: list[Finder] = []

    @celery.task(name=celery_app.SEARCH_TASK, shared=False)
    def search(request: Any) -> dict[str, Any]:
        return finders[-1].answer(envelopes_of(celery), request)

    @celery.task(name=celery_app.SIMILAR_TASK, shared=False)
    def similar(request: Any) -> dict[str, Any]:
        return finders[-1].similar(envelopes_of(celery), request)

    @celery.task(name=celery_app.SMOKE_TEST_TASK, shared=False)
    def trial(bundle_sha256: str) -> dict[str, Any]:
        return finders[-1].trial(bundle_sha256)

    @celery.task(name=celery_app.WARM_UP_TASK, shared=False)
    def warm_up(model_version_id: int) -> dict[str, Any]:
        return finders[-1].warm_up(model_version_id)

    @celery.task(name=celery_app.QUALITY_TASK, shared=False)
    def quality(collection_ids: list[int]) -> dict[str, Any]:
        return finders[-1].quality(collection_ids)

    with start_worker(celery, pool="solo", perform_ping_check=False, queues=[celery_app.SEARCH_QUEUE]):
        yield finders
