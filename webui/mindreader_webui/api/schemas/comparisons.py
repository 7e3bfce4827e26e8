"""The shapes of requests and answers about comparisons and quality."""

from pydantic import BaseModel, ConfigDict, Field

from mindreader.catalog import BenchmarkSketch as SavedSketchRow
from mindreader_webui.api.schemas.common import Id, Moment
from mindreader_webui.api.schemas.searches import Searchable, SearchResult


class ComparisonForm(BaseModel):
    """Which versions to ask, and what."""

    model_config = ConfigDict(extra="forbid")

    sketch: bytes | None = Field(
        None, json_schema_extra={"format": "binary"}, description="A sketch; all benchmark sketches if there is none."
    )
    model_version_id: list[Id] = Field(min_length=2, max_length=4)
    limit: int = Field(20, ge=1, le=100)


class BenchmarkSketchForm(BaseModel):
    """A sketch to keep."""

    model_config = ConfigDict(extra="forbid")

    sketch: bytes = Field(json_schema_extra={"format": "binary"}, description="An image: dark strokes on white.")
    name: str
    category: str | None = Field(None, description="The category it should find; precision is measured by it.")


class BenchmarkSketch(BaseModel):
    """A sketch kept for comparisons."""

    id: int
    name: str
    category: str | None
    created_at: Moment

    @classmethod
    def of(cls, row: SavedSketchRow) -> "BenchmarkSketch":
        """From the catalog."""
        return cls(id=row.id, name=row.name, category=row.category, created_at=row.created_at)


class BenchmarkSketches(BaseModel):
    """All benchmark sketches, by name."""

    sketches: list[BenchmarkSketch]


class VersionAnswer(BaseModel):
    """What one version makes of one sketch."""

    model_version_id: int
    imaginary_url: str = Field(description="A data: URL with a JPEG of what it takes the sketch for.")
    results: list[SearchResult]
    milliseconds: float = Field(description="In the worker, without the way there and back.")


class ComparedSketch(BaseModel):
    """One sketch, asked of every version, in the order they were named."""

    name: str
    category: str | None
    answers: list[VersionAnswer]
    overlap: float = Field(description="Photos found by both of all photos found, mean over pairs of versions.")


class ComparedVersion(BaseModel):
    """One version over all sketches."""

    id: int
    name: str
    median_milliseconds: float
    searchable: Searchable
    labelled_sketches: int
    precision: dict[str, float] = Field(
        description="By k: share of the first k photos that have the right category. Photos without a category are "
        "left out, missing places are wrong; a k is left out where no photo found has a category."
    )


class Comparison(BaseModel):
    """Versions side by side."""

    versions: list[ComparedVersion]
    sketches: list[ComparedSketch]
    mean_overlap: float


class CategoryQuality(BaseModel):
    """How well photos of one category find each other."""

    name: str
    photos: int
    queries: int
    precision: float


class Quality(BaseModel):
    """How well the photos of each category lie together, with the protocol it was measured by."""

    model_version: str
    protocol: str
    mean_precision: float | None
    categories: list[CategoryQuality]


class BenchmarkSketchPath(BaseModel):
    """A benchmark sketch by its id."""

    benchmark_sketch_id: int
