"""People of a server that runs, and their photos, without a page: the API as a page of theirs asks it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import insert, inspect, select

from mindreader.catalog import Catalog, Collection, Embedding, EmbeddingState, Photo, User
from mindreader.settings import load_settings
from tests.support.hands import PASSWORD
from tests.support.server import Server
from tests.support.services import wait_for_count

_FIRST = datetime(2026, 3, 4, 5, 6, 7)
_PAGE_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


@contextlib.contextmanager
def signed_in(server: Server, name: str) -> Iterator[httpx.Client]:
    """Somebody's API, in a session of its own."""
    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=300) as api:
        api.post("/session", json={"name": name, "password": PASSWORD}).raise_for_status()
        token = _PAGE_TOKEN.search(api.get("../../account").text)
        assert token is not None
        api.headers["X-CSRFToken"] = token.group(1)
        yield api


def add_collection(
    api: httpx.Client, name: str, photos: Sequence[Path] = (), *, found: bool = False, visibility: str = "private"
) -> int:
    """A new collection with these photos, each a second younger than the one before.

    Args:
        found: come back when searches find all of them, not before.
    """
    body = {"name": name, "visibility": visibility}
    made = int(api.post("/collections", json=body).raise_for_status().json()["id"])
    files = [("file", (photo.name, photo.read_bytes())) for photo in photos]
    times = [(_FIRST + timedelta(seconds=number)).isoformat() for number in range(len(files))]
    if files:
        answer = api.post(f"/collections/{made}/photos", files=files, data={"modified": times})
        assert [each["status"] for each in answer.raise_for_status().json()["outcomes"]] == ["created"] * len(files)
    if found:
        indexed = lambda: api.get(f"/collections/{made}").json()["embedding"]["indexed"]  # noqa: E731
        wait_for_count(indexed, len(files), "photos that searches find")
    return made


def copy_collection(server: Server, collection: int, owner: str) -> int:
    """The same photos as somebody else's: rows alone, for what was made of the files serves whoever has them.

    Pages show them as if they could be found; no index knows of them.
    """
    catalog = Catalog(load_settings({"MINDREADER_DATA_DIR": str(server.data_dir)}).catalog_url)
    with catalog.transaction() as session:
        source = session.get_one(Collection, collection)
        owner_id = session.scalars(select(User.id).where(User.name == owner)).one()
        session.add(made := Collection(owner_id=owner_id, name=source.name))
        session.flush()
        known = session.scalars(select(Photo).where(Photo.collection_id == collection).order_by(Photo.id)).all()
        columns = [each.key for each in inspect(Photo).column_attrs if each.key != "id"]
        rows = [{key: getattr(photo, key) for key in columns} | {"collection_id": made.id} for photo in known]
        ids = session.scalars(insert(Photo).returning(Photo.id, sort_by_parameter_order=True), rows).all()
        spaces = session.scalars(select(Embedding.space_id).where(Embedding.photo_id == known[0].id)).all()
        states = [{"photo_id": i, "space_id": s, "state": EmbeddingState.INDEXED} for i in ids for s in spaces]
        session.execute(insert(Embedding), states)
        copied = made.id
    catalog.close()
    return copied
