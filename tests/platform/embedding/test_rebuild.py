"""A damaged index is set aside once, whatever happens in between, and a job fills another one."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import func, select, update

from mindreader.catalog import Embedding, EmbeddingSpace, EmbeddingState, Job, JobState
from mindreader.embedding.jobs import jobs, start_job
from mindreader.embedding.queue import URGENT
from mindreader.embedding.rebuild import is_being_rebuilt, rebuild_damaged
from mindreader.embedding.spaces import is_open
from mindreader.errors import DamagedIndexError, NotReadyError
from mindreader.operations.doctor import diagnose
from mindreader.photo_index import IndexPoint, PhotoIndexes, edge
from tests.support.damage import cut_short
from tests.support.library import add_collection, add_photos, jpeg

PHOTOS = 3


@pytest.fixture
def space(catalog, blobs, settings, indexes, space_id):
    """A space with three indexed photos, whose index is closed again."""
    with catalog.snapshot() as session:
        space = session.get(EmbeddingSpace, space_id)
    photos = add_photos(
        catalog, blobs, settings, add_collection(catalog), [jpeg(i) for i in range(PHOTOS)], priority=URGENT
    )
    index = indexes.get(space.key, space.dimension)
    index.upsert([IndexPoint(photo, np.ones(space.dimension, np.float32), 1) for photo in photos])
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    indexes.close()
    return space


@pytest.fixture
def damaged(space, settings):
    for status in (settings.index_dir / space.key).rglob("vectors/status.dat"):
        cut_short(status)
    return space


def _aside(settings):
    return sorted(path.name for path in settings.index_dir.glob("*.damaged-*"))


def _pending(catalog):
    with catalog.snapshot() as session:
        rows = select(func.count()).select_from(Embedding).where(Embedding.state == EmbeddingState.PENDING)
        return session.scalar(rows)


def test_what_it_held_is_queued_again_by_a_job_that_says_so(damaged, catalog, indexes, settings):
    assert rebuild_damaged(catalog, indexes) == [damaged.key]
    (aside,) = _aside(settings)
    assert list((settings.index_dir / aside).rglob("vectors/status.dat")), "nothing was deleted"
    with catalog.snapshot() as session:
        (view,) = jobs(session)
        assert view.set_aside == aside
        assert (view.counts.pending, view.counts.total) == (PHOTOS, PHOTOS)
        assert set(session.scalars(select(Embedding.priority))) == {0}, "uploads go first"
        assert is_being_rebuilt(session, damaged.id)
    assert indexes.get(damaged.key, damaged.dimension).count() == 0


def test_it_is_done_once(damaged, catalog, indexes, settings):
    rebuild_damaged(catalog, indexes)
    assert rebuild_damaged(catalog, indexes) == []
    indexes.close()
    another = PhotoIndexes(settings)
    assert rebuild_damaged(catalog, another) == []
    another.close()
    assert len(_aside(settings)) == 1
    with catalog.snapshot() as session:
        assert len(jobs(session)) == 1


def test_a_whole_index_stays(space, catalog, indexes, settings):
    assert rebuild_damaged(catalog, indexes) == []
    assert _aside(settings) == []
    assert indexes.get(space.key, space.dimension).count() == PHOTOS


def test_who_only_reads_sets_nothing_aside(damaged, indexes, settings):
    for _ in range(2):
        with pytest.raises(DamagedIndexError):
            indexes.get(damaged.key, damaged.dimension)
    assert _aside(settings) == []


def test_a_worker_that_ended_after_renaming_is_made_good(damaged, catalog, indexes, settings):
    """The catalog could not be reached then, or the machine lost power."""
    edge.set_edge_index_aside(settings.index_dir / damaged.key, damaged.dimension)
    assert indexes.get(damaged.key, damaged.dimension).count() == 0, "a new index is open already"
    assert rebuild_damaged(catalog, indexes) == [damaged.key]
    assert _pending(catalog) == PHOTOS
    assert len(_aside(settings)) == 1


def test_a_catalog_that_is_away_is_asked_again(damaged, catalog, indexes, settings, monkeypatch):
    class AwayError(Exception):
        pass

    def away():
        raise AwayError

    with monkeypatch.context() as broken:
        broken.setattr(catalog, "transaction", away)
        with pytest.raises(AwayError):
            rebuild_damaged(catalog, indexes)
    with pytest.raises(DamagedIndexError):
        indexes.get(damaged.key, damaged.dimension)
    assert rebuild_damaged(catalog, indexes) == [damaged.key]
    assert _pending(catalog) == PHOTOS
    assert len(_aside(settings)) == 1


def test_where_no_index_can_be_made_the_folder_stays(damaged, catalog, indexes, settings, monkeypatch):
    """A full disk, or an engine that cannot work here at all, says nothing about the folder."""
    with monkeypatch.context() as full, pytest.raises(NotReadyError):
        full.setattr(edge, "_free_bytes", lambda folder: 0 if folder.name.startswith(".") else 2**40)
        rebuild_damaged(catalog, indexes)
    assert _aside(settings) == []
    assert _pending(catalog) == 0
    assert rebuild_damaged(catalog, indexes) == [damaged.key]


def test_damage_in_one_space_does_not_keep_another_from_being_seen_to(damaged, catalog, indexes, settings):
    held = edge.EdgePhotoIndex(settings.index_dir / "0123456789abcdef", 8)
    with catalog.transaction() as session:
        session.add(
            EmbeddingSpace(
                key="0123456789abcdef",
                photo_encoder="other",
                dimension=8,
                description={},
                opened_at=damaged.opened_at,
            )
        )
    with pytest.raises(Exception, match="already open"):
        rebuild_damaged(catalog, indexes)
    assert _pending(catalog) == PHOTOS
    held.close()


def test_an_engine_that_fails_twice_in_an_open_index_is_believed(space, catalog, indexes, settings):
    for _ in range(2):
        index = indexes.get(space.key, space.dimension)
        index.failure = "it panicked"
    assert rebuild_damaged(catalog, indexes) == [space.key]
    assert len(_aside(settings)) == 1


def test_a_job_somebody_asked_for_replaces_no_index(catalog, space_id):
    with catalog.transaction() as session:
        space = session.get(EmbeddingSpace, space_id)
        space.opened_at = None
        session.flush()
        start_job(session, space_id, None)
    with catalog.snapshot() as session:
        (view,) = jobs(session)
        assert view.set_aside is None
        assert is_open(view.job.space)
        assert not is_being_rebuilt(session, space_id)


def test_the_rebuilding_ends_with_its_job(damaged, catalog, indexes):
    rebuild_damaged(catalog, indexes)
    with catalog.transaction() as session:
        session.execute(update(Job).values(state=JobState.COMPLETED))
    with catalog.snapshot() as session:
        assert not is_being_rebuilt(session, damaged.id)


def test_the_doctor_names_a_damaged_index_and_goes_on(damaged, catalog, blobs, indexes, settings):
    found = {finding.kind: finding for finding in diagnose(catalog, blobs, indexes, settings, repair=False)}
    assert found["damaged-index"].repaired is False
    assert _aside(settings) == []
    found = {finding.kind: finding for finding in diagnose(catalog, blobs, indexes, settings, repair=True)}
    assert found["damaged-index"].repaired is True
    assert len(_aside(settings)) == 1
    assert _pending(catalog) == PHOTOS
