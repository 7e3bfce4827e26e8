"""Photos for tests that need many: drawn scenes, each one different."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def write_photos(folder: Path, count: int, first: int = 0, side: int = 320) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder / f"photo-{number:05}.jpg", number, side) for number in range(first, first + count)]


def _write(path: Path, number: int, side: int) -> Path:
    random = np.random.default_rng(number)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    image = coarse.resize((side * 4 // 3, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y, size = random.integers(0, side, 3)
        colour = tuple(int(channel) for channel in random.integers(0, 256, 3))
        draw.ellipse((x, y, x + size / 2, y + size / 3), fill=colour)
    image.save(path, "JPEG", quality=85)
    return path
