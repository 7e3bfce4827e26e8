"""E1 in training: how it begins, and the losses that make it find photos."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mindreader.errors import InvalidInputError
from mindreader.inference.weights import needs_projection, resized
from mindreader.networks.descriptions import ENCODERS
from mindreader.networks.encoders import Encoder, Features
from mindreader.networks.published import find_encoder
from mindreader_training import losses
from mindreader_training.data.batches import Batch
from mindreader_training.photo_bank import PhotoBank, input_size
from mindreader_training.presets import Preset
from mindreader_training.projection import random_projection

# After torchvision's shim, which the networks bring.
from timm.layers.drop import DropPath  # isort: skip
from timm.models import group_parameters  # isort: skip


def new_query_encoder(preset: Preset, photo_bank: PhotoBank) -> Encoder:
    """E1 at step 0: E2's equal, projection included; one of another kind begins with a random projection.

    Raises:
        InvalidInputError: a bundle could not name this encoder.
    """
    encoder = Encoder(find_encoder(preset.query_encoder, untrained_seed=preset.untrained_seed))
    if encoder.description.name not in (*ENCODERS, photo_bank.encoder.description.name):
        raise InvalidInputError(
            f"The query encoder can be {', '.join(ENCODERS)} or the photo encoder's own kind, not "
            f"{preset.query_encoder}."
        )
    encoder.load_published_weights()
    if preset.drop_path:
        _drop_paths(encoder.network, preset.drop_path)
    own, projection = encoder.description.dimension, photo_bank.encoder.projection
    if isinstance(projection, nn.Linear) and projection.in_features == own:
        encoder.add_projection(projection.weight, projection.bias)
    elif needs_projection(encoder.description, photo_bank.dimension, isinstance(projection, nn.Linear)):
        encoder.add_projection(*random_projection(own, photo_bank.dimension))
    return encoder


def _drop_paths(network: nn.Module, rate: float) -> None:
    """Stochastic depth (Huang et al. 2016), rising to `rate` in the last of timm's blocks with a shortcut."""
    blocks = [block for block in network.modules() if isinstance(getattr(block, "drop_path", None), nn.Identity)]
    for number, block in enumerate(blocks, start=1):
        if getattr(block, "has_skip", True):
            block.drop_path = DropPath(rate * number / len(blocks))


def freeze_first_stages(network: nn.Module, count: int) -> None:
    """Leave the first stages of a network of timm's as they are: its stem, then its blocks by resolution.

    Raises:
        InvalidInputError: the network does not say what its stages are.
    """
    if not count:
        return
    matcher = getattr(network, "group_matcher", None)
    if matcher is None:
        raise InvalidInputError("Only stages of timm's encoders can be frozen. Leave frozen_stages at 0.")
    weights = dict(network.named_parameters())
    stages = group_parameters(network, matcher(coarse=True))
    for stage, names in stages.items():
        for name in names if stage < count else ():
            weights[name].requires_grad_(False)


def retrieval_terms(
    encoder: Encoder,
    images: Tensor,
    batch: Batch,
    photo_bank: PhotoBank,
    preset: Preset,
    first: Encoder | None = None,
) -> dict[str, Tensor]:
    """What makes E1 find photos: its losses, scalars by the names of `LossWeights`.

    Args:
        encoder: E1.
        images: (R·B, 3, S1, S1) in [0, 1], what E1 reads: the whole batch in each of R forms, one after the other.
        batch: of B rows.
        first: the E1 that the run started from, where it started from one.
    """
    forms, weights = len(images) // len(batch.category), preset.weights
    features = encoder.features(images)
    embeddings = encoder.project(features.embedding)
    category, photo_index, is_pair = (part.repeat(forms) for part in (batch.category, batch.photo_index, batch.is_pair))
    terms: dict[str, Tensor] = {}
    if weights.feature:
        targets = _photo_features(batch.photos, photo_bank, images.shape[-1])
        terms["feature"] = losses.feature(
            [*features.middle, features.embedding],
            [layer.repeat(forms, *[1] * (layer.dim() - 1)) for layer in targets],
        )
    if weights.category:
        terms["category"] = losses.category(embeddings, photo_bank.centroids, category, preset.temperature)
    if weights.photos:
        terms["photos"] = losses.photos(
            embeddings, photo_bank.embeddings, photo_bank.labels, category, preset.temperature
        )
    if weights.instance and is_pair.any():
        terms["instance"] = losses.instance(
            embeddings[is_pair],
            photo_bank.embeddings,
            photo_index[is_pair],
            photo_bank.labels,
            category[is_pair],
            preset.temperature,
        )
    if weights.distillation:
        assert first is not None
        terms["distillation"] = losses.distillation(embeddings, _taught(first, images, features, photo_bank, preset))
    return terms


def _taught(first: Encoder, images: Tensor, features: Features, photo_bank: PhotoBank, preset: Preset) -> Tensor:
    """(R·B, K) unit vectors that E1 is taught: those of the E1 the run started from, drawn to the centroids."""
    with torch.no_grad():
        # Where the network is the first one's still, it need not read the images again.
        known = first.project(features.embedding) if preset.projection_alone else first(images)
        if preset.attraction:
            known = losses.attracted(known, photo_bank.centroids, preset.attraction, preset.attraction_temperature)
    return known


def _photo_features(photos: Tensor, photo_bank: PhotoBank, size: int) -> list[Tensor]:
    """E2's middle layers and embedding (B, D) of the photos, seen at the size E1 sees images at, where E2 can."""
    with torch.no_grad():
        seen = photo_bank.encoder.features(resized(photos, input_size(photo_bank.encoder.description, size)))
    return [*seen.middle, seen.embedding]
