"""Queue photos for every embedding space in use."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session

from mindreader.catalog import Embedding
from mindreader.use_cases.photos import URGENT
from mindreader.use_cases.spaces import lock_spaces, spaces_in_use


def queue_photos(session: Session, photo_ids: Sequence[int]) -> None:
    """Queue photos somebody waits for, as if they had never been embedded."""
    lock_spaces(session, opening=False)
    session.execute(delete(Embedding).where(Embedding.photo_id.in_(photo_ids)))
    spaces = spaces_in_use(session)
    session.add_all(
        Embedding(photo_id=photo_id, space_id=space, priority=URGENT) for photo_id in photo_ids for space in spaces
    )
