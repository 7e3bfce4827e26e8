"""Jobs on the real catalog; a stand-in for E2 that is quick, because nothing here depends on what it sees."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select, update

from mindreader.catalog import Embedding, EmbeddingSpace, Job, Photo
from mindreader.catalog.models import now
from mindreader.embedding import jobs, spaces
from mindreader.embedding.embedder import Embedder
from mindreader.embedding.queue import URGENT, lease, spaces_with_work
from mindreader.errors import ConflictError, NotFoundError
from mindreader.model_versions import registry as models
from tests.support.bundles import register_and_open
from tests.support.library import add_collection, add_photos, jpeg
from tests.support.whole_photos import whole_photos

PHOTOS = 6


class Encoder:
    def embed(self, photos):
        return whole_photos(np.ones((len(photos), 1280)) / np.sqrt(1280))


@pytest.fixture
def new_space(catalog, blobs, settings, make_bundle, space_id):
    """The space of another encoder, known but not built, beside the one in use; six photos wait in the latter."""
    add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(i) for i in range(PHOTOS)])
    bundle = make_bundle("second", "efficientnet-lite2")
    models.bundle_store(settings, blobs).keep(bundle)
    with catalog.transaction() as session:
        return models.register_bundle(session, bundle).space_id


@pytest.fixture
def job_id(catalog, new_space):
    with catalog.transaction() as session:
        return jobs.start_job(session, new_space, None).id


@pytest.fixture
def work(catalog, blobs, indexes, settings):
    def work(space_id, seconds=60.0, batch=32):
        with catalog.snapshot() as session:
            space = session.get(EmbeddingSpace, space_id)
        return Embedder(catalog, blobs, indexes, settings, space, 32, Encoder(), batch).work(seconds)

    return work


def view(catalog, job_id):
    with catalog.snapshot() as session:
        return jobs.job_view(session, job_id)


def change(catalog, action, *arguments):
    with catalog.transaction() as session:
        return action(session, *arguments)


def fail(catalog, space_id, photo_ids, reason="broken"):
    with catalog.transaction() as session:
        rows = update(Embedding).where(Embedding.space_id == space_id, Embedding.photo_id.in_(photo_ids))
        session.execute(rows.values(state="failed", error=reason, attempts=3))


def test_building_queues_every_photo_and_says_what_it_costs(catalog, new_space):
    with catalog.transaction() as session:
        space = session.get(EmbeddingSpace, new_space)
        assert spaces.cost(session, space).seconds is None
        space.photos_per_second, space.encoder_bytes = 3.0, 1000
        cost = spaces.cost(session, space)
    assert (cost.photos, cost.seconds) == (PHOTOS, 2.0)
    assert cost.memory_bytes == cost.index_bytes + 1000
    assert cost.index_bytes > PHOTOS * 1280 * 4
    job = change(catalog, jobs.start_job, new_space, None)
    counts = view(catalog, job.id).counts
    assert (counts.total, counts.pending) == (PHOTOS, PHOTOS)
    with pytest.raises(ConflictError, match="built already"):
        change(catalog, jobs.start_job, new_space, None)


def test_an_unknown_space_or_job_is_said_so(catalog):
    with pytest.raises(NotFoundError):
        change(catalog, jobs.start_job, 99, None)
    for action in (jobs.pause_job, jobs.resume_job, jobs.cancel_job, jobs.retry_failed, jobs.skip_failed):
        with pytest.raises(NotFoundError):
            change(catalog, action, 99)


def test_a_job_is_done_when_every_photo_is_indexed_or_failed_with_a_reason(catalog, new_space, job_id, work):
    fail(catalog, new_space, [1])
    jobs.finish_jobs(catalog)
    assert view(catalog, job_id).job.state == "running"
    assert work(new_space).indexed == PHOTOS - 1
    assert view(catalog, job_id).photos_per_second > 0
    jobs.finish_jobs(catalog)
    done = view(catalog, job_id)
    assert (done.job.state, done.counts.indexed, done.counts.failed) == ("completed", PHOTOS - 1, 1)
    assert done.job.finished_at is not None


def test_a_paused_job_stands_still_and_uploads_go_on(catalog, blobs, settings, new_space, job_id, work, space_id):
    work(space_id)
    change(catalog, jobs.pause_job, job_id)
    assert work(new_space).indexed == 0
    assert spaces_with_work(catalog) == []
    add_photos(catalog, blobs, settings, 1, [jpeg(100)], priority=URGENT)
    assert work(new_space).indexed == 1
    assert view(catalog, job_id).counts.pending == PHOTOS
    with pytest.raises(ConflictError, match="Only a running job"):
        change(catalog, jobs.pause_job, job_id)
    change(catalog, jobs.resume_job, job_id)
    assert work(new_space).indexed == PHOTOS
    with pytest.raises(ConflictError, match="Only a paused job"):
        change(catalog, jobs.resume_job, job_id)


def test_uploads_do_not_belong_to_the_job_and_overtake_it(catalog, blobs, settings, new_space, job_id):
    (upload,) = add_photos(catalog, blobs, settings, 1, [jpeg(100)], priority=URGENT)
    assert view(catalog, job_id).counts.total == PHOTOS
    with catalog.transaction() as session:
        first = lease(session, new_space, "worker", settings, 1)
    assert [photo.photo_id for photo in first] == [upload]


def test_a_job_makes_room_when_somebody_waits_for_another_space(
    catalog, blobs, settings, new_space, job_id, work, space_id
):
    work(space_id)
    upload = add_photos(catalog, blobs, settings, 1, [jpeg(100)], priority=URGENT)
    with catalog.transaction() as session:
        session.execute(update(Embedding).where(Embedding.space_id == new_space).values(priority=0))
    assert spaces_with_work(catalog)[0].id == space_id
    report = work(new_space, batch=1)
    assert report.indexed == 1  # the batch it had; then it stops
    assert work(space_id).indexed == len(upload)


def test_two_jobs_take_turns(catalog, new_space, job_id, space_id):
    assert {spaces_with_work(catalog)[0].id for _ in range(40)} == {space_id, new_space}


def test_deleting_photos_in_the_middle_keeps_the_counts_right(catalog, new_space, job_id, work):
    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id.in_([2, 3])).values(deleted_at=now()))
    assert view(catalog, job_id).counts.total == PHOTOS - 2
    work(new_space)
    jobs.finish_jobs(catalog)
    done = view(catalog, job_id)
    assert (done.job.state, done.counts.indexed) == ("completed", PHOTOS - 2)


def test_failed_photos_are_listed_retried_and_skipped(catalog, new_space, job_id, work):
    fail(catalog, new_space, [1, 2, 3], "The file is damaged.")
    work(new_space)
    jobs.finish_jobs(catalog)
    with catalog.snapshot() as session:
        page = jobs.failed_photos(session, job_id, after=0, limit=2)
        assert [photo.photo.id for photo in page.items] == [1, 2]
        assert {photo.reason for photo in page.items} == {"The file is damaged."}
        assert page.next is not None
        rest = jobs.failed_photos(session, job_id, after=page.next, limit=2)
    assert ([photo.photo.id for photo in rest.items], rest.next) == ([3], None)

    assert change(catalog, jobs.skip_failed, job_id, 1) == 1
    assert change(catalog, jobs.retry_failed, job_id, 2) == 1
    now_running = view(catalog, job_id)
    assert (now_running.job.state, now_running.counts.skipped, now_running.counts.pending) == ("running", 1, 1)
    work(new_space)
    jobs.finish_jobs(catalog)
    assert view(catalog, job_id).job.state == "completed"
    assert change(catalog, jobs.retry_failed, job_id) == 2  # the failed one, and the skipped one is taken back
    work(new_space)
    with pytest.raises(ConflictError, match="nothing to do"):
        change(catalog, jobs.retry_failed, job_id)
    with pytest.raises(ConflictError, match="nothing to do"):
        change(catalog, jobs.skip_failed, job_id, 4)


def test_a_cancelled_job_frees_its_index_and_can_be_started_anew(catalog, new_space, job_id, work, indexes, settings):
    work(new_space)
    key = _key(catalog, new_space)
    assert (settings.index_dir / key).exists()
    change(catalog, jobs.cancel_job, job_id)
    with pytest.raises(ConflictError, match="still being removed"):
        change(catalog, jobs.start_job, new_space, None)
    assert spaces.drop_requested(catalog, indexes) == [key]
    assert not (settings.index_dir / key).exists()
    with pytest.raises(ConflictError, match="ended"):
        change(catalog, jobs.cancel_job, job_id)
    with pytest.raises(ConflictError, match="cancelled"):
        change(catalog, jobs.retry_failed, job_id)
    again = change(catalog, jobs.start_job, new_space, None)
    assert work(new_space).indexed == PHOTOS
    assert view(catalog, again.id).counts.indexed == PHOTOS


def test_an_index_is_not_removed_under_a_worker_that_writes_to_it(catalog, new_space, job_id, indexes, settings):
    with catalog.transaction() as session:
        lease(session, new_space, "worker", settings, 32)
    change(catalog, jobs.cancel_job, job_id)
    assert spaces.drop_requested(catalog, indexes) == []
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(lease_until=now() - timedelta(seconds=1)))
    assert len(spaces.drop_requested(catalog, indexes)) == 1
    with catalog.snapshot() as session:
        assert session.scalars(select(Embedding).where(Embedding.space_id == new_space)).all() == []


def numbers(catalog, job_id):
    counts = view(catalog, job_id).counts
    return counts.indexed, counts.failed, counts.skipped, counts.total


def test_a_job_that_ended_keeps_its_numbers_whatever_becomes_of_its_space(catalog, new_space, job_id, work, indexes):
    fail(catalog, new_space, [1, 2])
    work(new_space)
    jobs.finish_jobs(catalog)
    done = (PHOTOS - 2, 2, 0, PHOTOS)
    assert numbers(catalog, job_id) == done
    with catalog.transaction() as session:  # as when its index is rebuilt, or a photo is tried again elsewhere
        session.execute(update(Embedding).where(Embedding.space_id == new_space).values(state="pending"))
    assert numbers(catalog, job_id) == done
    assert view(catalog, job_id).waiting == 0
    change(catalog, spaces.request_drop, new_space)
    spaces.drop_requested(catalog, indexes)
    assert numbers(catalog, job_id) == done
    second = change(catalog, jobs.start_job, new_space, None).id
    assert view(catalog, second).waiting == PHOTOS
    change(catalog, jobs.cancel_job, second)
    assert numbers(catalog, second) == (0, 0, 0, PHOTOS)
    assert view(catalog, second).waiting == 0
    assert numbers(catalog, job_id) == done


def test_skipping_and_retrying_change_the_numbers_of_a_job_that_ended(catalog, new_space, job_id, work):
    fail(catalog, new_space, [1, 2])
    work(new_space)
    jobs.finish_jobs(catalog)
    assert change(catalog, jobs.skip_failed, job_id, 1) == 1
    assert numbers(catalog, job_id) == (PHOTOS - 2, 1, 1, PHOTOS)
    assert change(catalog, jobs.retry_failed, job_id) == 2
    assert view(catalog, job_id).waiting == 2
    work(new_space)
    jobs.finish_jobs(catalog)
    assert numbers(catalog, job_id) == (PHOTOS, 0, 0, PHOTOS)


def test_a_job_that_ended_under_an_older_version_is_counted(catalog, new_space, job_id, work):
    work(new_space)
    jobs.finish_jobs(catalog)
    with catalog.transaction() as session:
        session.execute(update(Job).values(final_counts=None))
    assert numbers(catalog, job_id) == (PHOTOS, 0, 0, PHOTOS)


def test_the_space_that_is_searched_is_not_dropped(catalog, blobs, settings, make_bundle, space_id):
    version = register_and_open(catalog, blobs, settings, make_bundle("first"))
    change(catalog, models.activate, version.id)
    with pytest.raises(ConflictError, match="searches this embedding space now"):
        change(catalog, spaces.request_drop, space_id)
    with pytest.raises(NotFoundError):
        change(catalog, spaces.request_drop, 99)


def test_jobs_are_listed_newest_first(catalog, job_id, space_id):
    with catalog.transaction() as session:
        session.add(Job(space_id=space_id, state="completed"))
    with catalog.snapshot() as session:
        assert [each.job.state for each in jobs.jobs(session)] == ["completed", "running"]


def _key(catalog, space_id):
    with catalog.snapshot() as session:
        return session.get(EmbeddingSpace, space_id).key
