"""The catalog: the truth about users, collections, photos, embeddings and model versions (SQLAlchemy)."""

from mindreader.catalog.database import Catalog
from mindreader.catalog.models import (
    ApiToken,
    Base,
    Category,
    Collection,
    Embedding,
    EmbeddingSpace,
    EmbeddingState,
    Job,
    JobState,
    ModelVersion,
    Photo,
    Role,
    SavedSketch,
    Search,
    User,
    Visibility,
    WorkerProcess,
)

__all__ = [
    "ApiToken",
    "Base",
    "Catalog",
    "Category",
    "Collection",
    "Embedding",
    "EmbeddingSpace",
    "EmbeddingState",
    "Job",
    "JobState",
    "ModelVersion",
    "Photo",
    "Role",
    "SavedSketch",
    "Search",
    "User",
    "Visibility",
    "WorkerProcess",
]
