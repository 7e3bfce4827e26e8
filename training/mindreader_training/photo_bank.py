"""The photo bank: E2 (fixed, with its projection) and its embeddings of all training photos."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mindreader.errors import InvalidInputError
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.loading import load_photo_encoder
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import EncoderDescription, SpaceDescription
from mindreader.networks.encoders import Encoder, pretrained_encoder
from mindreader.networks.published import find_encoder
from mindreader_training.data.datasets import Dataset, Item
from mindreader_training.distributed import SINGLE_PROCESS, World
from mindreader_training.evaluation.embed import embed_photos
from mindreader_training.presets import Preset, ProjectionSettings
from mindreader_training.projection import Projection, fit_projection
from mindreader_training.start import Start

_EMBEDDINGS, _PROJECTION = "photo_embeddings.npz", "projection.npz"


@dataclass(frozen=True)
class PhotoBank:
    """E2 and the training photos in its space."""

    encoder: Encoder
    """E2 with the projection; no gradients."""
    embeddings: Tensor
    """(N, K) unit vectors of all training photos."""
    labels: Tensor
    """(N,) category of each photo."""
    centroids: Tensor
    """(C, K) unit vectors, one for each category."""

    @property
    def dimension(self) -> int:
        """K, of the embedding space."""
        return int(self.embeddings.shape[1])

    def embed(self, photos: Sequence[Item], compute: Compute) -> NDArray[np.float32]:
        """Unit vectors (M, K) of other photos in the same space."""
        own = embed_photos(PhotoEncoder(self.encoder.description, TorchEngine(compute)), photos)
        with torch.no_grad():
            projected = self.encoder.project(torch.from_numpy(own).to(compute.device))
        return projected.cpu().numpy()


def input_size(encoder: EncoderDescription, preferred: int) -> int:
    """Side in pixels of the images an encoder gets in training: the preferred one, if it takes any but its own."""
    return preferred if encoder.flexible else encoder.input_size


def build_photo_bank(
    dataset: Dataset, preset: Preset, compute: Compute, run: Path, world: World = SINGLE_PROCESS
) -> PhotoBank:
    """Embed the training photos, fit the projection, and take the categories' centroids.

    Embeddings and projection are kept in the run's folder: a run goes on in the very space it began with.

    Raises:
        InvalidInputError: the encoder cannot be E2 in a bundle, or has fewer dimensions than the projection.
    """
    description = _photo_encoder(preset)
    encoder = pretrained_encoder(description)
    labels = dataset.labels(dataset.photos)
    # The main process fills the run's folder, the others read what it wrote.
    if not world.is_main_process:
        world.barrier()
    raw = _cached_embeddings(dataset, description, compute, run / _EMBEDDINGS)
    if preset.projection is not None:
        projection = _cached_projection(raw, labels, preset.projection, run / _PROJECTION)
        encoder.add_projection(torch.from_numpy(projection.weight), torch.from_numpy(projection.bias))
    if world.is_main_process:
        world.barrier()
    with torch.no_grad():
        embeddings = encoder.project(torch.from_numpy(raw)).to(compute.device)
    on_device = torch.from_numpy(labels).to(compute.device)
    centroids = _centroids(embeddings, on_device, len(dataset.categories))
    return PhotoBank(compute.place(encoder.requires_grad_(False)), embeddings, on_device, centroids)


def photo_bank_of(
    start: Start, dataset: Dataset, compute: Compute, run: Path, world: World = SINGLE_PROCESS
) -> PhotoBank:
    """The training photos in the space of the bundle that a run starts from.

    Raises:
        InvalidInputError: there is not one embedding for each photo.
        NotReadyError: E2's published weights cannot be found.
        BundleError: the projection does not fit E2.
    """
    description, known = start.bundle.space.encoder, start.photo_embeddings
    encoder = load_photo_encoder(description, start.projection)
    if known is None:
        if not world.is_main_process:
            world.barrier()
        raw = _cached_embeddings(dataset, description, compute, run / _EMBEDDINGS)
        if world.is_main_process:
            world.barrier()
        with torch.no_grad():
            known = encoder.project(torch.from_numpy(raw)).numpy()
    if len(known) != len(dataset.photos):
        raise InvalidInputError(f"There are {len(dataset.photos)} photos, but embeddings of {len(known)}.")
    embeddings = torch.from_numpy(known).to(compute.device)
    labels = torch.from_numpy(dataset.labels(dataset.photos)).to(compute.device)
    return PhotoBank(
        compute.place(encoder), embeddings, labels, _centroids(embeddings, labels, len(dataset.categories))
    )


def _photo_encoder(preset: Preset) -> EncoderDescription:
    description = find_encoder(preset.photo_encoder, untrained_seed=preset.untrained_seed)
    # As whoever reads the bundle will see it: what a bundle may not name must not be trained with for hours.
    SpaceDescription.from_json(SpaceDescription(description).as_json())
    if preset.projection is not None and preset.projection.dimension > description.dimension:
        raise InvalidInputError(
            f"projection.dimension is {preset.projection.dimension}, but {description.name} has "
            f"{description.dimension} dimensions. Set it to at most that."
        )
    return description


def _centroids(embeddings: Tensor, labels: Tensor, categories: int) -> Tensor:
    """(C, K) unit vectors: the mean direction of each category."""
    sums = torch.zeros(categories, embeddings.shape[1], device=embeddings.device)
    return F.normalize(sums.index_add_(0, labels, embeddings), dim=1)


def _cached_embeddings(
    dataset: Dataset, description: EncoderDescription, compute: Compute, cache: Path
) -> NDArray[np.float32]:
    """E2's own unit vectors (N, D) of the photos, without projection."""
    key = _digest(SpaceDescription(description).key, *(str(item.path) for item in dataset.photos))
    if (stored := _load(cache, key)) is not None:
        return stored["embeddings"]
    embeddings = embed_photos(PhotoEncoder(description, TorchEngine(compute)), dataset.photos)
    _save(cache, key, embeddings=embeddings)
    return embeddings


def _cached_projection(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], settings: ProjectionSettings, cache: Path
) -> Projection:
    key = _digest(repr(settings), *(hashlib.sha256(array.tobytes()).hexdigest() for array in (embeddings, labels)))
    if (stored := _load(cache, key)) is not None:
        return Projection(stored["weight"], stored["bias"])
    fitted = fit_projection(embeddings, labels, settings.dimension, settings.shrinkage)
    _save(cache, key, weight=fitted.weight, bias=fitted.bias)
    return fitted


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _load(cache: Path, key: str) -> dict[str, NDArray[np.float32]] | None:
    """The arrays of a cache file, if it was written under this key."""
    if not cache.exists():
        return None
    with np.load(cache) as stored:
        return {name: stored[name] for name in stored.files if name != "key"} if str(stored["key"]) == key else None


def _save(cache: Path, key: str, **arrays: NDArray[np.float32]) -> None:
    # Whole or not at all: a run may be killed here.
    fresh = cache.with_name(f"{cache.stem}-{os.getpid()}.npz")
    np.savez(fresh, allow_pickle=False, key=np.array(key), **arrays)
    fresh.replace(cache)
