"""The photo encoder E2 at work: photos in, unit vectors out, on whichever engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.bundles.weight_files import check_projection
from mindreader.inference.engines.protocol import Engine
from mindreader.networks.descriptions import EncoderDescription
from mindreader.region_schemes import Precision


class PhotoEncoder:
    """E2, ready to embed photos."""

    def __init__(
        self,
        encoder: EncoderDescription,
        engine: Engine,
        projection: Path | None = None,
        precision: Precision = "float",
    ) -> None:
        """Load E2 and the projection of its space, if that has one.

        Args:
            projection: safetensors file with ``weight`` (K, D) and ``bias`` (K,).

        Raises:
            NotReadyError: E2's published weights cannot be found, or are not of this network; or the engine does not
                compute in this precision.
            BundleError: E2 is no encoder, or not the one described, or the projection does not fit.
        """
        self.description = encoder
        self._network = engine.photo_encoder(encoder, projection, precision)

    @classmethod
    def of_bundle(cls, bundle: Bundle, engine: Engine) -> PhotoEncoder:
        """E2 of the embedding space a bundle targets.

        Raises:
            NotReadyError: E2's published weights cannot be found, or are not of this network.
            BundleError: E2 is no encoder, or not the one described, or the projection does not fit.
        """
        space = bundle.space
        made = cls(space.encoder, engine, bundle.weights(PROJECTION_FILE) if space.projection else None)
        if space.projection is not None:
            check_projection(bundle)
        return made

    @property
    def weight_bytes(self) -> int:
        """Memory its weights take."""
        return self._network.weight_bytes

    def tune(self) -> int:
        """Find out how many photos at once are fastest, which may take some seconds."""
        return self._network.tune()

    def rest(self) -> None:
        """Give back the memory that only work takes."""
        self._network.rest()

    def embed(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed photos (B, H, W, 3), resized where S, the description's input size, differs; unit vectors (B, K).

        Raises:
            NotReadyError: not even one photo fits into memory.
        """
        return self._network.embed(_fitted(photos, self.description.input_size))


def _fitted(photos: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if photos.shape[1:3] == (size, size):
        return photos
    return np.stack([np.asarray(Image.fromarray(p).resize((size, size), Image.Resampling.BILINEAR)) for p in photos])
