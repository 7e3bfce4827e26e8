"""Photos of a drawing on a sheet of paper, as a phone takes them: a table, a tilt, a light from one side, a shadow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]

SIZE = (1440, 1080)
"""Width and height of a photo."""
TABLES = ("dark wood", "light wood", "white", "black", "grey", "cloth")
_COLOURS = {
    "dark wood": (92, 62, 40),
    "light wood": (196, 160, 118),
    "white": (224, 222, 216),
    "black": (34, 33, 36),
    "grey": (128, 130, 133),
    "cloth": (70, 92, 130),
}
_PAPER = (247, 245, 238)
_LONG, _SHORT = 1400, 990


@dataclass(frozen=True)
class PaperPhoto:
    """A photo, and what is to be found in it."""

    image: Image.Image
    """Mode ``RGB``."""
    corners: NDArray[np.float64]
    """Of the sheet, (4, 2) as shares of width and height: upper left, upper right, lower right, lower left."""
    sheet: Image.Image
    """The drawing alone on the whole sheet, mode ``L``, black on white."""


def photo_of_paper(
    drawing: Image.Image, seed: int, *, table: str, tilt: float = 30, ruled: bool = False, share: float = 0.5
) -> PaperPhoto:
    """A photo of a drawing.

    Args:
        drawing: a square, black on white.
        seed: of where the camera stands, the light, the grain.
        table: one of `TABLES`.
        tilt: the most degrees by which the camera looks askance.
        ruled: whether the paper has lines.
        share: of the picture that the sheet covers, about.
    """
    random = np.random.default_rng(seed)
    sheet = _sheet(drawing, portrait=bool(random.random() < 0.5))
    corners = _corners(random, sheet.size, tilt, share)
    paper = _inked(_paper(sheet.size, ruled), sheet, ink=float(random.uniform(35, 85)))
    scene = _laid(_table(random, table), paper, corners)
    lit = scene * _light(random)[..., None] + random.normal(0, 2.5, scene.shape)
    blurred = cv2.GaussianBlur(np.clip(lit, 0, 255).astype(np.uint8), (3, 3), 0.8)
    return PaperPhoto(Image.fromarray(blurred), corners / np.array(SIZE), sheet)


def _sheet(drawing: Image.Image, *, portrait: bool) -> Image.Image:
    size = (_SHORT, _LONG) if portrait else (_LONG, _SHORT)
    side = int(_SHORT * 0.9)
    sheet = Image.new("L", size, 255)
    place = ((size[0] - side) // 2, (size[1] - side) // 2)
    sheet.paste(drawing.resize((side, side), Image.Resampling.BICUBIC), place)
    return sheet


def _paper(size: tuple[int, int], ruled: bool) -> Array:
    paper = np.full((size[1], size[0], 3), _PAPER, np.float32)
    if ruled:
        paper[60::44] = paper[61::44] = (176, 194, 222)
    return paper


def _inked(paper: Array, sheet: Image.Image, ink: float) -> Array:
    strokes = 1 - np.asarray(sheet, dtype=np.float32)[..., None] / 255
    return np.asarray(paper * (1 - strokes) + np.minimum(paper, ink) * strokes, np.float32)


def _corners(random: np.random.Generator, sheet: tuple[int, int], tilt: float, share: float) -> NDArray[np.float64]:
    """Where the corners of the sheet lie in the picture: turned in space, then seen by a camera."""
    x, y, z = np.radians([*random.uniform(-tilt, tilt, 2), random.uniform(-15, 15)])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    half = np.array(sheet) / max(sheet) / 2
    flat = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * [*half, 0]
    turned = flat @ (about_x @ about_y @ about_z).T
    seen = turned[:, :2] / (1.6 + turned[:, 2:])
    seen *= np.sqrt(share * SIZE[0] * SIZE[1] / cv2.contourArea(seen.astype(np.float32)))
    low, high = seen.min(axis=0), seen.max(axis=0)
    seen *= min(1, *(0.96 * np.array(SIZE) / (high - low)))
    low, high = seen.min(axis=0), seen.max(axis=0)
    room = np.array(SIZE) - (high - low)
    return np.asarray(seen - low + room * random.uniform(0.15, 0.85, 2))


def _table(random: np.random.Generator, name: str) -> Array:
    colour = np.array(_COLOURS[name], np.float32)
    if name.endswith("wood"):
        grain = cv2.resize(random.normal(0, 1, (90, 6)).astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC)
        return np.asarray(colour * (1 + 0.13 * grain[..., None]), np.float32)
    if name == "cloth":
        x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
        squares = ((x // 70) % 2 + (y // 70) % 2)[..., None]
        return np.asarray(colour + squares * np.float32(55), np.float32)
    speckles = cv2.GaussianBlur(random.normal(0, 8, (SIZE[1], SIZE[0])).astype(np.float32), (0, 0), 2)
    return np.asarray(colour + speckles[..., None], np.float32)


def _laid(table: Array, paper: Array, corners: NDArray[np.float64]) -> Array:
    height, width = paper.shape[:2]
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    seen = cv2.warpPerspective(paper, matrix, SIZE, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, SIZE)[..., None]
    return np.asarray(table * (1 - mask) + seen * mask, np.float32)


def _light(random: np.random.Generator) -> Array:
    """From one side, with the shadow of an arm across it."""
    x, y = np.meshgrid(np.linspace(-1, 1, SIZE[0]), np.linspace(-1, 1, SIZE[1]))
    angle, across = random.uniform(0, 2 * np.pi, 2)
    slope = 0.82 + 0.16 * (x * np.cos(angle) + y * np.sin(angle))
    distance = x * np.cos(across) + y * np.sin(across) - random.uniform(-0.3, 0.5)
    shadow = 1 - random.uniform(0.15, 0.4) / (1 + np.exp(-distance * random.uniform(15, 60)))
    return np.asarray(slope * shadow, np.float32)
