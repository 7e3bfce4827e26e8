"""The states of the queue: every transition tried from every state."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mindreader.catalog import Embedding, EmbeddingState, Visibility
from mindreader.catalog.models import now
from mindreader.embedding import queue
from mindreader.library.collections import create_collection
from tests.support.library import add_photos, jpeg

REPOSITORY = Path(__file__).parents[3]
PENDING, LEASED, INDEXED, FAILED, SKIPPED = EmbeddingState
OWNER = "this worker"

# To which state a transition takes a photo; from every other one it leaves it where it is.
TRANSITIONS: dict[str, dict[EmbeddingState, EmbeddingState | None]] = {
    "lease": {PENDING: LEASED},
    "release": {LEASED: PENDING},
    "mark_indexed": {LEASED: INDEXED},
    "fail": {LEASED: FAILED},
    "skip": {FAILED: SKIPPED, SKIPPED: SKIPPED},
    "requeue": {LEASED: PENDING, INDEXED: PENDING, FAILED: PENDING, SKIPPED: PENDING},
    "requeue_all": {LEASED: PENDING, INDEXED: PENDING, FAILED: PENDING, SKIPPED: PENDING},
    "enqueue": dict.fromkeys(EmbeddingState, PENDING),
    "enqueue_missing": {},
    "remove": dict.fromkeys(EmbeddingState),
}


@pytest.fixture
def photo_id(catalog, blobs, settings, ann, space_id):
    with catalog.transaction() as session:
        collection = create_collection(session, ann, "Photos", Visibility.PRIVATE).id
    return add_photos(catalog, blobs, settings, collection, [jpeg(1)])[0]


def put(catalog, photo_id, state):
    lease = {"lease_owner": OWNER, "lease_until": now()} if state == LEASED else {}
    with catalog.transaction() as session:
        rows = update(Embedding).where(Embedding.photo_id == photo_id)
        session.execute(rows.values({"state": state, "attempts": 1, "lease_owner": None, "lease_until": None} | lease))


def make(name: str, session: Session, space_id: int, photo_id: int, settings) -> None:
    transition = {
        "lease": lambda: queue.lease(session, space_id, OWNER, settings, 10),
        "release": lambda: queue.release(session, OWNER),
        "mark_indexed": lambda: queue.mark_indexed(session, space_id, OWNER, [photo_id]),
        "fail": lambda: queue.fail(session, space_id, OWNER, photo_id, "broken"),
        "skip": lambda: queue.skip(session, space_id, [photo_id]),
        "requeue": lambda: queue.requeue(session, [photo_id]),
        "requeue_all": lambda: queue.requeue_all(session, EmbeddingState),
        "enqueue": lambda: queue.enqueue(session, [photo_id]),
        "enqueue_missing": lambda: queue.enqueue_missing(session, space_id),
        "remove": lambda: queue.remove(session, [photo_id]),
    }
    transition[name]()


@pytest.mark.parametrize("state", EmbeddingState)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_changes_only_the_states_it_is_allowed_from(
    catalog, settings, space_id, photo_id, name, state, monkeypatch
):
    monkeypatch.setattr(queue, "reclaim_expired", lambda *_: None)  # another transition, tried elsewhere
    put(catalog, photo_id, state)
    with catalog.transaction() as session:
        make(name, session, space_id, photo_id, settings)
    with catalog.snapshot() as session:
        row = session.scalar(select(Embedding).where(Embedding.photo_id == photo_id))
    expected = TRANSITIONS[name].get(state, state)
    assert (row.state if row else None) == expected
    if row is not None:
        assert (row.lease_owner is not None) == (expected == LEASED), "only leased rows have an owner"


def test_only_the_worker_that_holds_a_photo_finishes_it(catalog, space_id, photo_id):
    put(catalog, photo_id, LEASED)
    with catalog.transaction() as session:
        assert queue.mark_indexed(session, space_id, "another worker", [photo_id]) == set()
        queue.fail(session, space_id, "another worker", photo_id, "broken")
        queue.release(session, "another worker")
    with catalog.snapshot() as session:
        assert session.scalar(select(Embedding.state)) == LEASED


def test_requeueing_takes_only_the_states_and_the_space_asked_for(catalog, space_id, photo_id):
    put(catalog, photo_id, INDEXED)
    with catalog.transaction() as session:
        assert queue.requeue(session, [photo_id], [FAILED]) == 0
        assert queue.requeue(session, [photo_id], space_id=space_id + 1) == 0
        assert queue.requeue(session, [photo_id], [INDEXED], space_id=space_id, priority=3) == 1
    with catalog.snapshot() as session:
        row = session.scalars(select(Embedding)).one()
        assert (row.state, row.attempts, row.priority, row.error) == (PENDING, 0, 3, None)


def test_missing_rows_are_added_once(catalog, space_id, photo_id):
    with catalog.transaction() as session:
        queue.remove(session, [photo_id])
        assert queue.enqueue_missing(session, space_id) == 1
        assert queue.enqueue_missing(session, space_id) == 0
        assert session.scalar(select(Embedding.state)) == PENDING


@pytest.mark.parametrize("state", EmbeddingState)
def test_new_labels_matter_to_points_that_are_there_or_on_their_way(catalog, space_id, photo_id, state):
    put(catalog, photo_id, state)
    with catalog.transaction() as session:
        before = session.scalar(select(Embedding.updated_at))
        queue.labels_changed(session, [photo_id])
    with catalog.snapshot() as session:
        row = session.scalars(select(Embedding)).one()
    assert row.labels_stale is (state in (LEASED, INDEXED))
    assert row.updated_at == before, "that says when it was indexed"


def test_labels_are_read_anew_with_every_lease(catalog, settings, space_id, photo_id):
    put(catalog, photo_id, PENDING)
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(labels_stale=True))
        queue.lease(session, space_id, OWNER, settings, 1)
    with catalog.snapshot() as session:
        assert session.scalar(select(Embedding.labels_stale)) is False


def test_nothing_else_in_the_product_writes_the_queue():
    """Neither by statement nor by attribute: a row of `Embedding` is made and changed in queue.py alone."""
    paths = [path for root in ("platform", "workers", "webui") for path in (REPOSITORY / root).rglob("*.py")]
    writes = [
        path.name
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _writes_embeddings(node)
    ]
    assert set(writes) == {"queue.py"}
    assert len(writes) > 5


def _writes_embeddings(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name) and call.func.id == "Embedding":
        return True
    first = call.args[0] if call.args else None
    is_statement = isinstance(call.func, ast.Name) and call.func.id in {"insert", "update", "delete"}
    return is_statement and isinstance(first, ast.Name) and first.id == "Embedding"
