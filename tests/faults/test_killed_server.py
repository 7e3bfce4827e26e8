"""kill -9 of the server in the middle of an import, then a new start: nothing is lost, nothing is there twice."""

from __future__ import annotations

import subprocess
import threading
from itertools import count

import pytest
from sqlalchemy import func, select

from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, Photo
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import load_settings
from tests.support.bundles import install_bundle
from tests.support.gate import Gate, wrapped
from tests.support.invariants import check, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.server import MINDREADER, SERVE, environment, mindreader, server, start_server
from tests.support.services import wait_until

PHOTOS = 40
AT_ONCE = 3


def _states(catalog):
    with catalog.snapshot() as session:
        return dict(session.execute(select(Embedding.state, func.count()).group_by(Embedding.state)).all())


@pytest.mark.slow
def test_every_uploaded_photo_ends_indexed_exactly_once_and_the_import_can_be_repeated(tmp_path, quick_bundle):
    folder, data = tmp_path / "photos", tmp_path / "data"
    write_photos(folder, PHOTOS, side=320)
    settings = load_settings(environment(data))
    install_bundle(settings, quick_bundle)
    gate = Gate(tmp_path / "gate")
    gate.close()
    options = wrapped(("gate", str(gate.folder)))
    serve = [*options["python"], *SERVE[1:]]
    killed = start_server(data, serve, MINDREADER_EMBED_BATCH_SIZE="4", PYTHONPATH=options["PYTHONPATH"])
    catalog = Catalog(settings.catalog_url)
    command = [*MINDREADER, "import", str(folder), "--collection", "Holidays", "--json"]
    importing = subprocess.Popen(
        command, env=environment(data), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    gate.wait()
    wait_until(lambda: _states(catalog).get("indexed", 0), "the first photos")
    killed.kill()
    said = importing.communicate(timeout=300)
    interrupted = _states(catalog)
    uploaded = sum(interrupted.values())
    assert interrupted["indexed"] < uploaded, "the server was too quick to be killed in the middle"
    assert importing.returncode == 0 or "cannot be reached" in said[1]

    with server(data) as again, again.api() as api:
        (collection,) = api.get("/collections").json()["collections"]

        def all_indexed(count: int) -> bool:
            now = api.get(f"/collections/{collection['id']}").json()
            return bool(now["photos"] == now["embedding"]["indexed"] == count)

        wait_until(lambda: all_indexed(uploaded), "embedding the rest")
        report = mindreader(data, "import", folder, "--collection", "Holidays", "--wait", "--json")
        assert (report["created"], report["duplicate"]) == (PHOTOS - uploaded, uploaded)
        assert all_indexed(PHOTOS)

    assert _states(catalog) == {"indexed": PHOTOS}
    with catalog.snapshot() as session:
        photos = sorted(session.scalars(select(Photo.id)))
        space = session.scalars(select(EmbeddingSpace).where(EmbeddingSpace.opened_at.is_not(None))).one()
    indexes = PhotoIndexes(settings)
    assert list(indexes.of(space).ids()) == photos
    indexes.close()
    catalog.close()
    assert mindreader(data, "doctor", "--content", "--json") == {"findings": [], "content_checked": True}


@pytest.mark.parametrize("stores", ["embedded", pytest.param("services", marks=pytest.mark.slow)])
def test_an_upload_that_was_acknowledged_outlasts_the_server_and_one_that_was_not_can_be_repeated(
    deploy, tmp_path, stores
):
    deployment = deploy(stores)
    batches = []
    with deployment.api() as api:
        patron = Patron(api)

        def upload() -> None:
            """Until no answer comes, however long that takes."""
            for first in count(step=AT_ONCE):
                batches.append(write_photos(tmp_path / "photos", AT_ONCE, first=first))
                if not patron.upload(batches[-1]):
                    return

        uploading = threading.Thread(target=upload)
        uploading.start()
        wait_until(lambda: len(patron.record.created) >= 6, "the first uploads")
        deployment.kill_web()
        uploading.join()
    deployment.start()
    with deployment.api() as patron.api:
        for batch in batches:
            assert patron.upload(batch)
        settle(deployment.settings)
    assert len(patron.record.present) == AT_ONCE * len(batches)
    deployment.stop()
    check(deployment.settings, patron.record)
