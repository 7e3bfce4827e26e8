"""The engine torch: for GPUs, for training, and for networks no other engine can run."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mindreader.bundles import Bundle
from mindreader.errors import NotReadyError
from mindreader.inference.loading import load_generator, load_photo_encoder, load_query_encoder
from mindreader.inference.noise import NoiseArrays
from mindreader.inference.weights import resized
from mindreader.networks.compute import Compute, choose_compute
from mindreader.networks.descriptions import EncoderDescription
from mindreader.networks.generator import Noise
from mindreader.region_schemes import Precision

log = logging.getLogger(__name__)

_AT_ONCE_ON_A_PROCESSOR = 8
"""What a layer makes of more no longer stays in the processor's caches (docs/performance.md)."""
_FEWEST_ON_A_GPU, _MOST_ON_A_GPU = 32, 1024
_WORTH_DOUBLING = 1.1


@dataclass(frozen=True)
class TorchEngine:
    """Networks as torch modules; see `Engine`."""

    compute: Compute

    @classmethod
    def on(cls, device: str = "auto", precision: str = "auto", threads: int = 0) -> TorchEngine:
        """An engine on a device; see `choose_compute`."""
        return cls(choose_compute(device, precision, threads))

    @property
    def name(self) -> str:
        """What it is."""
        return "torch"

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self.compute.device)

    @property
    def arithmetic(self) -> str:
        """Of convolutions and matrix products."""
        return "bfloat16" if self.compute.bfloat16 else "float32"

    def make_ready(self, encoder: EncoderDescription, projection: Path | None, precision: Precision = "float") -> None:
        """Nothing: torch loads what bundles hold; see `Engine.make_ready`."""

    def photo_encoder(
        self, encoder: EncoderDescription, projection: Path | None, precision: Precision = "float"
    ) -> TorchPhotoEncoder:
        """Load E2; see `Engine.photo_encoder`."""
        if precision != "float":
            raise NotReadyError(
                "Photos of this version are embedded in {precision}, which only OpenVINO does, on a processor. Set "
                "MINDREADER_ENGINE=openvino for this worker, or use a version without.",
                precision=precision,
            )
        network = self.compute.place(load_photo_encoder(encoder, projection))
        return TorchPhotoEncoder(network, encoder.input_size, self.compute)

    def generator(self, bundle: Bundle) -> TorchGenerator:
        """Load a bundle's G; see `Engine.generator`."""
        return TorchGenerator(self.compute.place(load_generator(bundle)), self.compute)

    def query_encoder(self, bundle: Bundle) -> TorchImageReader:
        """Load a bundle's E1; see `Engine.query_encoder`."""
        size = bundle.manifest.query_encoder.input_size
        return TorchImageReader(self.compute.place(load_query_encoder(bundle)), size, self.compute)


class _Resting:
    """What torch frees it keeps for the next time; there is little of it."""

    def rest(self) -> None:
        """Keep all memory; see `Rests`."""


class TorchGenerator(_Resting):
    """G, which may still be in training."""

    def __init__(self, network: nn.Module, compute: Compute) -> None:
        self._network, self._compute = network, compute

    def __call__(
        self, sketches: NDArray[np.uint8], noise: NoiseArrays, condition: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Imagine; see `Imagines`."""
        masks = tuple(self._there(mask) for mask in noise.masks)
        z = Noise(None if noise.step is None else self._there(noise.step), masks)
        images = self._there(sketches).unsqueeze(1).float() / 255
        with torch.inference_mode(), self._compute.autocast():
            painted: Tensor = self._network(images, z, None if condition is None else self._there(condition))
        return painted.float().cpu().numpy()

    def _there(self, values: NDArray[np.float32] | NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(values).to(self._compute.device)


class TorchImageReader(_Resting):
    """E1, which may still be in training."""

    def __init__(self, network: nn.Module, size: int, compute: Compute) -> None:
        """Use an encoder.

        Args:
            size: side of the images it reads, to which others are resized.
        """
        self._network, self._size, self._compute = network, size, compute

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors (B, K) of images (B, 3, H, W) in [0, 1]."""
        with torch.inference_mode(), self._compute.autocast():
            there = torch.from_numpy(images).to(self._compute.device)
            embeddings: Tensor = self._network(resized(there, self._size))
        return embeddings.float().cpu().numpy()


class TorchPhotoEncoder(_Resting):
    """E2, by as many photos at once as the device is fast with."""

    def __init__(self, network: nn.Module, size: int, compute: Compute) -> None:
        """Use an encoder.

        Args:
            size: side of the photos it reads.
        """
        self._network, self._size, self._compute = network, size, compute
        self._at_once = _AT_ONCE_ON_A_PROCESSOR if compute.device.type == "cpu" else _MOST_ON_A_GPU

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
        photos = np.zeros((size, self._size, self._size, 3), dtype=np.uint8)
        self._embed_at_once(photos)  # the first time, memory is asked for
        started = time.perf_counter()
        self._embed_at_once(photos)
        return time.perf_counter() - started

    def embed(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed photos; see `EmbedsPhotos.embed`. Where too many do not fit into memory, it is fewer, also later."""
        done: list[NDArray[np.float32]] = []
        start = 0
        while start < len(photos):
            part = photos[start : start + self._at_once]
            try:
                done.append(self._embed_at_once(part))
                start += len(part)
            except torch.OutOfMemoryError:
                self._take_less(len(part))
        return np.concatenate(done)

    def _take_less(self, too_many: int) -> None:
        if too_many == 1:
            raise NotReadyError(
                "Not even one photo fits into the memory of {device}. Stop other programs that use it, or set "
                "MINDREADER_DEVICE=cpu.",
                device=str(self._compute.device),
            )
        self._at_once = too_many // 2
        torch.cuda.empty_cache()
        log.warning("%d photos do not fit into memory at once; from now on %d", too_many, self._at_once)

    def _embed_at_once(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode(), self._compute.autocast():
            embeddings: Tensor = self._network(self._images(photos))
        return embeddings.float().cpu().numpy()

    def _images(self, photos: NDArray[np.uint8]) -> Tensor:
        # NHWC memory seen as NCHW is channels_last already: no copy but the one to the device.
        pixels = torch.from_numpy(photos)
        if self._compute.device.type == "cuda":  # from pinned memory the copy runs beside what the GPU is still at
            pixels = pixels.pin_memory()
        return pixels.to(self._compute.device, non_blocking=True).permute(0, 3, 1, 2).float() / 255


def fastest_batch(seconds: Callable[[int], float], first: int, most: int) -> int:
    """Double the batch from `first` up to `most` while that pays by a tenth, and fits into memory.

    Args:
        seconds: time for a batch of that size.
    """
    best, best_rate, size = first, 0.0, first
    while size <= most:
        try:
            rate = size / max(seconds(size), math.ulp(1.0))
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            break
        if rate < best_rate * _WORTH_DOUBLING:
            break
        best, best_rate, size = size, rate, size * 2
    return best
