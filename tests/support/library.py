"""Put photos into a catalog without the web: the shortest real way in."""

from __future__ import annotations

import hashlib
import io
from functools import cache

import numpy as np
from PIL import Image

from mindreader.blobs import BlobStore, original_key, thumbnail_key
from mindreader.catalog import Catalog, Collection, Embedding, EmbeddingSpace, Photo, User
from mindreader.catalog.models import now
from mindreader.imaging import make_thumbnail
from mindreader.networks.descriptions import EncoderDescription, SpaceDescription
from mindreader.settings import Settings


def jpeg(seed: int, size: tuple[int, int] = (96, 64)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(buffer, "JPEG")
    return buffer.getvalue()


def add_collection(catalog: Catalog, name: str = "Photos") -> int:
    with catalog.transaction() as session:
        user = User(name=f"owner of {name}", password_hash="", role="member")
        collection = Collection(owner=user, name=name)
        session.add(collection)
        session.flush()
        return collection.id


def add_space(catalog: Catalog, encoder: EncoderDescription, regions: str = "none") -> EmbeddingSpace:
    description = SpaceDescription(encoder, regions=regions)
    with catalog.transaction() as session:
        space = EmbeddingSpace(
            key=description.key,
            photo_encoder=encoder.name,
            dimension=description.dimension,
            description=description.as_json(),
            opened_at=now(),
        )
        session.add(space)
    return space


def add_photos(
    catalog: Catalog, blobs: BlobStore, settings: Settings, collection_id: int, contents: list[bytes], priority: int = 0
) -> list[int]:
    """Photos with these bytes, pending in every space there is."""
    photos = []
    for content in contents:
        sha256 = hashlib.sha256(content).hexdigest()
        blobs.put(original_key(sha256), content)
        blobs.put(thumbnail_key(sha256, settings.thumbnail_pixels), _thumbnail())
        photos.append(_photo(collection_id, sha256, len(content)))
    with catalog.transaction() as session:
        session.add_all(photos)
        session.flush()
        spaces = session.query(EmbeddingSpace).all()
        session.add_all(Embedding(photo_id=p.id, space_id=s.id, priority=priority) for p in photos for s in spaces)
    return [photo.id for photo in photos]


@cache
def _thumbnail() -> bytes:
    """The same for all: what it shows does not matter."""
    return make_thumbnail(Image.new("RGB", (96, 64)), 512)


def _photo(collection_id: int, sha256: str, size: int) -> Photo:
    return Photo(
        collection_id=collection_id,
        sha256=sha256,
        filename=f"{sha256[:6]}.jpg",
        media_type="image/jpeg",
        size_bytes=size,
        width=96,
        height=64,
    )
