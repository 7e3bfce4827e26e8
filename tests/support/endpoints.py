"""Every endpoint x everyone who may ask: what is answered, and a world in which to ask."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery import Celery
from flask import Flask
from flask.testing import FlaskClient

from mindreader.accounts.sessions import Browser, begin_session, sessions_of
from mindreader.accounts.users import set_password
from mindreader.blobs import BlobStore, sketch_key
from mindreader.catalog import BenchmarkSketch, Catalog, Job, Role, Search, TokenScope, User, UserIdentity, UserSketch
from mindreader.catalog.models import Base
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from tests.support.databases import copy_template
from tests.support.folders import put_photos
from tests.support.library import jpeg
from tests.support.web import Person, add_active_version, add_person, csrf_token, given, web_settings

PASSWORD = "correct horse battery"

Files = dict[Path, tuple[int, int]]
"""Sizes, and nanoseconds when they were written."""

# Expected status by who asks, with a token for everything or at a browser: nobody, the owner, another member (private
# collection), another member (shared collection), an administrator. A member who was invited to a private one may do
# as in a shared one.
# {c}, {p} and {t} are ids of the owner's collection, photo and token, {m}, {s}, {j} and {k} of the active model
# version, its space, a job there and a saved sketch, {h} of her search, {w} of a sketch she keeps, {u} of the
# owner, {o} of another collection of hers, {b} and {d} of a photo and a collection in her trash, {n} of a person she
# shares {c} with, {e} of a browser she is signed in with, {l} of a public link to {c}, whose secret is {x}, {i} of
# who she is at an OpenID Connect provider, {f} of a folder of the server that an administrator shows in place; {g} is
# the path of another one, as JSON. The server knows none, so nobody is sent there.
PEOPLE = ("nobody", "owner", "other, private", "other, shared", "admin", "other, invited")
COLUMN = {"other, invited": PEOPLE.index("other, shared")}
MATRIX = {
    ("GET", "/session"): (401, 200, 200, 200, 200),
    ("DELETE", "/session"): (401, 204, 204, 204, 204),
    ("GET", "/tokens"): (401, 200, 200, 200, 200),
    ("POST", "/tokens"): (401, 201, 201, 201, 201),
    ("DELETE", "/tokens/{t}"): (401, 204, 404, 404, 404),
    ("GET", "/sessions"): (401, 200, 200, 200, 200),
    ("DELETE", "/sessions"): (401, 204, 204, 204, 204),
    ("DELETE", "/sessions/{e}"): (401, 204, 404, 404, 404),
    ("GET", "/identities"): (401, 200, 200, 200, 200),
    ("POST", "/identities"): (401, 404, 404, 404, 404),
    ("DELETE", "/identities/{i}"): (401, 204, 404, 404, 404),
    ("GET", "/users"): (401, 403, 403, 403, 200),
    ("POST", "/users"): (401, 403, 403, 403, 201),
    ("PATCH", "/users/{u}"): (401, 403, 403, 403, 200),
    ("DELETE", "/users/{u}"): (401, 403, 403, 403, 409),
    ("GET", "/users/{u}/tokens"): (401, 403, 403, 403, 200),
    ("DELETE", "/users/{u}/tokens/{t}"): (401, 403, 403, 403, 204),
    ("POST", "/session/password"): (401, 422, 422, 422, 422),
    ("GET", "/system"): (401, 403, 403, 403, 200),
    ("GET", "/collections"): (401, 200, 200, 200, 200),
    ("POST", "/collections"): (401, 201, 201, 201, 201),
    ("GET", "/collections/{c}"): (401, 200, 404, 200, 200),
    ("PATCH", "/collections/{c}"): (401, 200, 404, 403, 200),
    ("DELETE", "/collections/{c}"): (401, 204, 404, 403, 204),
    ("GET", "/collections/{c}/photos"): (401, 200, 404, 200, 200),
    ("POST", "/collections/{c}/photos"): (401, 200, 404, 403, 200),
    ("GET", "/collections/{c}/people"): (401, 200, 404, 403, 200),
    ("POST", "/collections/{c}/people"): (401, 200, 404, 403, 200),
    ("DELETE", "/collections/{c}/people/{n}"): (401, 204, 404, 403, 204),
    ("GET", "/public-links"): (401, 200, 200, 200, 200),
    ("POST", "/public-links"): (401, 201, 404, 403, 201),
    ("DELETE", "/public-links/{l}"): (401, 204, 404, 404, 204),
    ("POST", "/collections/{c}/existing"): (401, 200, 404, 403, 200),
    ("POST", "/photos/category"): (401, 200, 404, 403, 200),
    ("POST", "/photos/date"): (401, 200, 404, 403, 200),
    ("POST", "/photos/delete"): (401, 200, 404, 403, 200),
    ("POST", "/photos/move"): (401, 200, 404, 403, 200),
    ("POST", "/photos/copy"): (401, 200, 404, 404, 200),
    ("GET", "/photos/archive"): (401, 200, 404, 200, 200),
    ("GET", "/trash"): (401, 200, 200, 200, 200),
    ("DELETE", "/trash"): (401, 204, 204, 204, 204),
    ("GET", "/trash/photos/{b}/thumbnail"): (401, 200, 404, 404, 200),
    ("POST", "/trash/photos/restore"): (401, 200, 404, 404, 200),
    ("POST", "/trash/photos/remove"): (401, 200, 404, 404, 200),
    ("POST", "/trash/collections/{d}/restore"): (401, 200, 404, 404, 200),
    ("DELETE", "/trash/collections/{d}"): (401, 204, 404, 404, 204),
    ("GET", "/photos"): (401, 200, 200, 200, 200),
    ("GET", "/photos/days"): (401, 200, 200, 200, 200),
    ("GET", "/photos/ids"): (401, 200, 200, 200, 200),
    ("GET", "/photos/{p}"): (401, 200, 404, 200, 200),
    ("PATCH", "/photos/{p}"): (401, 200, 404, 403, 200),
    ("DELETE", "/photos/{p}"): (401, 204, 404, 403, 204),
    ("POST", "/photos/{p}/retry"): (401, 409, 404, 403, 409),
    ("GET", "/photos/{p}/details"): (401, 200, 404, 200, 200),
    ("POST", "/photos/{p}/origins"): (401, 204, 404, 403, 204),
    ("POST", "/origins/existing"): (401, 200, 200, 200, 200),
    ("GET", "/photos/{p}/similar"): (401, 200, 404, 200, 200),
    ("GET", "/photos/{p}/thumbnail"): (401, 200, 404, 200, 200),
    ("GET", "/photos/{p}/preview"): (401, 200, 404, 200, 200),
    ("GET", "/photos/{p}/original"): (401, 200, 404, 200, 200),
    ("POST", "/searches"): (401, 422, 422, 422, 422),
    ("POST", "/drawing-previews"): (401, 422, 422, 422, 422),
    ("GET", "/searches"): (401, 200, 200, 200, 200),
    ("DELETE", "/searches"): (401, 204, 204, 204, 204),
    ("GET", "/searches/{h}/sketch"): (401, 200, 404, 404, 404),
    ("GET", "/user-sketches"): (401, 200, 200, 200, 200),
    ("POST", "/user-sketches"): (401, 201, 201, 201, 201),
    ("DELETE", "/user-sketches/{w}"): (401, 204, 404, 404, 404),
    ("GET", "/status"): (401, 200, 200, 200, 200),
    ("GET", "/models"): (401, 200, 200, 200, 200),
    ("POST", "/models"): (401, 403, 403, 403, 422),
    ("POST", "/models/{m}/regions"): (401, 403, 403, 403, 201),
    ("POST", "/models/{m}/activate"): (401, 403, 403, 403, 200),
    ("DELETE", "/models/{m}"): (401, 403, 403, 403, 409),
    ("GET", "/models/learn"): (401, 403, 403, 403, 200),
    ("POST", "/models/learn"): (401, 403, 403, 403, 409),
    ("POST", "/models/learn/pause"): (401, 403, 403, 403, 404),
    ("POST", "/models/learn/resume"): (401, 403, 403, 403, 404),
    ("POST", "/models/learn/cancel"): (401, 403, 403, 403, 404),
    ("GET", "/folders"): (401, 403, 403, 403, 200),
    ("POST", "/folders"): (401, 403, 403, 403, 201),
    ("GET", "/folders/{f}"): (401, 403, 403, 403, 200),
    ("PATCH", "/folders/{f}"): (401, 403, 403, 403, 200),
    ("DELETE", "/folders/{f}"): (401, 403, 403, 403, 204),
    ("POST", "/folders/{f}/scan"): (401, 403, 403, 403, 202),
    ("POST", "/folders/{f}/verify"): (401, 403, 403, 403, 202),
    ("POST", "/folders/{f}/forget"): (401, 403, 403, 403, 200),
    ("GET", "/folders/{f}/refused"): (401, 403, 403, 403, 200),
    ("GET", "/spaces"): (401, 403, 403, 403, 200),
    ("POST", "/spaces/{s}/build"): (401, 403, 403, 403, 409),
    ("DELETE", "/spaces/{s}"): (401, 403, 403, 403, 409),
    ("GET", "/jobs"): (401, 403, 403, 403, 200),
    ("GET", "/jobs/{j}"): (401, 403, 403, 403, 200),
    ("POST", "/jobs/{j}/pause"): (401, 403, 403, 403, 200),
    ("POST", "/jobs/{j}/resume"): (401, 403, 403, 403, 409),
    ("POST", "/jobs/{j}/cancel"): (401, 403, 403, 403, 409),
    ("GET", "/jobs/{j}/failed"): (401, 403, 403, 403, 200),
    ("POST", "/jobs/{j}/retry"): (401, 403, 403, 403, 409),
    ("POST", "/jobs/{j}/skip"): (401, 403, 403, 403, 409),
    ("POST", "/jobs/{j}/failed/{p}/retry"): (401, 403, 403, 403, 409),
    ("POST", "/jobs/{j}/failed/{p}/skip"): (401, 403, 403, 403, 409),
    ("POST", "/comparisons"): (401, 403, 403, 403, 422),
    ("GET", "/benchmark-sketches"): (401, 403, 403, 403, 200),
    ("POST", "/benchmark-sketches"): (401, 403, 403, 403, 422),
    ("DELETE", "/benchmark-sketches/{k}"): (401, 403, 403, 403, 204),
    ("GET", "/quality"): (401, 200, 200, 200, 200),
    ("GET", "/workers"): (401, 403, 403, 403, 200),
}
BODIES = {
    ("POST", "/tokens"): {"name": "mine"},
    ("POST", "/user-sketches"): {"name": "New", "strokes": [{"tool": "pen", "width": 1, "points": [[0, 0]]}]},
    ("POST", "/users"): {"name": "New", "password": "correct horse battery", "role": "member"},
    ("POST", "/collections"): {"name": "New"},
    ("PATCH", "/collections/{c}"): {"name": "Renamed"},
    ("PATCH", "/photos/{p}"): {"category": "dog"},
    ("POST", "/collections/{c}/people"): {"name": "Eve"},
    ("POST", "/public-links"): {"collection_id": "{c}"},
    ("POST", "/collections/{c}/existing"): {"sha256": ["0" * 64]},
    ("POST", "/photos/{p}/origins"): {"kind": "immich", "id": "1", "url": "https://immich.test/photos/1"},
    ("POST", "/origins/existing"): {"kind": "immich", "ids": ["1"]},
    ("POST", "/photos/category"): {"photo_ids": ["{p}"], "category": "dog"},
    ("POST", "/photos/date"): {"photo_ids": ["{p}"], "taken_at": "2019-03-21T10:11:12"},
    ("POST", "/photos/delete"): {"photo_ids": ["{p}"]},
    ("POST", "/photos/move"): {"photo_ids": ["{p}"], "collection_id": "{o}"},
    ("POST", "/photos/copy"): {"photo_ids": ["{p}"], "collection_id": "{o}"},
    ("POST", "/trash/photos/restore"): {"photo_ids": ["{b}"]},
    ("POST", "/trash/photos/remove"): {"photo_ids": ["{b}"]},
    ("POST", "/models/{m}/regions"): {"regions": "grid6"},
    ("PATCH", "/users/{u}"): {"role": "member"},
    ("POST", "/folders"): {"path": "{g}", "collection": "Disk"},
    ("PATCH", "/folders/{f}"): {"watch": False},
    ("POST", "/session/password"): {"old": "wrong", "new": "correct horse battery"},
}
IDS = {
    "collection_id": "c",
    "photo_id": "p",
    "token_id": "t",
    "model_version_id": "m",
    "space_id": "s",
    "job_id": "j",
    "benchmark_sketch_id": "k",
    "search_id": "h",
    "user_sketch_id": "w",
    "user_id": "u",
    "person_id": "n",
    "trashed_photo_id": "b",
    "trashed_collection_id": "d",
    "session_id": "e",
    "link_id": "l",
    "identity_id": "i",
    "link_secret": "x",
    "folder_id": "f",
}
"""Which thing of the matrix a part of an address names."""
NOWHERE = 999_999
"""An id that names nothing."""


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and path below /api/v1 of every one, with ids as in the matrix."""
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1"):
            continue
        path = re.sub(r"<[^>]*:(\w+)>", lambda found: f"{{{IDS[found[1]]}}}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield rule.endpoint, method, path.removeprefix("/api/v1")


def arguments(method: str, path: str, ids: Mapping[str, Any]) -> dict[str, Any]:
    """A sound body or query for one of the matrix, where it takes one."""
    if path == "/photos/archive":
        return {"query_string": {"ids": ids["p"]}}
    if path.endswith("/photos") and method == "POST":
        return {"data": {"file": (io.BytesIO(jpeg(2)), "a.jpg")}}
    body = BODIES.get((method, path))
    return {} if body is None else {"json": filled(body, ids)}


def filled(body: Any, ids: Mapping[str, Any]) -> Any:
    """The body with ids in the places named {p}, {b} and so on."""
    text = re.sub(r'"\{(\w)\}"', lambda found: str(ids[found[1]]), json.dumps(body))
    return json.loads(text)


class World:
    """Ann, what she has, and who may ask for it: made once for each way she shares, put back for each test."""

    def __init__(
        self, folder: Path, celery: Celery, sharing: str, *, template: Path | None = None, database_url: str = ""
    ) -> None:
        """A world in a folder.

        Args:
            template: a migrated SQLite file; the world is in a copy of it and can be put back.
            database_url: of a migrated database elsewhere; such a world stays as it is left.
        """
        more = {"search_rate": "100000/minute", "login_rate": "100000/minute", "database_url": database_url}
        self.disk = folder / "disk"
        for name in ("shown", "other"):
            put_photos(self.disk / name, ["a.jpg"])
        more["folder_roots"] = str(self.disk)
        self._folder, self.settings = folder, web_settings(folder / "data").model_copy(update=more)
        self.catalog, self.blobs = Catalog(self.settings.catalog_url), BlobStore(self.settings.blobs_root)
        if template:
            copy_template(template, self.catalog)
        self.app = create_app(Services(self.settings, self.catalog, self.blobs, celery))
        self.version = add_active_version(self.catalog)
        self.nobody = Person(self.app.test_client())
        self.ann, self.bob, self.eve = (add_person(self.app, self.catalog, name) for name in ("Ann", "Bob", "Eve"))
        self.admin = add_person(self.app, self.catalog, "Root", Role.ADMIN)
        # First of all: another password ends the sessions there are.
        self.cookies = {person.user_id: self._signed_in(person) for person in (self.ann, self.bob, self.admin)}
        self.ids = self._fill("shared" if sharing == "other, shared" else "private")
        for name in ["Eve", "Bob"] if sharing == "other, invited" else ["Eve"]:
            self.ann.post(f"/collections/{self.ids['c']}/people", json={"name": name})
        self._back_to = self._as_made = self._kept(folder / "as made")

    def asker(self, who: str) -> Person:
        """Who stands for a column of the matrix."""
        known = {"nobody": self.nobody, "owner": self.ann, "admin": self.admin}
        return known.get(who, self.bob)

    def browser(self, person: Person) -> FlaskClient:
        """A browser in which the person is signed in."""
        client, cookie = self.app.test_client(), self.cookies[person.user_id]
        client.set_cookie("mindreader_session", cookie)
        return client

    def at_browser(self, person: Person) -> Person:
        """The same, with the token of a page for changes."""
        client = self.browser(person)
        headers = {"X-CSRFToken": csrf_token(client.get("/account"))}
        saved = client.get_cookie("mindreader_session")
        assert saved is not None
        return Person(client, person.account, headers)

    def token(self, person: Person, scope: TokenScope) -> Person:
        """A program with a token of this scope, made by the person."""
        made = given(person.post("/tokens", json={"name": scope, "scope": scope}))
        return Person(person.client, person.account, {"Authorization": f"Bearer {made['token']}"})

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything the catalog holds."""
        with self.catalog.engine.connect() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(table.select())]
                for table in Base.metadata.sorted_tables
            }

    def _signed_in(self, person: Person) -> str:
        set_password(self.catalog, person.user_id, PASSWORD, end_tokens=False)
        client = self.app.test_client()
        assert person.account is not None
        sent = {"name": person.account.name, "password": PASSWORD}
        assert client.post("/api/v1/session", json=sent).status_code == 200
        client.get("/account")  # a page gives the browser what changes need
        cookie = client.get_cookie("mindreader_session")
        assert cookie is not None
        return cookie.value

    def _fill(self, visibility: str) -> dict[str, Any]:
        ann, version = self.ann, self.version
        collection = ann.collection("Hers", visibility)
        ids: dict[str, Any] = {
            "c": collection,
            "p": ann.photo(collection),
            "m": version.id,
            "o": ann.collection("Other"),
        }
        ids |= {"b": ann.photo(collection, seed=9), "d": ann.collection("Gone", visibility)}
        ann.post("/photos/delete", json={"photo_ids": [ids["b"]]})
        ann.ask("DELETE", f"/collections/{ids['d']}")
        with self.catalog.transaction() as session:
            job = Job(space_id=version.space_id, last_photo_id=ids["p"])
            sketch = BenchmarkSketch(name="dog", sketch_sha256="0" * 64)
            search = Search(
                user_id=ann.user_id, sketch_sha256="1" * 64, model_version_id=version.id, seeds=[0], timings_ms={}
            )
            kept = UserSketch(user_id=ann.user_id, name="hers", strokes=[])
            identity = UserIdentity(user_id=ann.user_id, issuer="https://id.example.org", subject="1", label="Ann")
            session.add_all([job, sketch, search, kept, identity])
            session.flush()
            account = session.get_one(User, ann.user_id)
            begin_session(session, account, Browser(), timedelta(days=1))
            ids |= {"e": sessions_of(session, account)[0].id}
            ids |= {"s": version.space_id, "j": job.id, "k": sketch.id, "h": search.id, "w": kept.id}
            ids |= {"i": identity.id}
        self.blobs.put(sketch_key("1" * 64), b"PNG")
        ids["t"] = given(ann.post("/tokens", json={"name": "laptop"}))["id"]
        link = given(ann.post("/public-links", json={"collection_id": collection}))
        ids |= {"l": link["id"], "x": link["url"].rpartition("/")[2]}
        shown = self.admin.post("/folders", json={"path": str(self.disk / "shown"), "collection": "Shown"})
        ids |= {"f": given(shown)["id"], "g": json.dumps(str(self.disk / "other"))}
        return ids | {"u": ann.user_id, "n": self.eve.user_id}

    def close(self) -> None:
        self.catalog.close()

    def keep(self) -> None:
        """From now on `restore` leads to what is there now, until `reset`."""
        shutil.rmtree(self._folder / "kept", ignore_errors=True)
        self._back_to = self._kept(self._folder / "kept")

    def restore(self) -> None:
        """Put everything back as it was made or kept, if anything was changed since."""
        folder, files = self._back_to
        if self._files() != files:
            self.catalog.close()
            shutil.rmtree(self.settings.data_dir)
            shutil.copytree(folder, self.settings.data_dir)

    def reset(self) -> None:
        """Put everything back as it was made."""
        self._back_to = self._as_made
        self.restore()

    def _kept(self, folder: Path) -> tuple[Path, Files]:
        self.catalog.close()
        shutil.copytree(self.settings.data_dir, folder)
        return folder, self._files()

    def _files(self) -> Files:
        """Of all files, but of those that SQLite makes in order to read."""
        found = {path: path.stat() for path in self.settings.data_dir.rglob("*") if path.is_file()}
        return {
            path: (state.st_size, state.st_mtime_ns)
            for path, state in found.items()
            if not path.name.endswith("-shm") and (state.st_size or not path.name.endswith("-wal"))
        }
