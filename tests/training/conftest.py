import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

CATEGORIES = {"ball": "ellipse", "box": "rectangle"}


def _draw(shape: str, fill: str | None, ground: str, place: int) -> Image.Image:
    image = Image.new("RGB", (96, 96), ground)
    corners = (14 + place, 20, 70 + place, 76)
    getattr(ImageDraw.Draw(image), shape)(corners, fill=fill, outline="black", width=3)
    return image


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory) -> Path:
    """Two categories of drawn photos and sketches with meta.csv and pairs.csv; every fifth is `dev`."""
    root = tmp_path_factory.mktemp("drawn")
    random = np.random.default_rng(0)
    rows, pairs = [], []
    for category, shape in CATEGORIES.items():
        for i in range(10):
            split = "dev" if i % 5 == 0 else "train"
            ground = "#{:02x}{:02x}{:02x}".format(*random.integers(120, 250, 3))
            names = {"photo": f"photos/{category}/{i}.jpg", "sketch": f"sketches/{category}/{i}.png"}
            images = {"photo": _draw(shape, "red", ground, i), "sketch": _draw(shape, None, "white", i)}
            for side, name in names.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                images[side].save(root / name)
                rows.append([name, side, category, "sketchy", "sketchy", f"{category}{i}", split])
            pairs.append([names["sketch"], names["photo"]])
    _write(root / "meta.csv", ["path", "side", "category", "tier", "source", "group", "split"], rows)
    _write(root / "pairs.csv", ["sketch", "photo"], pairs)
    return root


def _write(path: Path, head: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
