"""The photo index: E2 embeddings of photos, searched by cosine similarity, one index per embedding space."""

from mindreader.photo_index.open import PhotoIndexes, open_photo_index
from mindreader.photo_index.protocol import (
    EVERYTHING,
    MOST_REGIONS,
    IndexFilter,
    IndexHit,
    IndexPoint,
    PhotoIndex,
    PhotoLabels,
    Regions,
    Vector,
)

__all__ = [
    "EVERYTHING",
    "MOST_REGIONS",
    "IndexFilter",
    "IndexHit",
    "IndexPoint",
    "PhotoIndex",
    "PhotoIndexes",
    "PhotoLabels",
    "Regions",
    "Vector",
    "open_photo_index",
]
