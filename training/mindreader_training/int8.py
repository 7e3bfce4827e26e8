"""Models of E2 in int8, which schemes of regions with that precision use (`mindreader.inference.engines.int8_models`).

Made of training photos by NNCF; nothing that is held back for evaluation goes in.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindreader.boxes import WHOLE, Box
from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError
from mindreader.inference.engines.compiled_models import (
    MODEL,
    WEIGHTS,
    CompiledModels,
    convert_in_a_program,
    photo_encoder_source,
)
from mindreader.inference.engines.int8_models import int8_file_name
from mindreader.inference.engines.openvino_library import openvino
from mindreader.inference.regions import crop, region_scheme
from mindreader.inference.schemes import encoders_of
from mindreader_training.data.datasets import Item, evenly_spread, load_photos

Pixels = NDArray[np.uint8]

PHOTOS = 1000
"""So many are looked at."""
_IN_FLOAT = ("ReduceL2", "Maximum", "Divide", "MatMul")
"""What comes after the convolutions: both unit lengths, and the projection between them. They take no time."""


def write_int8_models(bundle: Bundle, training: Sequence[Item], regions: str, folder: Path) -> list[Path]:
    """Write the models that a bundle's E2 needs for a scheme of regions, each as a file of its own; returns these.

    Args:
        training: photos the bundle was trained on.

    Raises:
        InvalidInputError: there is no such scheme, or NNCF is not installed.
        NotReadyError, BundleError: as `PhotoEncoder`.
        NotConvertedError: OpenVINO cannot run this E2.
    """
    scheme = region_scheme(regions)
    described = bundle.space.projection
    projection = bundle.weights(PROJECTION_FILE) if described else None
    photos = evenly_spread(training, PHOTOS)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory() as made:
        models = CompiledModels(Path(made), convert_in_a_program)
        for number, encoder in enumerate(encoders_of(bundle.space.encoder, scheme)):
            model = openvino().Core().read_model(models.folder_of(photo_encoder_source(encoder, projection)) / MODEL)
            boxes = scheme.boxes if number else (WHOLE,)
            path = folder / int8_file_name(encoder, described.sha256 if described else None)
            _pack(quantized(model, _seen(photos, encoder.input_size, boxes)), path)
            written.append(path)
    return written


def quantized(model: Any, photos: Pixels, left_as_they_are: Sequence[str] = ()) -> Any:
    """OpenVINO's model of an E2 in int8.

    Args:
        photos: (N, S, S, 3), as it will see them; the ranges of its numbers are taken from these.
        left_as_they_are: friendly names of layers.

    Raises:
        InvalidInputError: NNCF is not installed.
    """
    try:
        import nncf
    except ImportError:
        raise InvalidInputError("NNCF is not installed. `pip install 'mindreader[int8]'`, then try again.") from None
    return nncf.quantize(
        model,
        nncf.Dataset([photos[i : i + 1] for i in range(len(photos))]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(photos),
        ignored_scope=nncf.IgnoredScope(names=list(left_as_they_are), types=list(_IN_FLOAT), validate=False),
        # Processors without instructions for int8 add two products in 16 bits, which must have room for them.
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
    )


def _pack(model: Any, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        openvino().save_model(model, Path(folder, MODEL), compress_to_fp16=False)
        for name in (MODEL, WEIGHTS):
            packed.write(Path(folder, name), name)


def _seen(photos: Sequence[Item], size: int, boxes: Sequence[Box]) -> Pixels:
    """Of each photo one of the boxes in its turn, (N, size, size, 3)."""
    whole = load_photos(photos, size if boxes == (WHOLE,) else 2 * size)
    return np.stack([crop(photo, boxes[place % len(boxes)], size) for place, photo in enumerate(whole)])
