"""More like a photo, or like something in it."""

from datetime import date

from pydantic import BaseModel, Field

from mindreader_webui.api.schemas.common import Id
from mindreader_webui.api.schemas.regions import RegionQuery
from mindreader_webui.api.schemas.searches import SearchResult, VersionName


class SimilarQuery(RegionQuery):
    """What in the photo, and where to look for more like it."""

    limit: int = Field(40, ge=1, le=1000)
    collection_id: list[Id] = Field(default=[], description="Search only in these collections.")
    category: list[str] = Field(default=[], description="Find only photos with one of these categories.")
    taken_from: date | None = Field(None, description="Find only photos taken on this day or later.")
    taken_until: date | None = Field(None, description="Find only photos taken on this day or earlier.")


class SimilarPhotos(BaseModel):
    """Photos like it, the most similar first; without it and its copies."""

    model_version: VersionName
    results: list[SearchResult]
    score_threshold: float | None = Field(
        description="Results with a lower score are no more like it than any photo may be by chance; null where there "
        "are too few photos to tell."
    )
