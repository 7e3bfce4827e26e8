"""Why photos wait to be embedded, as the one who waits may be told."""

from __future__ import annotations

from sqlalchemy.orm import Session

from mindreader.catalog import Role, User
from mindreader.errors import Sentence
from mindreader.operations.worker_status import queue_is_served, trouble_of
from mindreader_workers.celery_app import EMBED_QUEUE

_NOBODY = Sentence("No worker prepares photos for searching at the moment. Tell an administrator if this stays.")
_FOR_MEMBERS = Sentence("Photos have to wait: something is wrong with the server. Tell an administrator.")


def embedding_trouble(session: Session, user: User) -> str | None:
    """What keeps photos from being embedded; None where nothing does.

    Administrators are told what the workers said; others, that it is trouble: it may name folders of the server.
    """
    if not queue_is_served(session, EMBED_QUEUE):
        return _NOBODY
    said = trouble_of(session, EMBED_QUEUE)
    return said if said is None or user.role == Role.ADMIN else _FOR_MEMBERS
