"""What the web and the search worker say to each other, free of torch.

In one process they hand these objects over as they are; between processes they travel as JSON.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mindreader.errors import Sentence
from mindreader.imaging import Sketch
from mindreader.photo_index import IndexFilter


def _decoded(value: object) -> bytes:
    return value if isinstance(value, bytes) else b64decode(str(value))


Base64Bytes = Annotated[
    bytes, PlainValidator(_decoded), PlainSerializer(lambda b: b64encode(b).decode(), when_used="json")
]


SketchField = Annotated[
    Sketch,
    PlainValidator(lambda value: value if isinstance(value, Sketch) else Sketch.from_png(_decoded(value))),
    PlainSerializer(lambda sketch: b64encode(sketch.png).decode(), when_used="json"),
]


def _told(value: object) -> Sentence:
    if isinstance(value, dict):
        return Sentence.unpacked(value)
    return value if isinstance(value, Sentence) else Sentence(str(value))


ToldSentence = Annotated[
    Sentence,
    PlainValidator(_told),
    PlainSerializer(Sentence.packed, when_used="json"),
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchRequest(_Message):
    """One sketch to search with, and where the caller may look."""

    sketch: SketchField
    where: IndexFilter
    """What may be found, already restricted to what the caller may see."""
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
    grouped: bool = False
    """Copies of one picture are one hit, and do not count towards the limit."""

    @field_validator("chosen")
    @classmethod
    def _is_there(cls, chosen: int, info: ValidationInfo) -> int:
        images = len(info.data.get("seeds", ()))
        if chosen >= images:
            raise PydanticCustomError("no_such_image", "There are only {n} imaginary images, from 0", {"n": images})
        return chosen


class SearchHit(_Message):
    """One photo found."""

    photo_id: int
    score: float
    """Cosine similarity in [-1, 1], higher is nearer."""
    copies: tuple[int, ...] = ()
    """Other photos found that show the same picture, the best first; of very many only the first."""


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
