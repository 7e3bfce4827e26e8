"""What training knows of the photos: E2 (fixed, with its projection), and its embeddings of all of them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mindreader.errors import InvalidInputError
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import EncoderDescription, SpaceDescription
from mindreader.networks.encoders import Encoder, pretrained_encoder
from mindreader.networks.published import find_encoder
from mindreader_training.data.datasets import Dataset, load_photos
from mindreader_training.distributed import ALONE, World
from mindreader_training.presets import Preset, ProjectionSettings
from mindreader_training.projection import Projection, fit_projection

_BATCH = 64
_EMBEDDINGS, _PROJECTION = "photo_embeddings.npz", "projection.npz"


@dataclass(frozen=True)
class PhotoSide:
    """E2 and the training photos in its space."""

    encoder: Encoder
    """E2 with the projection; no gradients."""
    bank: Tensor
    """(N, K) unit vectors of all training photos."""
    labels: Tensor
    """(N,)"""
    centroids: Tensor
    """(C, K) unit vectors, one for each category."""

    @property
    def space_dimension(self) -> int:
        """K."""
        return int(self.bank.shape[1])


def looking_size(encoder: EncoderDescription, wanted: int) -> int:
    """The size of images to show an encoder in training: the one wanted, if it takes any but its own."""
    return wanted if encoder.flexible else encoder.input_size


def photo_side(dataset: Dataset, preset: Preset, compute: Compute, run: Path, world: World = ALONE) -> PhotoSide:
    """Embed the training photos, fit the projection, and take the categories' centroids.

    Embeddings and projection are kept in the run's folder: a run goes on in the very space it began with.

    Raises:
        InvalidInputError: the encoder cannot be E2 in a bundle, or has fewer dimensions than the projection.
    """
    description = find_encoder(preset.photo_encoder, untrained_seed=preset.untrained_seed)
    # As whoever reads the bundle will see it: what a bundle may not name must not be trained with for hours.
    SpaceDescription.from_json(SpaceDescription(description).as_json())
    if preset.projection is not None and preset.projection.dimension > description.dimension:
        raise InvalidInputError(
            f"projection.dimension is {preset.projection.dimension}, but {description.name} has "
            f"{description.dimension} dimensions. Set it to at most that."
        )
    encoder = pretrained_encoder(description)
    labels = dataset.labels(dataset.photos)
    # The first process fills the run's folder, the others read what it wrote.
    if not world.leads:
        world.wait()
    raw = _embeddings(dataset, description, compute, run / _EMBEDDINGS)
    if preset.projection is not None:
        fitted = _projection(raw, labels, preset.projection, run / _PROJECTION)
        encoder.add_projection(torch.from_numpy(fitted.weight), torch.from_numpy(fitted.bias))
    if world.leads:
        world.wait()
    with torch.no_grad():
        bank = encoder.project(torch.from_numpy(raw)).to(compute.device)
    own = torch.from_numpy(labels).to(compute.device)
    sums = torch.zeros(len(dataset.categories), bank.shape[1], device=compute.device)
    centroids = F.normalize(sums.index_add_(0, own, bank), dim=1)
    return PhotoSide(compute.place(encoder.requires_grad_(False)), bank, own, centroids)


def _embeddings(
    dataset: Dataset, description: EncoderDescription, compute: Compute, cache: Path
) -> NDArray[np.float32]:
    """E2's own unit vectors (N, D) of the photos."""
    key = _digest(SpaceDescription(description).key, *(str(item.path) for item in dataset.photos))
    if (stored := _stored(cache, key)) is not None:
        return stored["embeddings"]
    encoder = PhotoEncoder(description, compute)
    chunks = [dataset.photos[i : i + _BATCH] for i in range(0, len(dataset.photos), _BATCH)]
    embeddings = np.concatenate([encoder.embed(load_photos(c, description.input_size)) for c in chunks])
    _store(cache, key, embeddings=embeddings)
    return embeddings


def _projection(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], settings: ProjectionSettings, cache: Path
) -> Projection:
    key = _digest(repr(settings), *(hashlib.sha256(array.tobytes()).hexdigest() for array in (embeddings, labels)))
    if (stored := _stored(cache, key)) is not None:
        return Projection(stored["weight"], stored["bias"])
    fitted = fit_projection(embeddings, labels, settings.dimension, settings.shrinkage)
    _store(cache, key, weight=fitted.weight, bias=fitted.bias)
    return fitted


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _stored(cache: Path, key: str) -> dict[str, NDArray[np.float32]] | None:
    if not cache.exists():
        return None
    with np.load(cache) as stored:
        return {name: stored[name] for name in stored.files if name != "key"} if str(stored["key"]) == key else None


def _store(cache: Path, key: str, **arrays: NDArray[np.float32]) -> None:
    # Whole or not at all: a run may be killed here.
    fresh = cache.with_name(f"{cache.stem}-{os.getpid()}.npz")
    np.savez(fresh, allow_pickle=False, key=np.array(key), **arrays)
    fresh.replace(cache)
