"""A bundle whose E1 has the mean of two bundles' weights (model soups, Wortsman et al. 2022).

Two E1 that began with the same published weights lie in one valley of the loss: their mean is about as good at what
each was trained on, and better at what neither was. It costs nothing when it is used, which an ensemble would.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from mindreader.bundles import Bundle, TrainingRecord
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError
from mindreader.inference.loading import load_generator, load_photo_encoder, load_query_encoder
from mindreader_training.export import TrainedNetworks, export_bundle


def average_bundles(first: Bundle, other: Bundle, share: float, command: str, folder: Path, name: str) -> Bundle:
    """Write a bundle whose E1 is `share` of the other's and the rest of the first's; all else is the first's.

    Args:
        share: from 0 to 1.
        command: that makes it of the two.

    Raises:
        InvalidInputError: the two are of different embedding spaces, or have different kinds of E1.
        BundleError: weights do not fit their manifest.
    """
    _check_alike(first, other)
    mixed, weights = load_query_encoder(first), load_query_encoder(other).state_dict()
    mixed.load_state_dict({key: _between(value, weights[key], share) for key, value in mixed.state_dict().items()})
    space, records = first.space, (first.manifest.training, other.manifest.training)
    projection = first.weights(PROJECTION_FILE) if space.projection else None
    networks = TrainedNetworks(
        load_generator(first),
        mixed,
        first.manifest.query_encoder.input_size,
        first.sketch_size,
        first.manifest.query_encoder.sketch_weight,
        load_photo_encoder(space.encoder, projection),
        projection,
    )
    record = TrainingRecord(
        command="; ".join([*(each.command for each in records), command]),
        data=_joined(each.data for each in records),
        steps=sum(each.steps for each in records),
        stopped_by_dev=[phase for each in records for phase in each.stopped_by_dev],
        hours=round(sum(each.hours for each in records), 3),
        hardware=_joined(each.hardware for each in records),
        seed=records[0].seed,
    )
    return export_bundle(folder, first.manifest.preset, networks, record, name)


def _joined(texts: Iterable[str]) -> str:
    """All texts that are not part of another."""
    different = list(dict.fromkeys(texts))
    return "; ".join(text for text in different if not any(text in other for other in different if other != text))


def _check_alike(first: Bundle, other: Bundle) -> None:
    if first.space.key != other.space.key:
        raise InvalidInputError(
            f"{first.manifest.name} is of the embedding space {first.space.key} and {other.manifest.name} of "
            f"{other.space.key}: their query encoders have no mean. Train one in the other's space (--space)."
        )
    kinds = [bundle.manifest.query_encoder.architecture for bundle in (first, other)]
    if kinds[0] != kinds[1]:
        raise InvalidInputError(f"The query encoders are {kinds[0]} and {kinds[1]}: two of one kind have a mean.")


def _between(one: Tensor, other: Tensor, share: float) -> Tensor:
    return one.lerp(other, share) if one.is_floating_point() else one
