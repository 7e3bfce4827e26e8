"""What the web and the search worker say to each other; plain JSON, free of torch."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from mindreader.errors import Sentence


def _decoded(value: object) -> bytes:
    return value if isinstance(value, bytes) else b64decode(str(value))


Base64Bytes = Annotated[
    bytes, PlainValidator(_decoded), PlainSerializer(lambda b: b64encode(b).decode(), when_used="json")
]


def _told(value: object) -> Sentence:
    if isinstance(value, dict):
        return Sentence(value["template"], **value["values"])
    return value if isinstance(value, Sentence) else Sentence(str(value))


ToldSentence = Annotated[
    Sentence,
    PlainValidator(_told),
    PlainSerializer(lambda s: {"template": s.template, "values": s.values}, when_used="json"),
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchRequest(_Message):
    """One sketch to search with, and where the caller may look."""

    sketch_png: Base64Bytes
    """8-bit grey PNG, black strokes on white, as `mindreader.imaging.sketch_png` writes it."""
    collection_ids: tuple[int, ...]
    """Collections to search, already restricted to those the caller may see; empty finds nothing."""
    category_ids: tuple[int, ...] | None = None
    """Restrict to these categories; None means all."""
    first_day: int | None = None
    """Restrict to photos taken on this day or later, in days since 1970-01-01 (see `Photo.day`)."""
    last_day: int | None = None
    limit: int = Field(ge=1, le=1000)
    seeds: tuple[int, ...] = Field(min_length=1, max_length=16)
    """One imaginary image for each seed."""
    chosen: int = Field(default=0, ge=0)
    """Which of them searches."""
    by_sketch: bool = False
    """Search with what E1 reads in the sketch itself, without G."""
    like: tuple[int, ...] = Field(default=(), max_length=20)
    """Photos the caller may see and wants more of; those the index does not hold count for nothing."""
    unlike: tuple[int, ...] = Field(default=(), max_length=20)
    """Photos the caller may see and wants less of."""
    model_version_id: int | None = None
    """Ask this version instead of the active one, to compare them."""


class SearchHit(_Message):
    """One photo found."""

    photo_id: int
    score: float
    """Cosine similarity in [-1, 1], higher is nearer."""


class SearchAnswer(_Message):
    """What the worker found, all by one model version."""

    model_version_id: int
    model_version: str
    space_id: int
    imaginary_webp: tuple[Base64Bytes, ...]
    hits: tuple[SearchHit, ...]
    score_threshold: float | None = None
    """Hits with a lower score are guesswork (see `mindreader.search.score_threshold`); None where nobody can tell."""
    timings_ms: dict[str, float]


class SmokeTest(_Message):
    """What a worker found out about a bundle: it loads, imagines, embeds; and how fast E2 is there."""

    photos_per_second: float
    """E2 alone, on the worker that tried it; decoding comes on top where the processor does both."""
    encoder_bytes: int
    """Memory of E2's weights."""
    device: str


class CategoryQuality(_Message):
    """How well photos of one category find each other."""

    name: str
    photos: int
    queries: int
    precision: float


class LibraryQuality(_Message):
    """How well the photos of each category lie together, with the protocol it was measured by."""

    model_version: str
    protocol: ToldSentence
    mean_precision: float | None
    """Over the categories; None where no category can be judged."""
    categories: tuple[CategoryQuality, ...]
    """The largest first."""
