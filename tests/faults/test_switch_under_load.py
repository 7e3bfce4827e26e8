"""A new E2 is built, activated and taken back while people upload, delete and search. Figures: bench/reembedding.py."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pytest
from sqlalchemy import select, update

from mindreader.blobs import BlobStore
from mindreader.bundles.archive import pack_bundle
from mindreader.catalog import Catalog, Collection, Embedding, EmbeddingSpace, Photo
from mindreader.imaging import Sketch
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.query_model import QueryModel
from mindreader.inference.sketches.looks import looks_at
from mindreader.photo_index import IndexPoint, PhotoIndexes
from mindreader.search.retrieval import refined
from tests.support.bundles import write_untrained_bundle
from tests.support.invariants import check, settle
from tests.support.library import add_collection, add_photos, jpeg
from tests.support.patrons import Patron, Record
from tests.support.photos import write_photos
from tests.support.services import wait_until

SAME_SCORE = 2e-3
BEFORE_AND_AFTER = 5


@dataclass
class Searches:
    """So many a second, for as long as the context lasts, for more like one photo.

    So a score says which version it is of: a sketch alone is expanded by what the library holds in that moment.
    """

    patron: Patron
    sketch: bytes
    liked: int
    a_second: int
    answers: list[dict] = field(default_factory=list)
    failures: int = 0

    def __enter__(self) -> Searches:
        self._stop, self._pool = threading.Event(), ThreadPoolExecutor(8)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._pool.shutdown()

    def wait_for(self, more: int) -> None:
        """Until so many more have been answered, or one has failed."""
        enough = len(self.answers) + more
        wait_until(lambda: self.failures or len(self.answers) >= enough, "searches")

    def _run(self) -> None:
        started = time.monotonic()
        for number in count():
            if self._stop.wait(max(0.0, started + number / self.a_second - time.monotonic())):
                return
            self._pool.submit(self._search)

    def _search(self) -> None:
        gone = set(self.patron.record.deleted)
        answer = self.patron.search(self.sketch, like=str(self.liked))
        if answer is None or gone & {result["photo_id"] for result in answer["results"]}:
            self.failures += 1
        else:
            self.answers.append(answer)


@pytest.fixture(params=[(16, 2), pytest.param((3000, 5), marks=pytest.mark.slow)], ids=lambda sizes: str(sizes[0]))
def sizes(request):
    """Photos, and searches in a second."""
    return request.param


@pytest.fixture
def library(deploy, sizes):
    """Photos that are embedded already. In the old space their embeddings are random, which costs no time."""
    deployment = deploy(
        "embedded",
        started=False,
        MINDREADER_EMBED_BATCH_SIZE="32",
        MINDREADER_EMBED_SLICE_SECONDS="20",
        MINDREADER_INFERENCE_THREADS="0",
    )
    settings = deployment.settings
    catalog, blobs = Catalog(settings.catalog_url), BlobStore(settings.blobs_root)
    collection = add_collection(catalog)
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(number) for number in range(sizes[0])])
    indexes, random = PhotoIndexes(settings), np.random.default_rng(0)
    with catalog.transaction() as session:
        session.execute(update(Collection).values(visibility="shared"))
        session.execute(update(Embedding).values(state="indexed"))
        (space,) = session.scalars(select(EmbeddingSpace))
        record = Record(dict(session.execute(select(Photo.id, Photo.sha256)).all()))
    vectors = random.normal(size=(len(photos), space.dimension)).astype(np.float32)
    indexes.of(space).upsert(
        [IndexPoint(photo, vector, collection, None) for photo, vector in zip(photos, vectors, strict=True)]
    )
    indexes.close()
    catalog.close()
    deployment.start()
    yield deployment, record
    deployment.stop()


@pytest.mark.timeout(3600)
def test_no_search_fails_or_mixes_versions_while_one_switches_and_goes_back(
    library, sizes, quick_bundle, tmp_path, sketch_png
):
    deployment, record = library
    other_bundle = write_untrained_bundle(tmp_path / "other", seed=1, name="other")
    photos = write_photos(tmp_path / "photos", 100, side=160)
    with deployment.api() as api:
        patron = Patron(api, record)
        old = api.get("/status").json()["active_model"]["id"]
        new = _bring_in(api, other_bundle, tmp_path)
        liked = max(record.created)  # and is never deleted
        with Searches(patron, sketch_png, liked, sizes[1]) as searches:
            job = api.post(f"/spaces/{_space_of(api, new)}/build").raise_for_status().json()["id"]
            _use_until(lambda: api.get(f"/jobs/{job}").json()["state"] == "completed", patron, photos, liked)
            settle(deployment.settings)  # the last uploads too
            searches.wait_for(BEFORE_AND_AFTER)
            _activate(api, new)
            newest = _upload_newest(api, patron.collection, photos[-1])
            record.created[newest] = hashlib.sha256(photos[-1].read_bytes()).hexdigest()
            wait_until(lambda: _finds(api, sketch_png, newest), "the newest photo")
            settle(deployment.settings)  # in the old space too: going back is refused while a photo waits there
            searches.wait_for(BEFORE_AND_AFTER)
            _activate(api, old)
            assert _finds(api, sketch_png, newest), "the upload made before the rollback is not found after it"
            searches.wait_for(BEFORE_AND_AFTER)
        settle(deployment.settings)
    deployment.stop()
    assert searches.failures == 0
    assert {answer["model_version"]["id"] for answer in searches.answers} == {old, new}
    check(deployment.settings, record)
    _check_scores(deployment.settings, {old: quick_bundle, new: other_bundle}, sketch_png, searches)


def _use_until(done, patron, photos, kept):
    """Upload two photos and delete one, but never that which is kept, again and again."""
    used = 0
    while not done():
        assert patron.upload(photos[used : used + 2])
        assert patron.delete(min(set(patron.record.present) - {kept}))
        used = (used + 2) % (len(photos) - 2)
        time.sleep(0.5)


def _bring_in(api, bundle, folder):
    pack_bundle(bundle, folder / "bundle.zip")
    sent = {"bundle": ("bundle.zip", (folder / "bundle.zip").read_bytes(), "application/zip")}
    return api.post("/models", files=sent).raise_for_status().json()["id"]


def _space_of(api, version):
    keys = {model["id"]: model["space_key"] for model in api.get("/models").json()["models"]}
    return next(space["id"] for space in api.get("/spaces").json()["spaces"] if space["key"] == keys[version])


def _activate(api, version):
    api.post(f"/models/{version}/activate").raise_for_status()


def _upload_newest(api, collection, path):
    files = {"file": (path.name, path.read_bytes(), "image/jpeg")}
    answer = api.post(f"/collections/{collection}/photos", files=files, data={"category": "newest"})
    return answer.raise_for_status().json()["outcomes"][0]["photo_id"]


def _finds(api, sketch, photo_id):
    answer = api.post("/searches", files={"sketch": sketch}, data={"category": "newest"}).raise_for_status().json()
    return photo_id in {result["photo_id"] for result in answer["results"]}


def _check_scores(settings, bundles, sketch, searches):
    """Each score is that of the named version's query and that version's embedding of the photo, and of no other."""
    engine, indexes = choose_engine(settings).load(), PhotoIndexes(settings)
    compared = 0
    for version, bundle in bundles.items():
        model = QueryModel(bundle, engine)
        drawn = Sketch.read(sketch, max_bytes=settings.sketch_max_bytes).image
        query = model.query(looks_at(drawn, model.sketch_size))
        of_version = [answer for answer in searches.answers if answer["model_version"]["id"] == version]
        shown = {result["photo_id"] for answer in of_version for result in answer["results"]}
        vectors = indexes.get(bundle.space.key, bundle.space.dimension).vectors(shown | {searches.liked})
        query = refined(query, [vectors[searches.liked]], [])
        for answer in of_version:
            for result in answer["results"]:
                if (vector := vectors.get(result["photo_id"])) is not None:  # else deleted since
                    assert abs(float(query @ vector) - result["score"]) < SAME_SCORE, (version, result)
                    compared += 1
    indexes.close()
    assert compared > 100
