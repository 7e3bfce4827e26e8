"""How well somebody's categories are told apart, over a real photo index whose vectors the test chooses."""

import numpy as np
from sqlalchemy import update

from mindreader.catalog import Embedding, EmbeddingSpace, Photo
from mindreader.library.categories import category_named
from mindreader.model_versions import registry
from mindreader.model_versions.library_quality import library_quality
from mindreader.photo_index import IndexPoint
from tests.support.bundles import register_and_open
from tests.support.library import add_collection, add_photos, jpeg


def test_the_worst_category_comes_first_by_the_name_it_was_given(catalog, blobs, settings, indexes, make_bundle):
    version = register_and_open(catalog, blobs, settings, make_bundle("first"))
    with catalog.transaction() as session:
        registry.activate(session, version.id)
    collection = add_collection(catalog)
    photos = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(12)])
    # Cats lie together; of the cars one lies among the cats, and one photo without a category among the cars.
    direction = [0] * 8 + [1, 1, 0, 1]
    names = ["Cat"] * 7 + ["cat", "car_(sedan)", "car (sedan)", "car_(sedan)", None]
    with catalog.transaction() as session:
        space = session.get(EmbeddingSpace, version.space_id)
        labels = {}
        for photo_id, name in zip(photos, names, strict=True):
            labels[photo_id] = category_named(session, collection, name)
            session.execute(update(Photo).where(Photo.id == photo_id).values(category_id=labels[photo_id]))
        session.execute(update(Embedding).values(state="indexed"))
    noise = np.random.default_rng(0).normal(scale=0.001, size=(len(photos), space.dimension))
    vectors = noise + np.eye(space.dimension)[direction]
    indexes.get(space.key, space.dimension).upsert(
        [
            IndexPoint(photo_id, vector.astype(np.float32), collection, labels[photo_id], None)
            for photo_id, vector in zip(photos, vectors, strict=True)
        ]
    )
    found = library_quality(catalog, indexes, [collection])
    assert [(each.name, each.photos) for each in found.categories] == [("car_(sedan)", 3), ("Cat", 8)]
    worst, best = (each.precision for each in found.categories)
    assert worst < best <= 1
    assert "11 photos that have a category" in found.protocol
