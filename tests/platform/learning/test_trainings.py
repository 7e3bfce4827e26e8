"""The states of a training, on SQLite and PostgreSQL."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from mindreader.catalog import Embedding, ModelVersion, Training, TrainingState
from mindreader.catalog.models import now
from mindreader.embedding.queue import enqueue_missing
from mindreader.errors import ConflictError, NotFoundError
from mindreader.learning import trainings
from mindreader.model_versions import registry
from tests.platform.learning.conftest import LEAST
from tests.support.bundles import register_and_open
from tests.support.library import add_collection, add_photos, jpeg


def change(catalog, action, *arguments, **named):
    with catalog.transaction() as session:
        return action(session, *arguments, **named)


@pytest.fixture
def version(any_catalog, blobs, settings, make_bundle):
    """Active, with just enough photos in its index."""
    made = register_and_open(any_catalog, blobs, settings, make_bundle("first"))
    add_photos(any_catalog, blobs, settings, add_collection(any_catalog), [jpeg(i) for i in range(LEAST)])
    with any_catalog.transaction() as session:
        registry.activate(session, made.id, incomplete=True)
        session.execute(update(Embedding).values(state="indexed"))
    return made


def test_one_at_a_time_from_the_active_version(any_catalog, version):
    with any_catalog.snapshot() as session:
        seen = trainings.prospect(session)
    assert (seen.photos, seen.hindrance, seen.seconds) == (LEAST, None, None)
    started = change(any_catalog, trainings.start_training, None)
    assert (started.state, started.ongoing) == ("running", True)
    with any_catalog.snapshot() as session:
        assert trainings.training_by_id(session, started.id).from_version_id == version.id
    with pytest.raises(ConflictError, match="being learned already"):
        change(any_catalog, trainings.start_training, None)
    change(any_catalog, trainings.cancel_training)
    change(any_catalog, trainings.start_training, None)


def test_how_long_it_takes_follows_from_how_fast_the_encoder_is(any_catalog, version):
    with any_catalog.transaction() as session:
        registry.version_by_id(session, version.id).space.photos_per_second = 25.0
    with any_catalog.snapshot() as session:
        assert trainings.prospect(session).seconds == pytest.approx(trainings._PASSES / 25)


def test_what_cannot_be_learned_is_refused_with_what_to_do(catalog, blobs, settings, make_bundle):
    with pytest.raises(ConflictError, match=r"No model version is active\. Activate one"):
        change(catalog, trainings.start_training, None)
    version = register_and_open(catalog, blobs, settings, make_bundle("first"))
    change(catalog, registry.activate, version.id)
    with pytest.raises(ConflictError, match=rf"too small .* 0 photos .* {LEAST} are the fewest .* Upload more photos"):
        change(catalog, trainings.start_training, None)
    photos = add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(i) for i in range(LEAST)])
    with pytest.raises(ConflictError, match="too small"):
        change(catalog, trainings.start_training, None)  # none is embedded yet
    assert len(photos) == LEAST
    with catalog.transaction() as session:
        registry.version_by_id(session, version.id).space.opened_at = None
        enqueue_missing(session, version.space_id)
    with pytest.raises(ConflictError, match=r"not built\. Build it first"):
        change(catalog, trainings.start_training, None)


def test_pause_resume_and_cancel(any_catalog, version):
    for action in (trainings.pause_training, trainings.resume_training, trainings.cancel_training):
        with pytest.raises(NotFoundError, match="Nothing is being learned"):
            change(any_catalog, action)
    started = change(any_catalog, trainings.start_training, None)
    with pytest.raises(ConflictError, match="Only what is paused"):
        change(any_catalog, trainings.resume_training)
    change(any_catalog, trainings.pause_training)
    assert change(any_catalog, trainings.lease_training, "me") is None
    with pytest.raises(ConflictError, match="Only what is running"):
        change(any_catalog, trainings.pause_training)
    change(any_catalog, trainings.resume_training)
    assert change(any_catalog, trainings.lease_training, "me").id == started.id
    change(any_catalog, trainings.cancel_training)
    assert change(any_catalog, trainings.lease_training, "me") is None
    with any_catalog.snapshot() as session:
        ended = trainings.training_by_id(session, started.id)
        assert trainings.ended_trainings(session, [started.id, 999]) == {started.id, 999}
    assert (ended.state, ended.ongoing) == ("cancelled", False)
    assert ended.finished_at is not None
    assert not change(any_catalog, trainings.end_training, started.id, TrainingState.COMPLETED)


def test_one_learner_holds_it_until_its_lease_runs_out(any_catalog, version):
    started = change(any_catalog, trainings.start_training, None)
    assert change(any_catalog, trainings.lease_training, "me").id == started.id
    assert change(any_catalog, trainings.lease_training, "other") is None
    change(any_catalog, trainings.note_progress, started.id, "other", "training", 1, 9)
    with any_catalog.snapshot() as session:
        assert trainings.training_by_id(session, started.id).step == 0
    change(any_catalog, trainings.note_progress, started.id, "me", "training", 2, 9, 7.0)
    with any_catalog.snapshot() as session:
        seen = trainings.training_by_id(session, started.id)
    assert (seen.stage, seen.step, seen.steps, seen.seconds_left) == ("training", 2, 9, 7.0)
    with any_catalog.transaction() as session:
        session.execute(update(Training).values(lease_until=now() - timedelta(seconds=1)))
    assert change(any_catalog, trainings.lease_training, "other").id == started.id
    change(any_catalog, trainings.give_back, "other")
    assert change(any_catalog, trainings.lease_training, "me").id == started.id
    trainings.expire_training_leases(any_catalog)
    assert change(any_catalog, trainings.lease_training, "other").id == started.id


def test_a_training_outlives_the_versions_it_names(any_catalog, version):
    started = change(any_catalog, trainings.start_training, None)
    with any_catalog.transaction() as session:
        session.get(ModelVersion, version.id).active = False
    change(any_catalog, registry.remove_version, version.id)
    with any_catalog.snapshot() as session:
        assert trainings.training_by_id(session, started.id).from_version is None
    with pytest.raises(NotFoundError):
        change(any_catalog, trainings.training_by_id, 999)
