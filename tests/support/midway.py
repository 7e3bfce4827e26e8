"""Workers in the middle of embedding, so that whatever a test does to them falls into a batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func, select, update
from support.invariants import settle
from support.patrons import Patron
from support.services import wait_until

from mindreader.catalog import Catalog, Embedding, EmbeddingState
from mindreader.settings import Settings


def count(catalog: Catalog, state: EmbeddingState) -> int:
    """Photos in this state, over all spaces."""
    with catalog.snapshot() as session:
        return session.scalar(select(func.count()).select_from(Embedding).where(Embedding.state == state))


def upload_until_mid_batch(settings: Settings, catalog: Catalog, patron: Patron, photos: Sequence[Path]) -> None:
    """Upload, and return while a batch is leased and most photos wait, however quick the worker is."""
    patron.upload(photos[1:])
    settle(settings)
    with catalog.transaction() as session:  # all wait when the last photo wakes the worker
        session.execute(update(Embedding).values(state=EmbeddingState.PENDING, attempts=0))
    patron.upload(photos[:1])
    wait_until(
        lambda: count(catalog, EmbeddingState.INDEXED) >= 4 and count(catalog, EmbeddingState.LEASED),
        "a batch",
    )
