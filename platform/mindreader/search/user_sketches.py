"""Sketches a person keeps under a name, as strokes. Nobody sees another person's; a link shows one to others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mindreader.catalog import User, UserSketch
from mindreader.errors import ConflictError, NotFoundError
from mindreader.paging import Page, read_newest
from mindreader.text import checked_name

MOST_POINTS = 20_000
"""In one sketch, all strokes together: a long evening's drawing."""
MOST_SKETCHES = 1000
"""By one person."""
_LONGEST_NAME = 200
_Number = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]


class Stroke(BaseModel):
    """One stroke: what the web page's canvas draws, and an SVG could."""

    model_config = ConfigDict(extra="forbid")

    tool: Literal["pen", "eraser"]
    width: float = Field(gt=0, le=50, allow_inf_nan=False, description="In hundredths of the sheet's side.")
    points: list[Annotated[list[_Number], Field(min_length=2, max_length=3)]] = Field(
        min_length=1,
        max_length=MOST_POINTS,
        description="x, y from 0 (left, top) to 1, and the pressure of a pen that feels it, 0 to 1.",
    )


def add_user_sketch(session: Session, user: User, name: str, strokes: Sequence[Stroke]) -> UserSketch:
    """Keep a sketch.

    Raises:
        InvalidInputError: the name cannot be used.
        ConflictError: the user has one of that name, or as many as can be kept.
    """
    name = checked_name(name, _LONGEST_NAME)
    kept = session.scalar(select(func.count(UserSketch.id)).where(UserSketch.user_id == user.id)) or 0
    if kept >= MOST_SKETCHES:
        raise ConflictError("You have saved {n} sketches already. Delete one first.", n=MOST_SKETCHES)
    sketch = UserSketch(user_id=user.id, name=name, strokes=[stroke.model_dump() for stroke in strokes])
    session.add(sketch)
    try:
        session.flush()
    except IntegrityError:
        raise ConflictError("You have already saved a sketch called {name}. Choose another name.", name=name) from None
    return sketch


def user_sketch_page(session: Session, user: User, after: int | None, limit: int) -> Page[UserSketch]:
    """The next `limit` sketches a user keeps, below the id `after`, the newest first."""
    query = select(UserSketch).where(UserSketch.user_id == user.id)
    return read_newest(session, query, UserSketch.id, after, limit)


def delete_user_sketch(session: Session, user: User, user_sketch_id: int) -> None:
    """Keep a sketch no longer.

    Raises:
        NotFoundError: there is none of that id, or it is another person's.
    """
    sketch = session.get(UserSketch, user_sketch_id)
    if sketch is None or sketch.user_id != user.id:
        raise NotFoundError("There is no such sketch among yours.")
    session.delete(sketch)
