"""How good imaginary images are, in the eyes of an encoder that took no part in training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.errors import InvalidInputError
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.networks.descriptions import encoder_description
from mindreader_training.data.datasets import Dataset, load_photos, load_sketches
from mindreader_training.evaluation.embed import embed_photos, imaginary_pixels, rgb
from mindreader_training.evaluation.kid import kernel_distance
from mindreader_training.evaluation.metrics import retrieval_scores

INDEPENDENT_ENCODERS = ("efficientnet-lite0", "efficientnet-lite2")
"""The first of these that took no part in the bundle's training is taken."""


def imaginary_quality(bundle: Bundle, model: QueryModel, dataset: Dataset, engine: Engine) -> dict[str, object]:
    """Retrieval with imaginary images as if they were photos, and how far they are from photos (KID).

    Returns:
        `encoder`, its name; `rows`, retrieval metrics of the sketches and of the imaginary images (seed 0) in that
        encoder's own space; `kid`, the distance of both to the photos, and of photos to other photos.

    Raises:
        InvalidInputError: every independent encoder took part in training.
    """
    description = encoder_description(_independent_encoder(bundle))
    encoder = PhotoEncoder(description, engine)
    gallery = embed_photos(encoder, dataset.photos)
    labels, gallery_labels = dataset.labels(dataset.sketches), dataset.labels(dataset.photos)
    queries = {
        "raw_sketch": encoder.embed(rgb(load_sketches(dataset.sketches, model.image_size))),
        "imaginary_to_photo_encoder": encoder.embed(imaginary_pixels(model, dataset.sketches)),
    }
    rows = {name: retrieval_scores(q, labels, gallery, gallery_labels).as_json() for name, q in queries.items()}
    # Photos pass through as many pixels as an imaginary image has: sharpness alone must not tell them apart.
    photos = encoder.embed(load_photos(dataset.photos, model.image_size))
    distances = {name: kernel_distance(photos, q) for name, q in queries.items()}
    return {
        "encoder": description.name,
        "rows": rows,
        "kid": distances | {"photos_to_other_photos": kernel_distance(*_halves(photos))},
    }


def _independent_encoder(bundle: Bundle) -> str:
    trained_with = {bundle.space.encoder.name, bundle.query_encoder.name}
    name = next((name for name in INDEPENDENT_ENCODERS if name not in trained_with), None)
    if name is None:
        raise InvalidInputError(
            f"{' and '.join(INDEPENDENT_ENCODERS)} both took part in training {bundle.manifest.name}: none is left to "
            "evaluate its imaginary images with. Evaluate without --imagination."
        )
    return name


def _halves(embeddings: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    order = np.random.default_rng(0).permutation(len(embeddings))
    return embeddings[order[::2]], embeddings[order[1::2]]
