"""Who asks the web UI, and who answers it: people with tokens, and a stand-in for the search worker."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mindreader import messages
from mindreader.accounts.tokens import issue_token
from mindreader.boxes import Box
from mindreader.catalog import Catalog, EmbeddingSpace, ModelVersion, Role, User
from mindreader.catalog.models import now
from mindreader.errors import Sentence
from mindreader.networks.descriptions import SpaceDescription, encoder_description
from mindreader.settings import Settings, load_settings
from mindreader_webui.access import Access, rule_of
from mindreader_workers.envelopes import Envelopes
from tests.support.library import jpeg

JPEG = b"\xff\xd8\xffnot looked at by the web"


@dataclass
class Person:
    """Somebody who asks the API with a token; without one, nobody."""

    client: FlaskClient
    account: User | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def user_id(self) -> int:
        assert self.account is not None
        return self.account.id

    def ask(self, method: str, path: str, **arguments: Any) -> TestResponse:
        return self.client.open(f"/api/v1{path}", method=method, headers=self.headers, **arguments)

    def get(self, path: str, **arguments: Any) -> TestResponse:
        return self.ask("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> TestResponse:
        return self.ask("POST", path, **arguments)

    def collection(self, name: str = "Photos", visibility: str = "private") -> int:
        made = self.post("/collections", json={"name": name, "visibility": visibility})
        assert made.status_code == 201, made.text
        return int(given(made)["id"])

    def upload(self, collection_id: int, *contents: bytes, **form: Any) -> list[dict[str, Any]]:
        answer = self.post(f"/collections/{collection_id}/photos", data={"file": files(*contents), **form})
        assert answer.status_code == 200, answer.text
        outcomes: list[dict[str, Any]] = given(answer)["outcomes"]
        return outcomes

    def photo(self, collection_id: int, seed: int = 1, **form: Any) -> int:
        return int(self.upload(collection_id, jpeg(seed), **form)[0]["photo_id"])


@dataclass
class Finder:
    """Stands in for the networks and the photo index: remembers what was asked, answers what it is told."""

    version: ModelVersion
    hits: list[messages.SearchHit] = field(default_factory=list)
    readings: list[messages.ImaginedReading] = field(default_factory=list)
    answerable: bool | None = None
    score_threshold: float | None = None
    asked: list[messages.SearchRequest] = field(default_factory=list)
    parts: tuple[Box, ...] = ()
    asked_similar: list[messages.SimilarRequest] = field(default_factory=list)
    error: dict[str, str] | None = None
    held_up: Callable[[], object] = lambda: None
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
            protocol=Sentence(f"collections {collection_ids}"),
            mean_precision=0.5,
            categories=(category,),
        )
        return {"answer": found.model_dump(mode="json")}

    def answer(self, envelopes: Envelopes, sealed: Any) -> dict[str, Any]:
        request = envelopes.open(messages.SearchRequest, sealed)
        self.asked.append(request)
        self.held_up()
        if self.error:
            return {"error": self.error}
        found = messages.SearchAnswer(
            model_version_id=request.model_version_id or self.version.id,
            model_version=self.version.name,
            space_id=self.version.space_id,
            readings=tuple(self.readings or [messages.ImaginedReading(imaginary_image=JPEG, photo_ids=())]),
            answerable=self.answerable,
            hits=tuple(self.hits),
            parts=self.parts,
            timings_ms={"imagine": 1.5},
        )
        return {"answer": envelopes.seal(found)}

    def similar(self, envelopes: Envelopes, sealed: Any) -> dict[str, Any]:
        self.asked_similar.append(envelopes.open(messages.SimilarRequest, sealed))
        if self.error:
            return {"error": self.error}
        found = messages.SimilarAnswer(
            model_version_id=self.version.id,
            model_version=self.version.name,
            space_id=self.version.space_id,
            hits=tuple(self.hits),
            score_threshold=self.score_threshold,
        )
        return {"answer": envelopes.seal(found)}


def given(answer: TestResponse) -> Any:
    """The JSON of an answer that has some."""
    assert answer.json is not None, answer.text
    return answer.json


def csrf_token(page: TestResponse) -> str:
    """What the page sends along with changes."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def access_of(app: Flask, endpoint: str) -> Access:
    """What an endpoint asks; every one says it."""
    found = rule_of(app, endpoint)
    assert found is not None, f"{endpoint} does not say who may ask it"
    return found


def files(*contents: bytes) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(content), f"photo-{number}.jpg") for number, content in enumerate(contents)]


def web_settings(data_dir: Path) -> Settings:
    return load_settings(
        {
            "MINDREADER_DATA_DIR": str(data_dir),
            "MINDREADER_LOGIN_RATE": "1000/minute",
            "MINDREADER_SEARCH_TIMEOUT": "60",
        }
    )


def add_person(app: Flask, catalog: Catalog, name: str, role: Role = Role.MEMBER) -> Person:
    user = User(name=name, password_hash="$", role=role)
    with catalog.transaction() as session:
        session.add(user)
        session.flush()
        _, secret = issue_token(session, user, "test")
    return Person(app.test_client(), user, {"Authorization": f"Bearer {secret}"})


def add_active_version(catalog: Catalog) -> ModelVersion:
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
