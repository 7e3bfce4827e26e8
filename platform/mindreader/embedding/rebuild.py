"""A damaged photo index: set aside, and another one filled from the photos by a job that says so.

No step may be lost, whatever ends the worker in between. The folder is renamed first, after the moment at hand; then
one transaction queues what the index held and makes a job of that very moment. A folder whose moment no job has yet
was renamed by a worker that ended before it came to that.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from mindreader.catalog import Catalog, EmbeddingSpace, EmbeddingState, Job, JobState, Photo
from mindreader.embedding import queue
from mindreader.embedding.spaces import ONGOING, is_open, spaces
from mindreader.errors import DamagedIndexError, MindReaderError
from mindreader.photo_index import PhotoIndexes
from mindreader.photo_index.edge import name_aside

log = logging.getLogger(__name__)

# Asked by every search: put together once.
_ONGOING = select(Job).where(Job.space_id == bindparam("space_id"), Job.state.in_(ONGOING))


def rebuild_damaged(catalog: Catalog, indexes: PhotoIndexes) -> list[str]:
    """Set damaged indexes of open spaces aside and queue their photos again; returns the keys of these spaces.

    For the worker that embeds: it alone writes indexes, and it is between two slices of its work.

    Raises:
        ConflictError, NotReadyError: an index cannot be set aside now, or not be opened; the others were looked after.
    """
    with catalog.snapshot() as session:
        opened = [space for space in spaces(session) if is_open(space)]
    rebuilt: list[str] = []
    problem: MindReaderError | None = None
    for space in opened:
        try:
            if _rebuild_if_damaged(catalog, indexes, space):
                rebuilt.append(space.key)
        except MindReaderError as error:
            problem = error
    if problem is not None:
        raise problem
    return rebuilt


def set_aside_as(job: Job) -> str | None:
    """The name of the folder of the damaged index that a job replaces; None for any other job."""
    return name_aside(job.space.key, job.created_at) if _rebuilds(job) else None


def is_being_rebuilt(session: Session, space_id: int) -> bool:
    """Whether photos of a damaged index still wait to be embedded again."""
    ongoing = session.scalars(_ONGOING, {"space_id": space_id})
    return any(_rebuilds(job) for job in ongoing)


def _rebuilds(job: Job) -> bool:
    """Nobody asked for it, in a full second: the moment its folder is named after."""
    return job.requested_by_id is None and job.created_at.microsecond == 0


def _rebuild_if_damaged(catalog: Catalog, indexes: PhotoIndexes, space: EmbeddingSpace) -> bool:
    try:
        indexes.of(space)
    except DamagedIndexError:
        indexes.set_aside(space.key, space.dimension)
    new = [_queue_again(catalog, space.id, moment) for moment in indexes.were_set_aside(space.key)]
    indexes.reopen(space.key)
    return any(new)


def _queue_again(catalog: Catalog, space_id: int, moment: datetime) -> bool:
    """Queue what the index held that was set aside at this moment, unless that was done."""
    with catalog.snapshot() as session:
        if not _is_news(session, space_id, moment):
            return False
    with catalog.transaction() as session:
        space = session.get(EmbeddingSpace, space_id, with_for_update=True)
        if space is None or not _is_news(session, space_id, moment):
            return False
        queue.requeue_all(session, [EmbeddingState.INDEXED], space_id=space_id, priority=0)
        last = session.scalar(select(func.max(Photo.id))) or 0
        session.add(Job(space_id=space_id, state=JobState.RUNNING, last_photo_id=last, created_at=moment))
    log.warning("Space %s is being rebuilt: its index was set aside as %s", space.key, name_aside(space.key, moment))
    return True


def _is_news(session: Session, space_id: int, moment: datetime) -> bool:
    """Whether this index was one of the space as it is open now, and no job replaces it."""
    opened_at = session.scalar(select(EmbeddingSpace.opened_at).where(EmbeddingSpace.id == space_id))
    known = session.scalar(select(Job.id).where(Job.space_id == space_id, Job.created_at == moment))
    return opened_at is not None and moment >= opened_at.replace(microsecond=0) and known is None
