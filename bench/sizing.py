"""What a photo takes in each store, and how fast a core decodes: the figures docs/scaling.md reckons with.

    .venv/bin/python bench/sizing.py --photos ../shared/data/photos

The catalog is filled with a hundred thousand rows, on SQLite and on a PostgreSQL of its own. Camera photos are photos
of the folder enlarged to 4000 x 3000 with a sensor's noise: their bytes are not a camera's, the work of decoding them
is about that.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from PIL import Image
from sqlalchemy import text

from mindreader.catalog import Catalog
from mindreader.imaging import decode_photo, make_thumbnail, photo_array
from mindreader.networks.descriptions import ENCODERS
from mindreader.settings import load_settings
from mindreader_training.data.datasets import evenly_spread
from tests.support.large_library import fill
from tests.support.library import add_collection, add_space
from tests.support.services import postgres_programs, postgres_server

ROWS = 100_000
CAMERA = (4000, 3000)
NOISE = 4
REPEATS = 3
ENCODER = ENCODERS["efficientnet-lite2"]


def main() -> None:
    """Read the command line; measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="Folder of photos.")
    parser.add_argument("--count", type=int, default=200, help="How many of them.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalog.sqlite3"
        filled(f"sqlite:///{file}").close()
        print(f"catalog, SQLite: {file.stat().st_size / ROWS:.0f} bytes a photo in one space")
    if (programs := postgres_programs()) is not None:
        with postgres_server(programs) as url:
            catalog = filled(url)
            with catalog.snapshot() as session:
                tables = "select sum(pg_total_relation_size(relid)) from pg_stat_user_tables"
                print(
                    f"catalog, PostgreSQL: {float(session.scalar(text(tables))) / ROWS:.0f} bytes a photo in one space"
                )
            catalog.close()
    every = sorted(path for path in asked.photos.rglob("*") if path.is_file())
    some = [path.read_bytes() for path in evenly_spread(every, asked.count)]
    report("photos of the folder", some)
    report("camera photos", [enlarged(photo) for photo in evenly_spread(some, 10)])


def filled(url: str) -> Catalog:
    """A catalog of `ROWS` photos, all indexed in one space."""
    catalog = Catalog(url)
    catalog.migrate()
    add_space(catalog, ENCODER)
    fill(catalog, add_collection(catalog), ROWS)
    return catalog


def enlarged(photo: bytes) -> bytes:
    """A JPEG as large as a camera's."""
    pixels = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB").resize(CAMERA, Image.Resampling.LANCZOS), np.int16)
    noise = np.random.default_rng(0).normal(0, NOISE, (*CAMERA[::-1], 1)).astype(np.int16)
    written = io.BytesIO()
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(written, "JPEG", quality=88)
    return written.getvalue()


def report(name: str, photos: Sequence[bytes]) -> None:
    """Print sizes, and what one core does with them."""
    settings = load_settings()
    most, side, thumbnail = settings.image_max_pixels, ENCODER.input_size, settings.thumbnail_pixels
    thumbnails = [
        make_thumbnail(decode_photo(photo, max_pixels=most, min_side=thumbnail).image, thumbnail) for photo in photos
    ]
    decoding = quickest(
        lambda photo: photo_array(decode_photo(photo, max_pixels=most, min_side=side).image, side), photos
    )
    print(
        f"{name}: original {mean_size(photos):,} bytes, thumbnail {mean_size(thumbnails):,} bytes; "
        f"decoded for E2 in {decoding * 1000:.1f} ms, {1 / decoding:,.0f} a second and core"
    )


def mean_size(files: Sequence[bytes]) -> int:
    return round(float(np.mean([len(file) for file in files])))


def quickest(work: Callable[[bytes], object], photos: Sequence[bytes]) -> float:
    """Seconds a photo, the best of some rounds."""
    rounds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for photo in photos:
            work(photo)
        rounds.append((time.perf_counter() - began) / len(photos))
    return min(rounds)


if __name__ == "__main__":
    main()
