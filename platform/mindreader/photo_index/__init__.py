"""The photo index: E2 embeddings of photos, searched by cosine similarity, one index per embedding space."""

from mindreader.photo_index.open import PhotoIndexes, open_photo_index
from mindreader.photo_index.protocol import (
    EVERYTHING,
    IndexFilter,
    IndexHit,
    IndexPoint,
    PhotoIndex,
    PhotoLabels,
    Vector,
)

__all__ = [
    "EVERYTHING",
    "IndexFilter",
    "IndexHit",
    "IndexPoint",
    "PhotoIndex",
    "PhotoIndexes",
    "PhotoLabels",
    "Vector",
    "open_photo_index",
]
