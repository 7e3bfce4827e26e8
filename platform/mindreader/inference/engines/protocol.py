"""What MindReader asks of an engine: E2, G and E1 at work, with numpy arrays in and out; free of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.inference.noise import NoiseArrays
from mindreader.networks.descriptions import EncoderDescription
from mindreader.region_schemes import Precision


class Rests(Protocol):
    """A network that may have nothing to do for a while."""

    def rest(self) -> None:
        """Give back the memory that only work takes; whoever asks next waits a little longer."""


class EmbedsPhotos(Rests, Protocol):
    """E2 with the projection of its space."""

    @property
    def weight_bytes(self) -> int:
        """Memory its weights take."""

    def tune(self) -> int:
        """Find out how many photos at once are fastest, which may take seconds; `embed` is best given that many."""

    def embed(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (B, K) of photos (B, S, S, 3), of E2's size.

        Raises:
            NotReadyError: not even one photo fits into memory.
        """


class Imagines(Rests, Protocol):
    """G."""

    def __call__(
        self, sketches: NDArray[np.uint8], noise: NoiseArrays, condition: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Imaginary images (B, 3, S, S) in [0, 1] of sketches (B, S, S), strokes 0 on white 255.

        Args:
            condition: (B, K) unit vectors that say what the sketches show; None for a G that takes none.
        """


class ReadsImages(Rests, Protocol):
    """E1."""

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors (B, K) of images (B, 3, S, S) in [0, 1], of the size G paints or of that of sketches."""


class Engine(Protocol):
    """Loads networks and runs them; several threads may use what it loaded."""

    @property
    def name(self) -> str:
        """`torch` or `openvino`."""

    @property
    def device(self) -> str:
        """Where it runs: `cpu`, `cuda`, `cuda:1`, …"""

    @property
    def arithmetic(self) -> str:
        """`float32` or `bfloat16`."""

    def make_ready(self, encoder: EncoderDescription, projection: Path | None, precision: Precision = "float") -> None:
        """Do what takes long when an E2 is loaded here for the first time; nothing where that was done.

        Raises:
            NotReadyError, BundleError: as `photo_encoder`.
        """

    def photo_encoder(
        self, encoder: EncoderDescription, projection: Path | None, precision: Precision = "float"
    ) -> EmbedsPhotos:
        """Load E2.

        Args:
            projection: safetensors file with `weight` (K, D) and `bias` (K,), or none.

        Raises:
            NotReadyError: E2's published weights cannot be found, or are not of this network; or this engine does not
                compute in that precision.
            BundleError: the projection does not fit.
        """

    def generator(self, bundle: Bundle) -> Imagines:
        """Load a bundle's G.

        Raises:
            BundleError: its weights do not fit the manifest.
        """

    def query_encoder(self, bundle: Bundle) -> ReadsImages:
        """Load a bundle's E1.

        Raises:
            BundleError: it is no encoder, or not the one described, or its weights do not fit the manifest.
        """
