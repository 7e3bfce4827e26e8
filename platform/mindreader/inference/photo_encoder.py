"""The photo encoder E2 at work: photos in, unit vectors out, by as many at once as the device is fast with."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.bundles.weight_files import check_projection
from mindreader.errors import BundleError, NotReadyError
from mindreader.inference.batching import fastest_batch
from mindreader.inference.weights import read_weights, resized
from mindreader.networks.checks import check_encoder
from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import EncoderDescription
from mindreader.networks.encoders import Encoder, pretrained_encoder

log = logging.getLogger(__name__)

_AT_ONCE_ON_A_PROCESSOR = 8
"""What a layer makes of more no longer stays in the processor's caches (docs/performance.md)."""
_FEWEST_ON_A_GPU, _MOST_ON_A_GPU = 32, 1024


class PhotoEncoder:
    """E2, ready to embed photos."""

    def __init__(self, encoder: EncoderDescription, compute: Compute, projection: Path | None = None) -> None:
        """Load E2 and the projection of its space, if that has one.

        Args:
            projection: safetensors file with ``weight`` (K, D) and ``bias`` (K,).

        Raises:
            NotReadyError: E2's published weights cannot be found.
            BundleError: the projection does not fit.
        """
        self.description = encoder
        self._compute = compute
        network = pretrained_encoder(encoder)
        if projection is not None:
            _add_projection(network, projection)
        self._network = compute.place(network.eval().requires_grad_(False))
        self._at_once = _AT_ONCE_ON_A_PROCESSOR if compute.device.type == "cpu" else _MOST_ON_A_GPU

    @classmethod
    def of_bundle(cls, bundle: Bundle, compute: Compute) -> PhotoEncoder:
        """E2 of the embedding space a bundle targets.

        Raises:
            NotReadyError: E2's published weights cannot be found, or are not of this network.
            BundleError: E2 is no encoder, or not the one described, or the projection does not fit.
        """
        space = bundle.space
        check_encoder(space.encoder, space.encoder.input_size)
        if space.projection is not None:
            check_projection(bundle)
        return cls(space.encoder, compute, bundle.weights(PROJECTION_FILE) if space.projection else None)

    @property
    def weight_bytes(self) -> int:
        """Memory its weights take."""
        return sum(tensor.nbytes for tensor in self._network.state_dict().values())

    def tune(self) -> int:
        """Find out how many photos at once a GPU is fastest with, which takes some seconds, and embed by as many."""
        if self._compute.device.type != "cpu":
            self._at_once = fastest_batch(self._seconds_of_a_batch, _FEWEST_ON_A_GPU, _MOST_ON_A_GPU)
        return self._at_once

    def _seconds_of_a_batch(self, size: int) -> float:
        side = self.description.input_size
        photos = np.zeros((size, side, side, 3), dtype=np.uint8)
        self.embed_images(_images(photos, self._compute.device))  # the first time, memory is asked for
        started = time.perf_counter()
        self.embed_images(_images(photos, self._compute.device))
        return time.perf_counter() - started

    def embed(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed photos (B, H, W, 3), resized where S, the description's input size, differs; unit vectors (B, K).

        They go through the network by as many as the device is fast with. Where so many do not fit into its memory, it
        is fewer, also later.

        Raises:
            NotReadyError: not even one photo fits.
        """
        done: list[NDArray[np.float32]] = []
        start = 0
        while start < len(photos):
            part = photos[start : start + self._at_once]
            try:
                done.append(self.embed_images(_images(part, self._compute.device)))
                start += len(part)
            except torch.OutOfMemoryError:
                self._take_less(len(part))
        return np.concatenate(done)

    def _take_less(self, too_many: int) -> None:
        if too_many == 1:
            raise NotReadyError(
                f"Not even one photo fits into the memory of {self._compute.device}. Stop other programs that use it, "
                "or set MINDREADER_DEVICE=cpu."
            )
        self._at_once = too_many // 2
        torch.cuda.empty_cache()
        log.warning("%d photos do not fit into memory at once; from now on %d", too_many, self._at_once)

    def embed_images(self, images: Tensor) -> NDArray[np.float32]:
        """Embed images (B, 3, H, W) in [0, 1], photos or not; returns unit vectors (B, K)."""
        with torch.inference_mode(), self._compute.autocast():
            embeddings: Tensor = self._network(resized(images, self.description.input_size))
        return embeddings.float().cpu().numpy()


def _images(photos: NDArray[np.uint8], device: torch.device) -> Tensor:
    # NHWC memory seen as NCHW is channels_last already: no copy but the one to the device.
    pixels = torch.from_numpy(photos)
    if device.type == "cuda":  # from pinned memory the copy runs beside what the GPU is still at
        pixels = pixels.pin_memory()
    return pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float() / 255


def _add_projection(network: Encoder, path: Path) -> None:
    weights = read_weights(path)
    try:
        network.add_projection(weights["weight"].float(), weights["bias"].float())
    except (KeyError, IndexError, RuntimeError) as error:
        raise BundleError(f"{path.name} is no projection: {str(error).splitlines()[0]}") from None
    if weights["weight"].shape[1] != network.description.dimension:
        raise BundleError(f"{path.name} does not fit the embeddings of {network.description.name}.")
