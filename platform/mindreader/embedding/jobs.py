"""Jobs: a whole library embedded in one space, watched, paused, resumed, cancelled, and its failures looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session, contains_eager, joinedload

from mindreader.catalog import Catalog, Embedding, EmbeddingState, Job, JobState, Photo, User
from mindreader.catalog.models import now
from mindreader.embedding import queue
from mindreader.embedding.rebuild import set_aside_as
from mindreader.embedding.spaces import ONGOING, SpaceCounts, open_space, recent_rate, request_drop, space_counts
from mindreader.errors import ConflictError, NotFoundError, Sentence
from mindreader.paging import Page, read_page

_GAVE_UP = (EmbeddingState.FAILED, EmbeddingState.SKIPPED)


@dataclass(frozen=True)
class JobView:
    """A job and how far it is, or how far it had come when it ended. Its space is loaded."""

    job: Job
    counts: SpaceCounts
    photos_per_second: float
    """Over the last minute, uploads included."""

    @property
    def set_aside(self) -> str | None:
        """The folder of a damaged index that the job replaces; None where somebody wants the space built."""
        return set_aside_as(self.job)

    @property
    def seconds_left(self) -> float | None:
        """At that rate; None when nothing moves."""
        return self.counts.waiting / self.photos_per_second if self.photos_per_second else None

    @property
    def waiting(self) -> int:
        """Photos that the job will still embed; none once it has ended."""
        return self.counts.waiting if self.job.state in ONGOING else 0


@dataclass(frozen=True)
class FailedPhoto:
    """A photo that could not be embedded, and why. Its collection is loaded."""

    photo: Photo
    reason: str
    attempts: int
    skipped: bool


def start_job(session: Session, space_id: int, user: User | None) -> Job:
    """Open a space and embed every photo in it.

    Raises:
        NotFoundError, ConflictError: as `open_space`.
    """
    space = open_space(session, space_id)
    last = session.scalar(select(func.max(Photo.id))) or 0
    job = Job(space=space, state=JobState.RUNNING, last_photo_id=last, requested_by_id=user.id if user else None)
    session.add(job)
    session.flush()
    return job


def jobs(session: Session) -> list[JobView]:
    """All jobs, the newest first."""
    rows = session.scalars(select(Job).options(joinedload(Job.space)).order_by(Job.id.desc())).all()
    return [_view(session, job) for job in rows]


def job_view(session: Session, job_id: int) -> JobView:
    """One job.

    Raises:
        NotFoundError: there is none of that id.
    """
    return _view(session, _job(session, job_id))


def pause_job(session: Session, job_id: int) -> None:
    """Stop embedding the job's photos; uploads go on. Batches being embedded now are finished.

    Raises:
        NotFoundError: there is no such job.
        ConflictError: it is not running.
    """
    _move(session, job_id, (JobState.RUNNING,), JobState.PAUSED, Sentence("Only a running job can be paused."))


def resume_job(session: Session, job_id: int) -> None:
    """Go on with a paused job.

    Raises:
        NotFoundError: there is no such job.
        ConflictError: it is not paused.
    """
    _move(session, job_id, (JobState.PAUSED,), JobState.RUNNING, Sentence("Only a paused job can be resumed."))


def cancel_job(session: Session, job_id: int) -> None:
    """Give the job up: its space is dropped with everything embedded in it so far.

    Raises:
        NotFoundError: there is no such job.
        ConflictError: it has ended, or the active model version searches its space.
    """
    job = _job(session, job_id)
    if job.state not in ONGOING:
        raise ConflictError("This job has ended. To free its index, drop its embedding space.")
    request_drop(session, job.space_id)


def failed_photos(session: Session, job_id: int, *, after: int, limit: int) -> Page[FailedPhoto]:
    """The job's failed and skipped photos with an id above `after`, by id.

    Raises:
        NotFoundError: there is no such job.
    """
    job = _job(session, job_id)
    query = (
        select(Embedding, Photo)
        .join(Embedding.photo)
        .join(Photo.collection)
        .where(*_of_job(job), _gave_up(), Photo.id > after)
        .order_by(Photo.id)
        .options(contains_eager(Embedding.photo).contains_eager(Photo.collection))
    )
    page = read_page(session, query, limit, lambda row: row.Photo.id)
    return page.map(lambda row: _failed_photo(row.Embedding, row.Photo))


def retry_failed(session: Session, job_id: int, photo_id: int | None = None) -> int:
    """Queue the job's failed photos again with all their attempts, or only one; returns how many.

    A job that was done runs again until they are.

    Raises:
        NotFoundError: there is no such job.
        ConflictError: it was cancelled, or nothing of it has failed.
    """
    job = _job(session, job_id)
    _check_not_cancelled(job)
    again = queue.requeue(session, _failed(session, job, photo_id), _GAVE_UP, space_id=job.space_id)
    if job.state == JobState.COMPLETED:
        job.state, job.finished_at, job.final_counts = JobState.RUNNING, None, None
    return again


def skip_failed(session: Session, job_id: int, photo_id: int | None = None) -> int:
    """Leave the job's failed photos out for good, or only one; returns how many. Retrying takes them back.

    Raises:
        NotFoundError: there is no such job.
        ConflictError: it was cancelled, or nothing of it has failed.
    """
    job = _job(session, job_id)
    _check_not_cancelled(job)
    skipped = queue.skip(session, job.space_id, _failed(session, job, photo_id))
    if job.final_counts is not None:
        was = SpaceCounts(**job.final_counts)
        moved = min(skipped, was.failed)
        job.final_counts = asdict(replace(was, failed=was.failed - moved, skipped=was.skipped + moved))
    return skipped


def finish_jobs(catalog: Catalog) -> None:
    """Complete the running jobs none of whose photos wait any more."""
    with catalog.snapshot() as session:
        running = session.scalars(select(Job).where(Job.state == JobState.RUNNING)).all()
        done = [job.id for job in running if not space_counts(session, job.space_id, job.last_photo_id).waiting]
    if not done:
        return
    with catalog.transaction() as session:
        for job in session.scalars(select(Job).where(Job.id.in_(done)).with_for_update()):
            counts = space_counts(session, job.space_id, job.last_photo_id)
            if job.state == JobState.RUNNING and not counts.waiting:
                job.state, job.finished_at, job.final_counts = JobState.COMPLETED, now(), asdict(counts)


def _view(session: Session, job: Job) -> JobView:
    if job.final_counts is not None:
        return JobView(job, SpaceCounts(**job.final_counts), 0.0)
    if job.state == JobState.CANCELLED:
        return JobView(job, SpaceCounts(), 0.0)
    rate = recent_rate(session, job.space_id) if job.state == JobState.RUNNING else 0.0
    return JobView(job, space_counts(session, job.space_id, job.last_photo_id), rate)


def _job(session: Session, job_id: int) -> Job:
    job = session.get(Job, job_id, options=[joinedload(Job.space)])
    if job is None:
        raise NotFoundError("There is no such job.")
    return job


def _move(session: Session, job_id: int, allowed: Sequence[JobState], to: JobState, otherwise: Sentence) -> None:
    job = _job(session, job_id)
    moved = session.scalars(
        update(Job).where(Job.id == job.id, Job.state.in_(allowed)).values(state=to).returning(Job.id)
    ).all()
    if not moved:
        raise ConflictError(otherwise)


def _check_not_cancelled(job: Job) -> None:
    if job.state == JobState.CANCELLED:
        raise ConflictError("This job was cancelled, and what it had done is gone. Build its embedding space again.")


def _of_job(job: Job) -> tuple[ColumnElement[bool], ...]:
    return (Embedding.space_id == job.space_id, Embedding.photo_id <= job.last_photo_id, Photo.deleted_at.is_(None))


def _failed(session: Session, job: Job, photo_id: int | None) -> list[int]:
    """The job's photos that were given up, or the one asked for if it was.

    Raises:
        ConflictError: there is none.
    """
    wanted = select(Photo.id).join(Embedding, Embedding.photo_id == Photo.id).where(*_of_job(job), _gave_up())
    if photo_id is not None:
        wanted = wanted.where(Photo.id == photo_id)
    found = list(session.scalars(wanted))
    if not found:
        raise ConflictError("No such photo of this job has failed, so there is nothing to do.")
    return found


def _failed_photo(embedding: Embedding, photo: Photo) -> FailedPhoto:
    skipped = embedding.state == EmbeddingState.SKIPPED
    return FailedPhoto(photo, embedding.error or "", embedding.attempts, skipped)


def _gave_up() -> ColumnElement[bool]:
    return Embedding.state.in_(_GAVE_UP)
