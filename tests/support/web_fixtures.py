"""Fixtures: the real app over a real SQLite catalog and blob store; people ask with tokens.

The conftest.py of a folder that wants them imports all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from celery import Celery
from flask import Flask
from flask.testing import FlaskClient

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, ModelVersion, Role
from mindreader.settings import Settings
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from tests.support.web import Finder, Person, add_active_version, add_person, web_settings

__all__ = [
    "admin",
    "ann",
    "app",
    "bob",
    "client",
    "finder",
    "nobody",
    "services",
    "settings",
    "somebody",
    "version",
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return web_settings(tmp_path / "data")


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


@pytest.fixture
def finder(search_worker: list[Finder], version: ModelVersion) -> Finder:
    search_worker.append(Finder(version))
    return search_worker[-1]
