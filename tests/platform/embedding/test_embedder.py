"""Whatever happens to workers and messages, every photo ends indexed exactly once or failed with a reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select, update

from mindreader.blobs import BlobStore, original_key
from mindreader.boxes import WHOLE, Box
from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, EmbeddingState, Photo
from mindreader.catalog.models import now
from mindreader.embedding.embedder import Embedder
from mindreader.embedding.queue import expire_all_leases, lease, spaces_with_work
from mindreader.imaging import decode_photo, photo_array, photo_pixels
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.regions import RegionEncoder
from mindreader.library.purge import purge_deleted
from mindreader.networks.descriptions import ENCODERS
from mindreader.photo_index import EVERYTHING, Regions
from tests.support.library import add_collection, add_photos, add_space, jpeg
from tests.support.regions import best_box
from tests.support.whole_photos import whole_photos

ENCODER = ENCODERS["efficientnet-lite0"]


@pytest.fixture(scope="module")
def photo_encoder():
    return RegionEncoder(ENCODER, TorchEngine.on("cpu", "float32"))


@pytest.fixture
def space(catalog):
    return add_space(catalog, ENCODER)


@pytest.fixture
def collection(catalog):
    return add_collection(catalog)


@pytest.fixture
def embedder(catalog, blobs, indexes, settings, space, photo_encoder):
    return Embedder(catalog, blobs, indexes, settings, space, ENCODER.input_size, photo_encoder, 32)


def _states(catalog) -> dict[int, tuple[str, str | None]]:
    with catalog.snapshot() as session:
        return {e.photo_id: (e.state, e.error) for e in session.scalars(select(Embedding))}


def test_every_pending_photo_ends_in_the_index(catalog, blobs, settings, collection, space, indexes, embedder):
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(5)])
    report = embedder.work(seconds=60)
    assert (report.indexed, report.failed) == (5, 0)
    assert sorted(indexes.get(space.key, 1280).ids()) == sorted(photos)
    assert set(_states(catalog).values()) == {("indexed", None)}


def test_the_speed_of_the_encoder_is_noted_where_no_trial_has_measured_it(
    catalog, blobs, settings, collection, embedder
):
    add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(3)])
    embedder.work(seconds=60)
    assert _speeds(catalog) == [None], "three photos say little"
    add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(3, 20)])
    report = embedder.work(seconds=60)
    assert _speeds(catalog) == [pytest.approx(17 / report.timer.seconds["infer"], rel=0.01)]
    with catalog.transaction() as session:
        session.execute(update(EmbeddingSpace).values(photos_per_second=5.0))
    add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(20, 40)])
    embedder.work(seconds=60)
    assert _speeds(catalog) == [5.0]


def _speeds(catalog: Catalog) -> list[float | None]:
    with catalog.snapshot() as session:
        return list(session.scalars(select(EmbeddingSpace.photos_per_second)))


def test_the_vector_is_that_of_the_photo(catalog, blobs, settings, collection, space, indexes, embedder, photo_encoder):
    (photo,) = add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    embedder.work(seconds=60)
    pixels = photo_array(decode_photo(jpeg(1), max_pixels=10**6, min_side=224).image, 224)
    expected = photo_encoder.embed([pixels])[0].vectors[0]
    np.testing.assert_allclose(indexes.get(space.key, 1280).vectors([photo])[photo], expected, atol=1e-4)


def test_doing_it_again_changes_nothing(catalog, blobs, settings, collection, space, indexes, embedder):
    add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    embedder.work(seconds=60)
    assert embedder.work(seconds=60).indexed == 0
    assert indexes.get(space.key, 1280).count() == 1


def test_a_broken_photo_fails_with_its_reason_and_its_neighbours_are_indexed(
    catalog, blobs, settings, collection, embedder
):
    good, broken, other = add_photos(catalog, blobs, settings, collection, [jpeg(1), jpeg(2)[:200], jpeg(3)])
    embedder.work(seconds=60)
    states = _states(catalog)
    assert (states[good][0], states[other][0]) == ("indexed", "indexed")
    assert states[broken][0] == "failed"
    assert states[broken][1]


def test_a_lost_original_fails_with_its_reason(catalog, blobs, settings, collection, embedder):
    (photo,) = add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    with catalog.snapshot() as session:
        blobs.delete(original_key(session.get(Photo, photo).sha256))
    embedder.work(seconds=60)
    assert _states(catalog)[photo][0] == "failed"


class _Pointless:
    """An encoder whose vectors are of no use, for some photos of a batch or for all."""

    def __init__(self, vectors):
        self._vectors = vectors

    def embed(self, photos):
        return whole_photos(np.stack([self._vectors[row % len(self._vectors)] for row in range(len(photos))]))


@pytest.mark.parametrize("number", [0.0, np.nan, np.inf])
def test_photos_whose_vectors_say_nothing_fail_with_that_reason_and_the_job_ends(
    catalog, blobs, settings, collection, space, indexes, number
):
    good = np.zeros(1280)
    good[0] = 1
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(4)])
    encoder = _Pointless([np.full(1280, number), good])
    embedder = Embedder(catalog, blobs, indexes, settings, space, ENCODER.input_size, encoder, 32)
    report = embedder.work(seconds=60)
    assert (report.indexed, report.failed) == (2, 2)
    states = _states(catalog)
    state, reason = states[photos[0]]
    assert state == "failed"
    assert "can make nothing of this photo" in str(reason)
    assert states[photos[1]] == ("indexed", None)
    assert spaces_with_work(catalog) == []


@pytest.fixture
def regional(catalog):
    return add_space(catalog, ENCODER, regions="grid6")


def test_photos_of_a_space_with_regions_are_found_by_each_of_them(
    catalog, blobs, settings, collection, regional, indexes
):
    """Photos of several proportions in one batch, as they come."""
    contents = [jpeg(1, (640, 400)), jpeg(2, (96, 640)), jpeg(3, (2000, 64)), jpeg(4, (30, 30))]
    (broken,) = add_photos(catalog, blobs, settings, collection, [jpeg(5)[:200]])
    photos = add_photos(catalog, blobs, settings, collection, contents)
    encoder = RegionEncoder(ENCODER, TorchEngine.on("cpu", "float32"), regions="grid6")
    embedder = Embedder(
        catalog, blobs, indexes, settings, regional, ENCODER.input_size, encoder, 32, encoder.scheme.pixels
    )
    report = embedder.work(seconds=120)
    assert (report.indexed, report.failed) == (4, 1)
    assert _states(catalog)[broken][0] == "failed"
    index = indexes.of(regional)
    assert list(index.ids()) == photos
    stored = index.regions(photos)
    for photo, content in zip(photos, contents, strict=True):
        image = decode_photo(content, max_pixels=10**8, min_side=encoder.scheme.pixels).image
        (expected,) = encoder.embed([photo_pixels(image, encoder.scheme.pixels)])
        assert stored[photo].boxes == expected.boxes
        assert len(expected.boxes) == (8 if max(image.size) > 2 * min(image.size) else 6)
        np.testing.assert_allclose(stored[photo].vectors, expected.vectors, atol=1e-4)
        (hit,) = index.search(expected.vectors[3], 1, EVERYTHING)
        assert (hit.photo_id, best_box(stored[photo], expected.vectors[3])) == (photo, expected.boxes[3])


class _PartlyPointless:
    """Of every photo two regions beside the whole, of which the first is of no use; of the second photo nothing is."""

    def embed(self, photos):
        vectors = np.eye(3, 1280, dtype=np.float32)
        broken = vectors * np.array([[1], [0], [1]], np.float32)
        boxes = (WHOLE, Box(0, 0, 0.5, 1), Box(0.5, 0, 1, 1))
        return [Regions(boxes, broken[::-1] * 0 if row == 1 else broken) for row in range(len(photos))]


def test_a_region_that_says_nothing_is_left_out_and_its_photo_is_not(
    catalog, blobs, settings, collection, regional, indexes
):
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(3)])
    embedder = Embedder(catalog, blobs, indexes, settings, regional, ENCODER.input_size, _PartlyPointless(), 32, 300)
    report = embedder.work(seconds=60)
    assert (report.indexed, report.failed) == (2, 1)
    assert "can make nothing of this photo" in str(_states(catalog)[photos[1]][1])
    stored = indexes.of(regional).regions(photos)
    assert {photo: each.boxes for photo, each in stored.items()} == {
        photo: (WHOLE, Box(0.5, 0, 1, 1)) for photo in (photos[0], photos[2])
    }


def test_urgent_photos_are_leased_first(catalog, blobs, settings, collection, space):
    add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    (urgent,) = add_photos(catalog, blobs, settings, collection, [jpeg(2)], priority=10)
    with catalog.transaction() as session:
        assert [p.photo_id for p in lease(session, space.id, "me", settings, 1)] == [urgent]


def test_a_lease_belongs_to_one_worker_until_it_runs_out(catalog, blobs, settings, collection, space):
    (photo,) = add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    with catalog.transaction() as session:
        assert lease(session, space.id, "first", settings, 32)
    with catalog.transaction() as session:
        assert lease(session, space.id, "second", settings, 32) == []
    _expire(catalog)
    with catalog.transaction() as session:
        assert [p.photo_id for p in lease(session, space.id, "second", settings, 32)] == [photo]


def test_a_photo_that_stops_the_worker_every_time_fails_and_says_so(catalog, blobs, settings, collection, space):
    (photo,) = add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    for _ in range(settings.max_attempts):
        with catalog.transaction() as session:
            assert lease(session, space.id, "doomed", settings, 32)
        _expire(catalog)
    with catalog.transaction() as session:
        assert lease(session, space.id, "next", settings, 32) == []
    state, error = _states(catalog)[photo]
    assert state == "failed"
    assert error is not None
    assert f"{settings.max_attempts} times" in error


def test_a_photo_whose_worker_stopped_is_leased_alone_from_then_on(catalog, blobs, settings, collection, space):
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(3)])
    with catalog.transaction() as session:
        assert [p.is_suspect for p in lease(session, space.id, "stopped", settings, 32)] == [False] * 3
    for _ in range(settings.max_attempts - 1):
        _expire(catalog)
        with catalog.transaction() as session:
            leased = lease(session, space.id, "careful", settings, 32)
        assert [(p.photo_id, p.is_suspect) for p in leased] == [(photos[0], True)]


def test_suspects_hold_nobody_back(catalog, blobs, settings, collection, space):
    """One after the other in their turn, alone; then the others are taken as many as ever."""
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(6)])
    _set_attempts(catalog, photos[:2], 1)
    with catalog.transaction() as session:
        taken = [[photo.photo_id for photo in lease(session, space.id, "worker", settings, 3)] for _ in range(4)]
    assert taken == [photos[:1], photos[1:2], photos[2:5], photos[5:]]


def test_neighbours_before_a_suspect_are_taken_without_it(catalog, blobs, settings, collection, space):
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(3)])
    _set_attempts(catalog, photos[1:2], 1)
    with catalog.transaction() as session:
        taken = [[photo.photo_id for photo in lease(session, space.id, "worker", settings, 3)] for _ in range(3)]
    assert taken == [photos[:1], photos[1:2], photos[2:]]


def test_a_worker_that_holds_others_leases_no_suspect(catalog, blobs, settings, collection, space):
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(3)])
    _set_attempts(catalog, photos[1:2], 1)
    with catalog.transaction() as session:
        taken = [lease(session, space.id, "worker", settings, 3, holds_others=True) for _ in range(2)]
    assert [[photo.photo_id for photo in photos] for photos in taken] == [photos[:1], []]


class _Watching:
    """E2, which notes how many photos are leased whenever it embeds some."""

    def __init__(self, catalog: Catalog, encoder: RegionEncoder) -> None:
        self._catalog, self._encoder = catalog, encoder
        self.seen: list[tuple[int, int]] = []
        """Photos in the batch, and photos leased then."""

    def embed(self, photos):
        leased = sum(state == "leased" for state, _ in _states(self._catalog).values())
        self.seen.append((len(photos), leased))
        return self._encoder.embed(photos)


def test_whatever_stops_a_worker_at_a_suspect_stops_it_at_no_other_photo(
    catalog, blobs, settings, collection, space, indexes, photo_encoder
):
    """Neither at one that is decoded ahead nor at one that is still being written: they would fail with it."""
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(9)])
    _set_attempts(catalog, photos[3:5], 1)
    encoder = _Watching(catalog, photo_encoder)
    report = Embedder(catalog, blobs, indexes, settings, space, ENCODER.input_size, encoder, 2).work(seconds=60)
    assert report.indexed == 9
    assert [batch for batch, _ in encoder.seen] == [2, 1, 1, 1, 2, 2]
    assert [leased for _, leased in encoder.seen[2:4]] == [1, 1]
    assert encoder.seen[0] == (2, 3), "the next batch is decoded ahead where nothing is suspected"


def _set_attempts(catalog: Catalog, photos: list[int], attempts: int) -> None:
    with catalog.transaction() as session:
        session.execute(update(Embedding).where(Embedding.photo_id.in_(photos)).values(attempts=attempts))


def test_a_worker_that_lost_its_lease_does_not_mark_the_row(catalog, blobs, settings, collection, space, embedder):
    (photo,) = add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    upsert = embedder._upsert

    def steal(vectors):
        upsert(vectors)
        with catalog.transaction() as session:
            session.execute(update(Embedding).values(lease_owner="thief"))

    embedder._upsert = steal
    embedder.work(seconds=60)
    assert _states(catalog)[photo][0] == "leased"


def test_a_slice_that_is_over_gives_its_leases_back_uncounted(
    catalog, blobs, settings, collection, embedder, monkeypatch
):
    add_photos(catalog, blobs, settings, collection, [jpeg(1)])

    def broken_index(*_):
        raise OSError("disk full")

    monkeypatch.setattr(embedder, "_upsert", broken_index)
    with pytest.raises(OSError, match="disk full"):
        embedder.work(seconds=60)
    with catalog.snapshot() as session:
        row = session.scalars(select(Embedding)).one()
    assert (row.state, row.attempts, row.lease_owner) == ("pending", 0, None)


def test_the_start_of_an_embedded_server_frees_all_leases(catalog, blobs, settings, collection, space):
    add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    with catalog.transaction() as session:
        lease(session, space.id, "killed", settings, 32)
    expire_all_leases(catalog)
    assert [s.id for s in spaces_with_work(catalog)] == [space.id]
    with catalog.transaction() as session:
        assert lease(session, space.id, "next", settings, 32)


def test_workers_at_once_never_lease_the_same_photo(any_catalog, settings, blobs):
    catalog = any_catalog
    space = add_space(catalog, ENCODER)
    add_photos(catalog, blobs, settings, add_collection(catalog), [b"%d" % i for i in range(200)])

    def take(worker: int) -> list[int]:
        mine: list[int] = []
        while True:
            with catalog.transaction() as session:
                leased = lease(session, space.id, f"worker {worker}", settings, 7)
            if not leased:
                return mine
            mine += [photo.photo_id for photo in leased]

    with ThreadPoolExecutor(8) as pool:
        taken = [photo for mine in pool.map(take, range(8)) for photo in mine]
    assert len(taken) == len(set(taken)) == 200


def test_a_deleted_photo_is_never_embedded_and_is_purged_with_its_point_and_bytes(
    catalog, blobs, settings, collection, space, indexes, embedder
):
    kept, gone = add_photos(catalog, blobs, settings, collection, [jpeg(1), jpeg(2)])
    embedder.work(seconds=60)
    _delete(catalog, gone)
    assert purge_deleted(catalog, blobs, indexes, settings) == 1
    assert list(indexes.get(space.key, 1280).ids()) == [kept]
    assert len(list(blobs.keys("originals"))) == len(list(blobs.keys("thumbnails"))) == 1
    assert list(_states(catalog)) == [kept]


def test_bytes_that_another_collection_shares_survive(catalog, blobs, settings, collection, indexes):
    (gone,) = add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    add_photos(catalog, blobs, settings, add_collection(catalog, "Other"), [jpeg(1)])
    _delete(catalog, gone)
    purge_deleted(catalog, blobs, indexes, settings)
    assert len(list(blobs.keys("originals"))) == 1


def _expire(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        session.execute(
            update(Embedding)
            .where(Embedding.state == EmbeddingState.LEASED)
            .values(lease_until=now() - timedelta(seconds=1))
        )


def _delete(catalog: Catalog, photo_id: int) -> None:
    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id == photo_id).values(deleted_at=now()))


def test_blobs_of_a_memory_store_are_decoded_too(catalog, settings, collection, space, indexes, photo_encoder):
    blobs = BlobStore("memory://embed-test")
    add_photos(catalog, blobs, settings, collection, [jpeg(1)])
    embedder = Embedder(catalog, blobs, indexes, settings, space, ENCODER.input_size, photo_encoder, 32)
    assert embedder.work(seconds=60).indexed == 1


def test_an_original_that_cannot_be_read_fails_alone(catalog, blobs, settings, collection, embedder):
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(3)])
    with catalog.snapshot() as session:
        sha256 = session.get(Photo, photos[1]).sha256
    original = blobs.local_path(original_key(sha256))
    original.unlink()
    original.symlink_to("/proc/self/mem")  # as a damaged disk does, it opens, and answers EIO where it is read
    report = embedder.work(seconds=60)
    assert (report.indexed, report.failed) == (2, 1)
    state, reason = _states(catalog)[photos[1]]
    assert state == "failed"
    assert reason is not None
    assert "Input/output error" in reason
    assert "Check the disk" in reason


def test_a_store_that_is_away_fails_no_photo(
    catalog, blobs, settings, collection, space, indexes, embedder, monkeypatch
):
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(2)])

    def away(*_):
        raise OSError("The blob store cannot be reached")

    with monkeypatch.context() as patched:
        patched.setattr(BlobStore, "local_path", away)
        patched.setattr(BlobStore, "check_reachable", away)
        with pytest.raises(OSError, match="cannot be reached"):
            embedder.work(seconds=60)
    assert {state for state, _ in _states(catalog).values()} == {"pending"}
    assert embedder.work(seconds=60).indexed == len(photos)
