"""Anchors of an embedding space: points that stand for kinds of things, by which regions are told from background.

`mindreader.inference.anchors` says what they are for. Made from training photos and from E2's own classifier; nothing
that is held back for evaluation goes in.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError
from mindreader.inference.anchors import CATEGORIES, CLASSES
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.weights import read_weights as read_projection
from mindreader.networks.descriptions import EncoderDescription
from mindreader.networks.weights import find_weights, read_weights
from mindreader.vectors import unit
from mindreader_training.data.datasets import Dataset, Item
from mindreader_training.evaluation.embed import Embeddings, embed_photos

PHOTOS_OF_A_CATEGORY = 20
"""So many of each, the first."""
_LARGEST_FILE = 2**30


def write_anchors(bundle: Bundle, training: Dataset, engine: Engine, path: Path) -> None:
    """Write the anchors of a bundle's embedding space.

    Args:
        training: photos the bundle was trained on.

    Raises:
        InvalidInputError: the space has no projection, or the encoder's published weights hold no classifier.
        NotReadyError, BundleError: as `PhotoEncoder`.
    """
    if bundle.space.projection is None:
        raise InvalidInputError(f"The embedding space of {bundle.manifest.name} has no projection, so no anchors.")
    photos = _first_of_each(training)
    vectors = embed_photos(PhotoEncoder.of_bundle(bundle, engine), photos)
    anchors = {
        CATEGORIES: category_anchors(vectors, [photo.category for photo in photos]),
        CLASSES: class_anchors(bundle.space.encoder, bundle.weights(PROJECTION_FILE)),
    }
    halves = {name: values.astype(np.float16) for name, values in anchors.items()}
    path.write_bytes(safetensors.numpy.save(halves, {"projection_sha256": bundle.space.projection.sha256}))


def category_anchors(vectors: Embeddings, categories: list[str]) -> Embeddings:
    """Unit vectors (C, K), the mean of each category's photos; categories in the order of their names.

    Args:
        vectors: (N, K), E2's unit vectors of photos.
        categories: of each photo.
    """
    own = np.array(categories)
    return unit(np.stack([vectors[own == name].mean(axis=0) for name in sorted(set(categories))]))


def class_anchors(encoder: EncoderDescription, projection: Path) -> Embeddings:
    """Unit vectors (C, K), one for each class that E2's published classifier knows.

    A class's weights, less the mean of all classes', are taken for an embedding that the class would have.

    Raises:
        InvalidInputError: the published weights hold no classifier.
        NotReadyError: they cannot be found.
    """
    weights = _classifier(encoder)
    embeddings = unit(np.maximum(weights - weights.mean(axis=0), 0))
    linear = {name: values.float().numpy() for name, values in read_projection(projection).items()}
    return unit((embeddings @ linear["weight"].T + linear["bias"]).astype(np.float32))


def _classifier(encoder: EncoderDescription) -> NDArray[np.float32]:
    """The weights (C, D) of the classifier that E2 is without: the last matrix of its file."""
    if encoder.weights.untrained_seed is None:
        published = read_weights(find_weights(encoder, _LARGEST_FILE))
        matrices = [values for values in published.values() if values.dim() == 2]
        if matrices and matrices[-1].shape[1] == encoder.dimension:
            found: NDArray[np.float32] = matrices[-1].float().numpy()
            return found
    raise InvalidInputError(f"The published weights of {encoder.name} hold no classifier over its embeddings.")


def _first_of_each(dataset: Dataset) -> list[Item]:
    taken: dict[str, list[Item]] = defaultdict(list)
    for photo in dataset.photos:
        if len(taken[photo.category]) < PHOTOS_OF_A_CATEGORY:
            taken[photo.category].append(photo)
    return [photo for category in sorted(taken) for photo in taken[category]]
