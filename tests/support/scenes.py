"""Scenes for tests: grey photos, and what a table says is in them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

HEAD = "file,category,left,top,right,bottom"
BALLS = tuple(f"{i}.png,ball,0,0,0.5,0.5" for i in range(3))


def write_scenes(folder: Path, *rows: str, head: str = HEAD, photos: int = 4) -> Path:
    folder.mkdir()
    for i in range(photos):
        Image.new("RGB", (64, 48), "gray").save(folder / f"{i}.png")
    (folder / "scenes.csv").write_text("\n".join([head, *rows]) + "\n")
    return folder
