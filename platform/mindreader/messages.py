"""What the web and the search worker say to each other, free of torch.

In one process they hand these objects over as they are; between processes they travel as JSON.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, model_validator

from mindreader.boxes import Box
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


IMAGINARY_MEDIA_TYPE = "image/jpeg"
_AS_BEFORE = "imaginary_webp"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PhotoFrame(_Message):
    """What lies in a frame that somebody put around something in a photo."""

    side: int = Field(ge=1, le=1024)
    pixels: Base64Bytes
    """(side, side, 3), 0 to 255: stretched to a square, as E2 takes it."""

    @model_validator(mode="after")
    def _is_a_square(self) -> Self:
        if len(self.pixels) != 3 * self.side**2:
            raise ValueError(f"a frame of {self.side} x {self.side} pixels has {3 * self.side**2} bytes")
        return self

    @property
    def array(self) -> NDArray[np.uint8]:
        """The pixels (side, side, 3)."""
        return np.frombuffer(self.pixels, np.uint8).reshape(self.side, self.side, 3).copy()


class SearchRequest(_Message):
    """One sketch to search with, and where the caller may look."""

    sketch: SketchField
    where: IndexFilter
    """What may be found, already restricted to what the caller may see."""
    limit: int = Field(ge=1, le=1000)
    most_readings: int = Field(ge=1, le=16)
    """Readings offered at most, each with an imaginary image."""
    round: int = Field(default=0, ge=0)
    """How often the caller asked to imagine again: each gives further readings, or else other noise."""
    reading: tuple[int, ...] = Field(default=(), max_length=100)
    """The photos, which the caller may see, of the reading that was picked; none where nobody picked one."""
    fit: bool = True
    """Fit the drawing to the sheet; without it, its place and size count."""
    place: bool = False
    """Photos that have it where it was drawn, and as large, come first."""
    like: tuple[int, ...] = Field(default=(), max_length=20)
    """Photos the caller may see and wants more of; those the index does not hold count for nothing."""
    unlike: tuple[int, ...] = Field(default=(), max_length=20)
    """Photos the caller may see and wants less of."""
    frames: tuple[PhotoFrame, ...] = Field(default=(), max_length=5)
    """Things in photos that the caller wants more of."""
    model_version_id: int | None = None
    """Ask this version instead of the active one, to compare them."""
    grouped: bool = False
    """Copies of one picture are one hit, and do not count towards the limit."""


class SimilarRequest(_Message):
    """A photo, or something in it, and where to find more like it."""

    photo_id: int
    """The caller may see it; it is not among what is found."""
    frame: PhotoFrame | None = None
    """What of it is meant; without it, the whole photo."""
    where: IndexFilter
    """What may be found, already restricted to what the caller may see."""
    limit: int = Field(ge=1, le=1000)


class SearchHit(_Message):
    """One photo found."""

    photo_id: int
    score: float
    """Cosine similarity in [-1, 1], higher is nearer; where the place counts, with a share for that."""
    boxes: tuple[Box, ...] = ()
    """Where in it: one box, or one for each part of the sketch; none where the photo as a whole is meant."""
    copies: tuple[int, ...] = ()
    """Other photos found that show the same picture, the best first; of very many only the first."""


class ImaginedReading(_Message):
    """One thing the sketch may show, with what G imagines of it."""

    imaginary_image: Base64Bytes = Field(
        validation_alias=AliasChoices("imaginary_image", _AS_BEFORE), serialization_alias=_AS_BEFORE
    )
    """Of `IMAGINARY_MEDIA_TYPE`; on its way it has the name that servers of the version before know."""
    photo_ids: tuple[int, ...]
    """Photos found that it was read from, the nearest to it first; none where nothing could be found."""
    picked: bool = False
    """It was picked, and searches."""


class SimilarAnswer(_Message):
    """What the worker found for a photo, by one model version."""

    model_version_id: int
    model_version: str
    space_id: int
    hits: tuple[SearchHit, ...]
    score_threshold: float | None = None
    """Hits with a lower score are guesswork (see `mindreader.search.score_threshold`); None where nobody can tell."""


class SearchAnswer(_Message):
    """What the worker found, all by one model version."""

    model_version_id: int
    model_version: str
    space_id: int
    readings: tuple[ImaginedReading, ...]
    """One or more, the most likely first."""
    hits: tuple[SearchHit, ...]
    parts: tuple[Box, ...] = ()
    """Things in the sketch that were read apart, as shares of the sheet; none where it was read as one."""
    score_threshold: float | None = None
    """Hits with a lower score are guesswork (see `mindreader.search.score_threshold`); None where nobody can tell."""
    answerable: bool | None = None
    """Whether anything there seems to be what was drawn; None where nobody can tell, or a reading was picked."""
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
