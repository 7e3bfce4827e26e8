"""How well a space separates somebody's own categories: photos search for their like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from mindreader.catalog import Catalog, Category, Embedding, EmbeddingSpace, EmbeddingState, ModelVersion, Photo
from mindreader.errors import NotReadyError, Sentence
from mindreader.messages import CategoryQuality, LibraryQuality
from mindreader.model_versions.registry import active_version
from mindreader.photo_index import IndexFilter, PhotoIndexes
from mindreader.text import shown_name

FIRST = 5
_QUERIES = 20
"""Photos of each category that search, drawn with a fixed seed."""
_LARGEST_CATEGORIES = 500


def library_quality(catalog: Catalog, indexes: PhotoIndexes, collection_ids: Sequence[int]) -> LibraryQuality:
    """Precision among the first five photos found, for each category of these collections, the worst first.

    Every query is a photo of the category with its own embedding, left out of its own result; a photo counts as
    right when its category is shown by the same name. Up to 20 photos of each category search among all photos of these
    collections that have a category; categories of a single photo cannot be judged.

    Raises:
        NotReadyError: no model version is active.
    """
    with catalog.snapshot() as session:
        version = active_version(session)
        if version is None:
            raise NotReadyError("No model version is active. Ask an administrator to activate one.")
        rows = session.execute(
            select(Photo.id, Category.id, Category.name)
            .join(Category, Photo.category_id == Category.id)
            .join(Embedding, (Embedding.photo_id == Photo.id) & (Embedding.space_id == version.space_id))
            .where(
                Photo.collection_id.in_(collection_ids),
                Photo.deleted_at.is_(None),
                Embedding.state == EmbeddingState.INDEXED,
            )
            .order_by(Photo.id)
        ).all()
    kinds = {photo_id: shown_name(name).casefold() for photo_id, _, name in rows}
    names = {kinds[photo_id]: name for photo_id, _, name in reversed(rows)}  # of its oldest photo
    members: dict[str, list[int]] = {}
    for photo_id, kind in kinds.items():
        members.setdefault(kind, []).append(photo_id)
    where = IndexFilter(tuple(collection_ids), tuple({category_id for _, category_id, _ in rows}))
    judged = [
        _judged(indexes, version.space, names[kind], photos, kinds, where)
        for kind, photos in sorted(members.items(), key=lambda item: -len(item[1]))[:_LARGEST_CATEGORIES]
        if len(photos) > 1
    ]
    return _summary(version, sorted(judged, key=lambda each: (each.precision, each.name)), len(rows))


def _judged(
    indexes: PhotoIndexes,
    space: EmbeddingSpace,
    name: str,
    photos: list[int],
    kinds: dict[int, str],
    where: IndexFilter,
) -> CategoryQuality:
    index = indexes.of(space)
    chosen = np.random.default_rng(0).permutation(photos)[:_QUERIES]
    precisions = []
    for photo_id, vector in index.vectors([int(photo) for photo in chosen]).items():
        found = [hit.photo_id for hit in index.search(vector, FIRST + 1, where) if hit.photo_id != photo_id][:FIRST]
        findable = min(FIRST, len(photos) - 1)
        precisions.append(sum(kinds.get(other) == kinds[photo_id] for other in found) / findable)
    mean = float(np.mean(precisions)) if precisions else 0.0
    return CategoryQuality(name=name, photos=len(photos), queries=len(precisions), precision=round(mean, 4))


def _summary(version: ModelVersion, judged: list[CategoryQuality], photos: int) -> LibraryQuality:
    mean = float(np.mean([category.precision for category in judged])) if judged else None
    return LibraryQuality(
        model_version=version.name,
        protocol=Sentence(
            "Up to {queries} photos of each category searched for their like among the {photos} photos that have a "
            "category. Of the first {first} found, those of the same category are right. Where photos of one kind do "
            "not find each other, a sketch will hardly find them either.",
            queries=_QUERIES,
            photos=photos,
            first=FIRST,
        ),
        mean_precision=None if mean is None else round(mean, 4),
        categories=tuple(judged),
    )
