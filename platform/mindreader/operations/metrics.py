"""Metrics of a running MindReader for its operators, counted from the catalog: no restart can make them wrong."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mindreader.catalog import (
    Collection,
    Embedding,
    EmbeddingSpace,
    EmbeddingState,
    Folder,
    Job,
    ModelVersion,
    Photo,
    User,
    WorkerProcess,
)
from mindreader.catalog.models import now
from mindreader.embedding.queue import URGENT
from mindreader.operations.worker_status import is_alive, workers


@dataclass(frozen=True)
class WorkerMetrics:
    """One worker, of those heard of in the last day."""

    name: str
    queue: str
    alive: bool
    seconds_since_task: float
    tasks: int
    photos: int
    stage_seconds: dict[str, float]


@dataclass(frozen=True)
class Metrics:
    """A moment of the whole installation."""

    photos: int
    bytes: int
    collections: int
    users: int
    embeddings: dict[tuple[str, str], int]
    """Photos by space key and `EmbeddingState`."""
    urgent: int
    """Photos somebody waits for."""
    jobs: dict[str, int]
    """By `JobState`."""
    active_version: str | None
    folders_away: int
    """Folders shown in place whose disk is not there."""
    workers: tuple[WorkerMetrics, ...]


def collect_metrics(session: Session) -> Metrics:
    """Count everything."""
    living = Photo.deleted_at.is_(None)
    photos, size = session.execute(
        select(func.count(), func.coalesce(func.sum(Photo.size_bytes), 0)).where(living)
    ).one()
    by_state = (
        select(EmbeddingSpace.key, Embedding.state, func.count())
        .join(EmbeddingSpace, EmbeddingSpace.id == Embedding.space_id)
        .group_by(EmbeddingSpace.key, Embedding.state)
    )
    folder_is_shown = Folder.collection_id.in_(select(Collection.id).where(Collection.deleted_at.is_(None)))
    waiting = (Embedding.state == EmbeddingState.PENDING, Embedding.priority >= URGENT)
    return Metrics(
        photos=photos,
        bytes=int(size),
        collections=_count(session, Collection, Collection.deleted_at.is_(None)),
        users=_count(session, User),
        embeddings={(key, state): count for key, state, count in session.execute(by_state)},
        urgent=_count(session, Embedding, *waiting),
        jobs=dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all()),
        active_version=session.scalar(select(ModelVersion.name).where(ModelVersion.active)),
        folders_away=_count(session, Folder, Folder.offline_reason.is_not(None), folder_is_shown),
        workers=tuple(_of_worker(worker) for worker in workers(session)),
    )


def _count(session: Session, table: type, *where: object) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*where)) or 0  # type: ignore[arg-type]


def _of_worker(worker: WorkerProcess) -> WorkerMetrics:
    last = worker.last_task_at or worker.started_at
    return WorkerMetrics(
        name=worker.name,
        queue=worker.queue,
        alive=is_alive(worker),
        seconds_since_task=max(0.0, (now() - last).total_seconds()),
        tasks=worker.tasks,
        photos=worker.photos,
        stage_seconds=worker.stage_seconds or {},
    )
