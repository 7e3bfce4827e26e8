"""Who works: a worker counts as alive while tasks run in it, not because its process exists."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mindreader.catalog import Catalog, WorkerProcess
from mindreader.catalog.models import now

LATELY = timedelta(seconds=120)
"""Every worker is sent a task twice a minute; one that has done none for so long is not working."""
_FORGOTTEN = timedelta(days=1)
_LONGEST_ERROR = 1000


@dataclass
class Heartbeat:
    """A worker's own row."""

    queue: str
    device: str
    name: str = ""
    stage_seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name it after its machine and process, unless it has a name."""
        self.name = self.name or f"{self.queue}@{socket.gethostname()}:{os.getpid()}"

    def record(
        self,
        catalog: Catalog,
        *,
        tasks: int = 1,
        photos: int = 0,
        error: str | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        """Note that tasks ran just now: how many photos they indexed, what went wrong in the last one, and the seconds
        each stage took.
        """
        for stage, more in (seconds or {}).items():
            self.stage_seconds[stage] = round(self.stage_seconds.get(stage, 0.0) + more, 3)
        last_error = error[:_LONGEST_ERROR] if error else None
        noted = {"last_task_at": now(), "last_error": last_error}
        stages = dict(self.stage_seconds)
        counted = {"tasks": WorkerProcess.tasks + tasks, "photos": WorkerProcess.photos + photos}
        own = update(WorkerProcess).where(WorkerProcess.name == self.name)
        with catalog.transaction() as session:
            if (
                session.scalars(
                    own.values(**noted, **counted, stage_seconds=stages).returning(WorkerProcess.name)
                ).first()
                is not None
            ):
                return
        # Its first task; of two at once in two threads, one makes the row.
        with suppress(IntegrityError), catalog.transaction() as session:
            session.execute(delete(WorkerProcess).where(WorkerProcess.last_task_at < now() - _FORGOTTEN))
            row = WorkerProcess(name=self.name, queue=self.queue, device=self.device, tasks=tasks, photos=photos)
            row.last_task_at, row.last_error, row.stage_seconds = now(), last_error, stages
            session.add(row)


def forget_workers(catalog: Catalog) -> None:
    """Forget every worker heard of so far: for the start of an embedded server, whose own, which come now, are all."""
    with catalog.transaction() as session:
        session.execute(delete(WorkerProcess))


def workers(session: Session) -> Sequence[WorkerProcess]:
    """All workers heard of in the last day, by queue and name."""
    return session.scalars(select(WorkerProcess).order_by(WorkerProcess.queue, WorkerProcess.name)).all()


def is_alive(worker: WorkerProcess) -> bool:
    """Whether a task ran in it lately; a moment yet to come was noted before the clock was set back."""
    return worker.last_task_at is not None and abs(now() - worker.last_task_at) <= LATELY


def queue_is_served(session: Session, queue: str) -> bool:
    """Whether any worker of a queue works."""
    return bool(_living(session, queue))


def trouble_of(session: Session, queue: str) -> str | None:
    """What the last task of a queue's workers said is wrong, where it is wrong for all that work; None elsewhere."""
    errors = [worker.last_error for worker in _living(session, queue)]
    return errors[0] if errors and all(errors) else None


def _living(session: Session, queue: str) -> list[WorkerProcess]:
    return [worker for worker in workers(session) if worker.queue == queue and is_alive(worker)]
