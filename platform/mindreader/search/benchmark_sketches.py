"""Sketches kept to compare model versions with: a set that shows what a new version makes worse."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mindreader.catalog import BenchmarkSketch
from mindreader.errors import ConflictError, NotFoundError
from mindreader.text import checked_name, normalised

_LONGEST = 200


def add_benchmark_sketch(session: Session, name: str, category: str | None, sketch_sha256: str) -> BenchmarkSketch:
    """Keep a sketch whose PNG lies in the blob store.

    Args:
        category: name of the category it should find; None or blank where no figure is wanted.

    Raises:
        InvalidInputError: the name or the category cannot be used.
        ConflictError: there is a benchmark sketch of that name.
    """
    name = checked_name(name, _LONGEST)
    wanted = checked_name(category, _LONGEST) if category and normalised(category) else None
    sketch = BenchmarkSketch(name=name, category=wanted, sketch_sha256=sketch_sha256)
    session.add(sketch)
    try:
        session.flush()
    except IntegrityError:
        raise ConflictError(
            "There is already a benchmark sketch called {name}. Choose another name.", name=name
        ) from None
    return sketch


def benchmark_sketches(session: Session) -> Sequence[BenchmarkSketch]:
    """All benchmark sketches by name."""
    return session.scalars(select(BenchmarkSketch).order_by(BenchmarkSketch.name)).all()


def remove_benchmark_sketch(session: Session, benchmark_sketch_id: int) -> None:
    """Remove a benchmark sketch.

    Raises:
        NotFoundError: there is no such sketch.
    """
    sketch = session.get(BenchmarkSketch, benchmark_sketch_id)
    if sketch is None:
        raise NotFoundError("There is no such benchmark sketch.")
    session.delete(sketch)
