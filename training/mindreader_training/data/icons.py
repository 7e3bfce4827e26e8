"""Sketches made of icons: what a category's icons show, as lines.

Source: the npm package `@iconify/json` (https://github.com/iconify/icon-sets), one JSON file for each icon set, each
with its own licence. `icon_names.json` says by which names icons show a category; names are compared without what only
tells their style ("-outline", "-24-filled").
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from mindreader.errors import InvalidInputError

LICENCES = frozenset(
    ("MIT", "ISC", "Apache-2.0", "BSD-3-Clause", "CC0-1.0", "Unlicense", "CC-BY-3.0", "CC-BY-4.0", "OFL-1.1")
)
"""SPDX names of the licences that ask for no more than that the source is named."""
TABLE = "icons.csv"
_COLUMNS = ("file", "category", "set", "icon", "licence", "author")
_SIDE, _MARGIN = 256, 22
_DRAWN_AT = 2
"""Rendered at this multiple of the size, so that lines are smooth."""
_NO_ICONS_OF_THINGS = re.compile(
    r"(logos|.*-logos|simple-icons|fa.*-brands|cib|brandico|skill-icons|devicon.*|thesvg.*|vscode-icons|file-icons|"
    r"material-icon-theme|catppuccin|circle-flags|flag.*|selfhst|token.*|cryptocurrency.*|arcticons|unjs|svg-spinners|"
    r"pixel.*|.*-pixel|memory|bxl|wordpress|nonicons|k8s|gcp|dinkie-icons|.*-cyber.*)"
)
"""Sets of trademarks, flags and file types, and of pixels."""
_STYLES = re.compile(
    r"(-(outline|outlined|line|linear|thin|light|bold|duotone|fill|filled|solid|twotone|two-tone|sharp|rounded|round|"
    r"regular|broken|variant|alt|o|b|s|r|sm|md|lg|duo|stroke|\d+|flat|remix|monochrome|icon|sketch|color|off-outline|"
    r"simple))+$"
)
_ROOMS = re.compile(r"^(animal|food|sport|travel|object|nature|furniture|outline)-")
_COLOURED = 40
"""Difference between channels above which an icon is a picture, not a shape."""
_PALE = (60, 195)
"""An icon with much ink between these has shades."""
_FAINTEST, _LEAST_INK = 60, 0.005

Strokes = NDArray[np.uint8]
"""(S, S), black strokes 0 on white 255."""


@dataclass(frozen=True)
class Icon:
    """One icon of a set."""

    category: str
    collection: str
    name: str
    svg: str
    licence: str
    author: str


def find_icons(package: Path, categories: Collection[str]) -> Iterator[Icon]:
    """Icons that show one of the categories, under a licence of `LICENCES`.

    Args:
        package: the unpacked `@iconify/json`.

    Raises:
        InvalidInputError: the folder is no such package.
    """
    sets = sorted((package / "json").glob("*.json"))
    if not sets:
        raise InvalidInputError(f"{package} is no unpacked @iconify/json: it has no json/*.json.")
    names = _names(categories)
    for path in sets:
        if _NO_ICONS_OF_THINGS.fullmatch(path.stem):
            continue
        try:
            held = json.loads(path.read_text())
            licence, author = held["info"]["license"].get("spdx", ""), held["info"]["author"]["name"]
            icons = held["icons"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidInputError(f"{path} is no icon set as @iconify/json has them.") from None
        if licence not in LICENCES:
            continue
        for name, icon in icons.items():
            category = names.get(_ROOMS.sub("", _STYLES.sub("", name)))
            if category is not None and not icon.get("hidden"):
                yield Icon(category, path.stem, name, _svg(icon, held), licence, author)


def _names(categories: Collection[str]) -> dict[str, str]:
    known = json.loads((files(__package__) / "icon_names.json").read_text())
    return {name: category for category, names in known.items() if category in categories for name in names}


def _svg(icon: Mapping[str, object], icon_set: Mapping[str, object]) -> str:
    left, top, width, height = (
        icon.get(key, icon_set.get(key, default))
        for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    )
    side = _DRAWN_AT * (_SIDE - 2 * _MARGIN)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{side}" '
        f'height="{side}" viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
    )


def icon_sketch(svg: str) -> Strokes | None:
    """An icon as a sketch of 256 × 256: its lines, or the edges of its surfaces; None where there is nothing to see."""
    try:
        rendered = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    except ValueError:
        return None
    with Image.open(BytesIO(rendered), formats=["PNG"]) as image:
        pixels = np.asarray(image.convert("RGBA"))
    lines = _lines(pixels)
    side = _SIDE - 2 * _MARGIN
    small = cv2.resize(lines, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.max() < _FAINTEST or (small > _FAINTEST).mean() < _LEAST_INK:
        return None
    sheet = np.zeros((_SIDE, _SIDE), np.uint8)
    sheet[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = np.clip(small * (255 / small.max()), 0, 255)
    return np.asarray(255 - sheet, dtype=np.uint8)


def _lines(pixels: Strokes) -> Strokes:
    """Ink (S, S), 255 where a line is, of a rendered icon (S, S, 4)."""
    alpha = pixels[..., 3:].astype(np.float32) / 255
    rgb = np.asarray(pixels[..., :3] * alpha + 255 * (1 - alpha), dtype=np.uint8)
    ink = 255 - cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    inked, shades = ink > _PALE[0], (ink > _PALE[0]) & (ink < _PALE[1])
    is_picture = (rgb.max(axis=2).astype(int) - rgb.min(axis=2)).max() > _COLOURED
    if is_picture or shades.sum() > 0.25 * max(1, inked.sum()):
        edges = np.maximum(cv2.Canny(cv2.bilateralFilter(rgb, 7, 60, 5), 40, 110), _outline(alpha[..., 0] > 0.5, 3))
        return np.asarray(cv2.dilate(edges, np.ones((4, 4), np.uint8)), dtype=np.uint8)
    shape = ink > 100
    # A disc fits into surfaces, and not into lines.
    surfaces = cv2.erode(shape.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (31, 31)))
    if surfaces.sum() > 0.06 * max(1, shape.sum()):
        return _outline(shape, 7)
    return np.asarray(ink, dtype=np.uint8)


def _outline(shape: NDArray[np.bool_], width: int) -> Strokes:
    surface = shape.astype(np.uint8) * 255
    return np.asarray(cv2.morphologyEx(surface, cv2.MORPH_GRADIENT, np.ones((width, width), np.uint8)), dtype=np.uint8)


def write_icon_sketches(package: Path, categories: Collection[str], out: Path) -> int:
    """Write the icons of the categories as `out`/CATEGORY/SET-NAME.png, and a table of where each is from.

    Of several that look alike, only the first is taken.

    Returns:
        how many were written.

    Raises:
        InvalidInputError: `package` is no unpacked `@iconify/json`, or has no icon of these categories.
    """
    seen: set[tuple[str, bytes]] = set()
    rows = []
    for icon in find_icons(package, categories):
        sketch = icon_sketch(icon.svg)
        if sketch is None or (look := (icon.category, _look(sketch))) in seen:
            continue
        seen.add(look)
        file = Path(icon.category) / f"{icon.collection}-{icon.name}.png"
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sketch).save(out / file)
        rows.append((file, icon.category, icon.collection, icon.name, icon.licence, icon.author))
    if not rows:
        raise InvalidInputError(f"{package} has no icon of these categories.")
    with (out / TABLE).open("w", newline="") as table:
        csv.writer(table).writerows([_COLUMNS, *rows])
    return len(rows)


def _look(sketch: Strokes) -> bytes:
    return bytes(cv2.resize(sketch, (24, 24), interpolation=cv2.INTER_AREA) // 64)
