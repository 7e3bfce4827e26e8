"""A learner at work, with the real program: it is watched, paused, killed, and its bundle registered."""

import os
import signal

import pytest

from mindreader.catalog import ModelVersion, Training
from mindreader.learning import learner as learners
from mindreader.learning import program, trainings
from mindreader.learning.learner import Learner
from mindreader.learning.task import read_progress
from mindreader.model_versions import registry
from tests.support.services import wait_until

MINIATURE = ("batch=2", "phases.library.steps=3")
LONG = ("batch=2", "phases.library.steps=100000")


@pytest.fixture(autouse=True)
def look_often(monkeypatch):
    monkeypatch.setattr(learners, "_SECONDS_BETWEEN_LOOKS", 0.05)
    monkeypatch.setattr(learners, "_SECONDS_BETWEEN_NOTES", 0.0)
    monkeypatch.setattr(learners, "_NICE", 0)  # beside all other tests, the lowest priority would get nothing done


@pytest.fixture
def make(catalog, blobs, indexes, settings):
    made = []

    def make(*overrides):
        made.append(Learner(catalog, blobs, indexes, settings, overrides))
        return made[-1]

    yield make
    for learner in made:
        learner.rest()


@pytest.fixture
def training_id(catalog, library):
    with catalog.transaction() as session:
        return trainings.start_training(session, None).id


def seen(catalog, training_id):
    with catalog.snapshot() as session:
        return trainings.training_by_id(session, training_id)


def work_until(learner, ready):
    def worked():
        learner.work(0.0)
        return ready()

    wait_until(worked, "the learner", seconds=600)


def folder(settings, training_id):
    return settings.data_dir / "learning" / str(training_id)


def steps_of(settings, training_id):
    progress = read_progress(folder(settings, training_id))
    return progress.step if progress else 0


def test_it_ends_as_a_version_of_the_same_space_beside_the_active_one(catalog, settings, make, library, training_id):
    learner = make(*MINIATURE)
    work_until(learner, lambda: not seen(catalog, training_id).ongoing)
    ended = seen(catalog, training_id)
    assert (ended.state, ended.problem) == ("completed", None)
    with catalog.snapshot() as session:
        version = registry.version_by_id(session, ended.result_version_id)
        active = registry.active_version(session)
    assert active is not None
    assert active.id == library.version.id
    assert version.name == f"untrained · library {training_id}"
    assert version.space_id == library.version.space_id
    assert [each["protocol"]["name"] for each in version.metrics] == ["library"]
    assert {"before", "after"} == set(version.metrics[0]["rows"])
    bundle = registry.bundle_store(settings, learner._blobs).read(version.bundle_sha256, version.name)
    assert bundle.manifest.training.command.startswith("mindreader train --library")
    assert not folder(settings, training_id).exists()
    assert not learner.work(0.0), "there is nothing more to do"


def test_paused_it_stands_still_and_resumed_it_goes_on_where_it_was(catalog, settings, make, training_id):
    learner = make(*LONG)
    work_until(learner, lambda: steps_of(settings, training_id) >= 2)
    with catalog.transaction() as session:
        trainings.pause_training(session)
    pid = learner.pid
    assert not learner.work(0.0)
    assert learner.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert (folder(settings, training_id) / "run" / "checkpoint.pt").exists()
    made = steps_of(settings, training_id)
    with catalog.transaction() as session:
        trainings.resume_training(session)
    work_until(learner, lambda: steps_of(settings, training_id) > made)
    assert seen(catalog, training_id).stage == "training"
    with catalog.transaction() as session:
        trainings.cancel_training(session)
    assert not learner.work(0.0)
    assert not folder(settings, training_id).exists()
    assert seen(catalog, training_id).state == "cancelled"


def test_a_killed_program_is_started_again_and_a_few_times_only(catalog, settings, make, training_id):
    learner = make(*LONG)
    for attempt in range(1, trainings.MOST_ATTEMPTS + 1):
        work_until(learner, lambda: learner.pid is not None)
        os.kill(learner.pid, signal.SIGKILL)
        work_until(learner, lambda expected=attempt: seen(catalog, training_id).attempts == expected)
    ended = seen(catalog, training_id)
    assert ended.state == "failed"
    assert "stopped 3 times" in ended.problem
    assert not folder(settings, training_id).exists()


def test_another_worker_goes_on_where_one_died(catalog, settings, make, training_id):
    first = make(*LONG)
    work_until(first, lambda: (folder(settings, training_id) / "run" / "checkpoint.pt").exists() or stopped(first))
    made = steps_of(settings, training_id)
    # As if its process had ended: the program's input ends with it, and the lease runs out.
    first._program.stop()
    trainings.expire_training_leases(catalog)
    second = make(*LONG)
    work_until(second, lambda: steps_of(settings, training_id) > made)
    assert seen(catalog, training_id).lease_owner == second._owner


def stopped(learner):
    """Have its program write a checkpoint, as one that is paused does."""
    if learner.pid is None or not read_progress(learner._root / str(learner._at)):
        return False
    learner._program.stop()
    return True


def test_what_the_program_says_is_wrong_is_shown(catalog, make, training_id):
    learner = make("no.such.setting=1")
    work_until(learner, lambda: not seen(catalog, training_id).ongoing)
    ended = seen(catalog, training_id)
    assert ended.state == "failed"
    assert "Unknown setting no.such.setting" in ended.problem


def test_a_program_that_breaks_says_why(catalog, make, training_id, monkeypatch):
    monkeypatch.setattr(program, "MODULE", "mindreader.no_such_module")
    learner = make()
    work_until(learner, lambda: not seen(catalog, training_id).ongoing)
    assert "Learning failed: " in seen(catalog, training_id).problem
    assert "no_such_module" in seen(catalog, training_id).problem


def test_without_the_package_a_sentence_says_so(catalog, make, training_id, monkeypatch):
    monkeypatch.setattr(program, "MODULE", "no_such_package.library")
    learner = make()
    work_until(learner, lambda: not seen(catalog, training_id).ongoing)
    assert "lacks the Python package no_such_package" in seen(catalog, training_id).problem


def test_a_version_that_was_removed_ends_it(catalog, make, training_id):
    with catalog.transaction() as session:
        session.query(Training).update({"from_version_id": None})
    learner = make()
    learner.work(0.0)
    assert "was removed" in seen(catalog, training_id).problem


def test_it_learns_for_the_space_with_regions_where_that_is_active(catalog, blobs, settings, library, tmp_path):
    from tests.support.bundles import write_untrained_bundle

    with catalog.transaction() as session:
        regional = registry.add_regions(session, library.version.id, "grid6")
    made = write_untrained_bundle(tmp_path / "made", name="made")
    registry.bundle_store(settings, blobs).keep(made)
    with catalog.transaction() as session:
        original = registry.version_by_id(session, regional.id)
        added = registry.register_successor(session, made, original)
        assert registry.register_successor(session, made, original).id == added.id
        assert session.get(ModelVersion, added.id).space.regions == "grid6"
        assert not added.active


def test_a_bundle_of_another_space_is_no_successor(catalog, library, tmp_path):
    from mindreader.errors import ConflictError
    from tests.support.bundles import write_untrained_bundle

    other = write_untrained_bundle(tmp_path / "other", seed=5)
    with catalog.transaction() as session, pytest.raises(ConflictError, match="not of the space"):
        registry.register_successor(session, other, registry.version_by_id(session, library.version.id))


def test_the_name_tells_which_training_it_is_of():
    name = learners._name(ModelVersion(name="small-2 · library 3 · regions"), 7)
    assert name == "small-2 · library 7"
