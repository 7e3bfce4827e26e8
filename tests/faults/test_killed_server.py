"""kill -9 of the server in the middle of an import, then a new start: nothing is lost, nothing is there twice."""

from __future__ import annotations

import time

from sqlalchemy import func, select
from support.photos import write_photos
from support.server import server, start_server
from support.services import wait_until

from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, Photo
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import load_settings

PHOTOS = 120


def _upload(api, collection, paths):
    files = [("file", (path.name, path.read_bytes(), "image/jpeg")) for path in paths]
    outcomes = api.post(f"/collections/{collection}/photos", files=files).raise_for_status().json()["outcomes"]
    assert {outcome["status"] for outcome in outcomes} == {"created"}


def _states(catalog):
    with catalog.snapshot() as session:
        return dict(session.execute(select(Embedding.state, func.count()).group_by(Embedding.state)).all())


def test_every_uploaded_photo_ends_indexed_exactly_once(tmp_path):
    paths = write_photos(tmp_path / "photos", PHOTOS)
    data = tmp_path / "data"
    killed = start_server(data, MINDREADER_EMBED_BATCH_SIZE="8")
    with killed.api() as api:
        collection = api.post("/collections", json={"name": "Holidays"}).raise_for_status().json()["id"]
        for start in range(0, PHOTOS, 40):
            _upload(api, collection, paths[start : start + 40])
    settings = load_settings({"MINDREADER_DATA_DIR": str(data)})
    catalog = Catalog(settings.catalog_url)
    wait_until(lambda: _states(catalog).get("indexed", 0) >= 8, "the first batch")
    killed.kill()
    interrupted = _states(catalog)
    assert interrupted.get("indexed", 0) < PHOTOS, "the server was too quick to be killed in the middle"

    with server(data) as again, again.api() as api:

        def done() -> bool:
            counts = api.get(f"/collections/{collection}").json()["embedding"]
            return counts["indexed"] + counts["failed"] == PHOTOS

        wait_until(done, "embedding the rest", seconds=120)
        assert api.get(f"/collections/{collection}").json()["photos"] == PHOTOS
        time.sleep(0.2)

    assert _states(catalog) == {"indexed": PHOTOS}
    with catalog.snapshot() as session:
        photos = sorted(session.scalars(select(Photo.id)))
        space = session.scalars(select(EmbeddingSpace)).one()
    indexes = PhotoIndexes(settings)
    assert list(indexes.get(space.key, space.dimension).ids()) == photos
    indexes.close()
    catalog.close()
