"""What other libraries take to make a photo as large as E2 wants it, beside Pillow, and how far E2 sees a difference.

    .venv/bin/pip install cykooz.resizer kornia-rs
    .venv/bin/python bench/resizing.py --data DATA

Photos of the protocol dev, as they are and enlarged four times, are made as large as E2 takes them, by bicubic filters.
Milliseconds of a processor, the least of several turns; how many values differ from Pillow's, and by how much at most;
the least and the mean cosine between E2's embeddings of both.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from cykooz_resizer import FilterType, ResizeAlg, ResizeOptions, Resizer
from kornia_rs import imgproc
from numpy.typing import NDArray
from PIL import Image

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.settings import load_settings
from mindreader_training.data.datasets import evenly_spread
from mindreader_training.data.protocols import protocol

Pixels = NDArray[np.uint8]
Resize = Callable[[Image.Image, int], Pixels]

_ENLARGED = 4
_RESIZER = Resizer()
_BICUBIC = ResizeOptions(resize_alg=ResizeAlg.convolution(FilterType.catmull_rom), use_alpha=False)


def pillow(photo: Image.Image, side: int) -> Pixels:
    return np.array(photo.resize((side, side), Image.Resampling.BICUBIC))


def cykooz(photo: Image.Image, side: int) -> Pixels:
    made = Image.new("RGB", (side, side))
    _RESIZER.resize_pil(photo, made, _BICUBIC)
    return np.array(made)


def kornia(photo: Image.Image, side: int) -> Pixels:
    return np.asarray(imgproc.resize(np.asarray(photo), (side, side), "bicubic", True))


def opencv(photo: Image.Image, side: int) -> Pixels:
    return np.asarray(cv2.resize(np.asarray(photo), (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MINDREADER_DATA", "../shared/data")))
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    items = protocol(asked.data, "dev", 0).dataset.photos
    small = [Image.open(item.path).convert("RGB") for item in evenly_spread(items, asked.photos)]
    large = [photo.resize((_ENLARGED * photo.width, _ENLARGED * photo.height)) for photo in small[::4]]
    with tempfile.TemporaryDirectory() as folder:
        engine = choose_engine(load_settings({"MINDREADER_DATA_DIR": folder})).load()
        encoder = PhotoEncoder.of_bundle(read_bundle(default_bundle_folder()), engine)
        for name, photos in (("as they are", small), ("larger", large)):
            compare(name, photos, encoder, asked.turns)


def compare(name: str, photos: list[Image.Image], encoder: PhotoEncoder, turns: int) -> None:
    side = encoder.description.input_size
    libraries: dict[str, Resize] = {"Pillow": pillow, "cykooz.resizer": cykooz, "kornia-rs": kornia, "OpenCV": opencv}
    expected = np.stack([pillow(photo, side) for photo in photos])
    vectors = encoder.embed(expected)
    megapixels = np.mean([photo.width * photo.height for photo in photos]) / 1e6
    print(f"{name}: {len(photos)} photos, {megapixels:.2f} megapixels")
    for library, resize in libraries.items():
        taken = min(milliseconds(resize, photos, side) for _ in range(turns))
        made = np.stack([resize(photo, side) for photo in photos])
        apart = np.abs(made.astype(int) - expected)
        cosines = (encoder.embed(made) * vectors).sum(axis=1)
        print(
            f"  {library:15} {taken:5.2f} ms, {(apart > 0).mean():6.1%} of values differ, by {apart.max():3} at most,"
            f" cosine {cosines.min():.5f} at least, {cosines.mean():.5f} in the mean"
        )


def milliseconds(resize: Resize, photos: list[Image.Image], side: int) -> float:
    """Of a processor, all threads counted, for each photo."""
    started = time.process_time()
    for photo in photos:
        resize(photo, side)
    return 1000 * (time.process_time() - started) / len(photos)


if __name__ == "__main__":
    main()
