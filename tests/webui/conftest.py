"""The real app over a real SQLite catalog and blob store; people ask with tokens."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from flask import Flask
from flask.testing import FlaskClient
from support.library import jpeg
from werkzeug.test import TestResponse

from mindreader import messages
from mindreader.accounts.tokens import issue_token
from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, EmbeddingSpace, ModelVersion, Role, User
from mindreader.catalog.models import now
from mindreader.networks.descriptions import SpaceDescription, encoder_description
from mindreader.settings import Settings, load_settings
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from mindreader_workers import celery_app
from mindreader_workers.envelopes import envelopes_of

PASSWORD = "correct horse battery"
WEBP = b"RIFF....WEBPnot looked at by the web"


@dataclass
class Person:
    """Somebody who asks the API with a token; without one, nobody."""

    client: FlaskClient
    account: User | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, **arguments: Any) -> TestResponse:
        return self.client.open(f"/api/v1{path}", method=method, headers=self.headers, **arguments)

    def get(self, path: str, **arguments: Any) -> TestResponse:
        return self.ask("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> TestResponse:
        return self.ask("POST", path, **arguments)

    def collection(self, name: str = "Photos", visibility: str = "private") -> int:
        made = self.post("/collections", json={"name": name, "visibility": visibility})
        assert made.status_code == 201, made.text
        return made.json["id"]

    def upload(self, collection_id: int, *contents: bytes, **form: Any) -> list[dict[str, Any]]:
        answer = self.post(f"/collections/{collection_id}/photos", data={"file": files(*contents), **form})
        assert answer.status_code == 200, answer.text
        return answer.json["outcomes"]

    def photo(self, collection_id: int, seed: int = 1, **form: Any) -> int:
        return self.upload(collection_id, jpeg(seed), **form)[0]["photo_id"]


@dataclass
class Finder:
    """Stands in for the networks and the photo index: remembers what was asked, answers what it is told."""

    version: ModelVersion
    celery: Celery
    hits: list[dict[str, float]] = field(default_factory=list)
    asked: list[messages.SearchRequest] = field(default_factory=list)
    error: dict[str, str] | None = None
    seconds: float = 0
    cannot_load: dict[str, str] | None = None
    tried: list[str] = field(default_factory=list)
    warmed: list[int] = field(default_factory=list)

    def trial(self, bundle_sha256: str) -> dict[str, Any]:
        self.tried.append(bundle_sha256)
        measured = messages.SmokeTest(photos_per_second=2.0, encoder_bytes=1000, device="cpu")
        return {"error": self.cannot_load} if self.cannot_load else {"answer": measured.model_dump()}

    def warm_up(self, model_version_id: int) -> dict[str, Any]:
        self.warmed.append(model_version_id)
        return {"error": self.cannot_load} if self.cannot_load else {"answer": None}

    def quality(self, collection_ids: list[int]) -> dict[str, Any]:
        category = messages.CategoryQuality(name="dog", photos=3, queries=3, precision=0.5)
        found = messages.LibraryQuality(
            model_version=self.version.name,
            protocol=f"collections {collection_ids}",
            mean_precision=0.5,
            categories=(category,),
        )
        return {"answer": found.model_dump(mode="json")}

    def answer(self, sealed: Any) -> dict[str, Any]:
        envelopes = envelopes_of(self.celery)
        request = envelopes.open(messages.SearchRequest, sealed)
        self.asked.append(request)
        time.sleep(self.seconds)
        if self.error:
            return {"error": self.error}
        found = messages.SearchAnswer(
            model_version_id=request.model_version_id or self.version.id,
            model_version=self.version.name,
            space_id=self.version.space_id,
            imaginary_webp=tuple(WEBP for _ in request.seeds),
            hits=tuple(self.hits),
            timings_ms={"imagine": 1.5},
        )
        return {"answer": envelopes.seal(found)}


def files(*contents: bytes) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(content), f"photo-{number}.jpg") for number, content in enumerate(contents)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        {
            "MINDREADER_DATA_DIR": str(tmp_path / "data"),
            "MINDREADER_LOGIN_RATE": "1000/minute",
            "MINDREADER_SEARCH_TIMEOUT": "10",
        }
    )


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
        user = User(name=name, password_hash="$", role=role)
        with catalog.transaction() as session:
            session.add(user)
            session.flush()
            _, secret = issue_token(session, user, "test")
        return Person(app.test_client(), user, {"Authorization": f"Bearer {secret}"})

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
    described = SpaceDescription(encoder_description("efficientnet-lite0"))
    space = EmbeddingSpace(
        key=described.key,
        photo_encoder=described.encoder.name,
        dimension=described.dimension,
        description=described.as_json(),
        opened_at=now(),
    )
    version = ModelVersion(name="first", bundle_sha256="0" * 64, space=space, metrics=[{"a": 1}], active=True)
    with catalog.transaction() as session:
        session.add(version)
    return version


@pytest.fixture(scope="session")
def search_worker(celery: Celery) -> Iterator[list[Finder]]:
    """A real Celery worker on the search queue; the last finder in the list answers."""
    finders: list[Finder] = []

    @celery.task(name=celery_app.SEARCH_TASK, shared=False)
    def search(request: Any) -> dict[str, Any]:
        return finders[-1].answer(request)

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
def finder(search_worker: list[Finder], version: ModelVersion, celery: Celery) -> Finder:
    search_worker.append(Finder(version, celery))
    return search_worker[-1]
