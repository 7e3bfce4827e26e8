"""The real app over a real SQLite catalog and blob store; people ask with tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from celery import Celery
from celery.contrib.testing.worker import start_worker
from flask import Flask
from flask.testing import FlaskClient

from mindreader.accounts import passwords
from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, ModelVersion, Role
from mindreader.settings import Settings, load_settings
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from mindreader_workers import celery_app
from mindreader_workers.envelopes import envelopes_of
from tests.support.web import Finder, Person, add_active_version, add_person, web_settings


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashing is slow on purpose; how it is done is the subject of tests/platform/accounts."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords.decoy_hash.cache_clear()
    yield
    passwords.decoy_hash.cache_clear()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return web_settings(tmp_path / "data")


@pytest.fixture(scope="session")
def celery() -> Celery:
    """One Celery app for all tests: its in-memory queues are shared by the whole process anyway."""
    return celery_app.make_celery(load_settings({}))


@pytest.fixture
def services(settings: Settings, catalog: Catalog, blobs: BlobStore, celery: Celery) -> Services:
    return Services(settings, catalog, blobs, celery)


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser."""
    return app.test_client()


@pytest.fixture
def somebody(app: Flask, catalog: Catalog) -> Callable[..., Person]:
    def make(name: str, role: Role = Role.MEMBER) -> Person:
        return add_person(app, catalog, name, role)

    return make


@pytest.fixture
def nobody(app: Flask) -> Person:
    return Person(app.test_client())


@pytest.fixture
def ann(somebody: Callable[..., Person]) -> Person:
    return somebody("Ann")


@pytest.fixture
def bob(somebody: Callable[..., Person]) -> Person:
    return somebody("Bob")


@pytest.fixture
def admin(somebody: Callable[..., Person]) -> Person:
    return somebody("Root", Role.ADMIN)


@pytest.fixture
def version(catalog: Catalog) -> ModelVersion:
    """An active model version."""
    return add_active_version(catalog)


@pytest.fixture(scope="session")
def search_worker(celery: Celery) -> Iterator[list[Finder]]:
    """A real Celery worker on the search queue; the last finder in the list answers."""
    finders: list[Finder] = []

    @celery.task(name=celery_app.SEARCH_TASK, shared=False)
    def search(request: Any) -> dict[str, Any]:
        return finders[-1].answer(envelopes_of(celery), request)

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


@pytest.fixture
def finder(search_worker: list[Finder], version: ModelVersion) -> Finder:
    search_worker.append(Finder(version))
    return search_worker[-1]
