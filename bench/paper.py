"""Drawings photographed on paper: how many sheets are found, how like the strokes are, and what is found by them.

    .venv/bin/python bench/paper.py --data ../shared/data --count 120

The photos are made (`tests/support/paper_photos.py`): real sketches on A4, every fourth sheet ruled, on six tables,
tilted up to 30 degrees, lit from one side, with a shadow. The gallery are the 875 photos of the protocol "dev".
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from mindreader.errors import SketchRejectedError
from mindreader.imaging import Reading, read_drawing
from mindreader_training.data.datasets import evenly_spread
from tests.support.paper_photos import SIZE, TABLES, PaperPhoto, photo_of_paper
from tests.support.strokes import agreement, overlap, squared

FOUND_WITHIN = 25
"""Pixels of 1440 by which no corner may be off."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--no-retrieval", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sketches = dev_files(asked.data, "sketch")
        read_all(evenly_spread(sketches, asked.count), Path(folder))
        if not asked.no_retrieval:
            gallery(dev_files(asked.data, "photo"), Path(folder))
            for name in ("clean", "sheet", "whole"):
                retrieve(Path(folder), name)


def dev_files(data: Path, side: str) -> list[tuple[str, Path]]:
    """Category and path of what the protocol "dev" takes."""
    with (data / "meta.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["side"] == side]
    return [
        (row["category"], data / row["path"]) for row in rows if (row["split"], row["source"]) == ("dev", "sketchy")
    ]


def read_all(sketches: Sequence[tuple[str, Path]], folder: Path) -> None:
    found, overlaps, agreements = [], [], []
    for seed, (category, path) in enumerate(sketches):
        drawing = Image.open(path).convert("L")
        table, share = TABLES[seed % len(TABLES)], (0.3, 0.5, 0.7)[seed % 3]
        photo = photo_of_paper(drawing, seed, table=table, ruled=seed % 4 == 0, share=share)
        strokes, corners = read(photo, Reading.AUTO)
        whole, _ = read(photo, Reading.PICTURE)
        off = np.inf if corners is None else float(np.abs((corners - photo.corners) * SIZE).max())
        found.append(off < FOUND_WITHIN)
        overlaps.append(overlap(strokes, squared(photo.sheet)))
        agreements.append(agreement(strokes, squared(photo.sheet)))
        if not found[-1]:
            print(f"missed: {path.name} on {table}, ruled: {seed % 4 == 0}, off by {off:.0f} pixels")
        for name, image in (("clean", drawing), ("sheet", strokes), ("whole", whole)):
            place = folder / name / category
            place.mkdir(parents=True, exist_ok=True)
            image.save(place / f"{seed}.png")
    precision, recall = np.mean(agreements, axis=0)
    print(f"sheets found: {sum(found)} of {len(found)}")
    print(f"ink: IoU {np.mean(overlaps):.3f}, precision {precision:.3f}, recall {recall:.3f}")


def read(photo: PaperPhoto, reading: Reading) -> tuple[Image.Image, np.ndarray | None]:
    out = io.BytesIO()
    photo.image.save(out, "JPEG", quality=88)
    try:
        made = read_drawing(out.getvalue(), max_bytes=10**8, reading=reading)
    except SketchRejectedError:
        return Image.new("L", (512, 512), 255), None
    return made.strokes, made.corners


def gallery(photos: list[tuple[str, Path]], folder: Path) -> None:
    for category, path in photos:
        place = folder / "photos" / category
        place.mkdir(parents=True, exist_ok=True)
        (place / path.name).symlink_to(path.resolve())


def retrieve(folder: Path, name: str) -> None:
    program = Path(sys.executable).with_name("mindreader")
    command = [program, "evaluate", "default", "--photos", folder / "photos", "--sketches", folder / name, "--json"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    print(name, json.loads(done.stdout)["rows"]["generator_and_query_encoder"])


if __name__ == "__main__":
    main()
