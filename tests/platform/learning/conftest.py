"""A library that can be learned: drawn photos of two kinds in a real index, and a tiny bundle that answers."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sqlalchemy import update

from mindreader.catalog import Embedding, EmbeddingSpace, ModelVersion, Photo
from mindreader.learning import dataset, trainings
from mindreader.library.categories import category_named
from mindreader.model_versions import registry
from mindreader.photo_index import IndexPoint
from tests.support.bundles import register_and_open
from tests.support.library import add_collection, add_photos

KINDS = {"Ball": "ellipse", "Box": "rectangle"}
EACH = 10
LEAST = 12


def drawn(shape: str, number: int) -> bytes:
    image = Image.new("RGB", (96, 96), (200 - 3 * number, 220, 230))
    getattr(ImageDraw.Draw(image), shape)((10 + number, 20, 60 + number, 70), fill="red", outline="black", width=3)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


@dataclass
class Library:
    """What the tests know of it."""

    version: ModelVersion
    photos: list[int]
    """Of the first kind, then of the second; those of the second have no category."""


@pytest.fixture(autouse=True)
def few_photos_are_enough(monkeypatch):
    for module in (trainings, dataset):
        monkeypatch.setattr(module, "LEAST_PHOTOS", LEAST)


@pytest.fixture
def library(catalog, blobs, settings, indexes, quick_bundle) -> Library:
    version = register_and_open(catalog, blobs, settings, quick_bundle)
    collection = add_collection(catalog)
    contents = [drawn(shape, number) for shape in KINDS.values() for number in range(EACH)]
    photos = add_photos(catalog, blobs, settings, collection, contents)
    with catalog.transaction() as session:
        registry.activate(session, version.id, incomplete=True)
        space = session.get(EmbeddingSpace, version.space_id)
        ball = category_named(session, collection, "Ball")
        session.execute(update(Photo).where(Photo.id.in_(photos[:EACH])).values(category_id=ball))
        session.execute(update(Embedding).values(state="indexed"))
        session.expunge(space)
    noise = np.random.default_rng(0).normal(scale=0.01, size=(len(photos), space.dimension))
    vectors = (noise + np.eye(space.dimension)[[0] * EACH + [1] * EACH]).astype(np.float32)
    points = [IndexPoint(number, vector, collection) for number, vector in zip(photos, vectors, strict=True)]
    indexes.of(space).upsert(points)
    with catalog.snapshot() as session:
        return Library(registry.version_by_id(session, version.id), photos)
