"""Find the sheet of paper in a photo of it, on whatever table, and straighten it.

Areas of one lightness or colour whose outline has four corners are candidates; one is the sheet if the picture changes
all along its sides. A rectangle drawn on the paper is none: there is paper on both sides of its lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.imaging.arrays import Corners

_Points = NDArray[np.float64]
"""(4, 2), in pixels, in the same order."""
_Pixels = NDArray[Any]

_SIDE = 480
"""The sheet is looked for in a picture of at most so many pixels a side."""
_LEAST_SHARE, _MOST_SHARE = 0.08, 0.97
_SHARPEST_CORNER, _BLUNTEST_CORNER = 40, 140
_LEAST_CHANGE = 7.0
"""Of colour (CIE L*a*b*, 8 bits) from one side of the sheet's edge to the other."""
_LEAST_FILLED = 0.9
"""Share of the area's convex outline that its four corners span."""
_MOST_TINT = 9.0
"""By which paper differs in colour from itself, whatever the light."""
_LEAST_OF_SIDE = 0.6
"""Share of the points along a side at which the picture changes."""
_DARKEST_PAPER = 70
_SAMPLES = np.linspace(0.08, 0.92, 40)
_NEAR, _FAR = 2.5, 7.0
_DEPTHS = np.linspace(_NEAR, _FAR, 4)
"""In pixels: how far beside its edge the paper, and what it lies on, are looked at."""
_REACH = 6
_EDGE = 5
_TRIM = 0.012
"""Share of the straightened sheet that is cut off along its edge: the shadow of the paper, a curled corner."""
_LONGEST = 1024


def find_sheet(photo: Image.Image) -> Corners | None:
    """Corners of the sheet of paper in a photo (mode ``RGB``); None where no sheet lies on anything else."""
    scale = min(1.0, _SIDE / max(photo.size))
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    small = np.asarray(photo.resize(size, Image.Resampling.BOX))
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (5, 5), 0), cv2.COLOR_RGB2LAB)
    quads = [_refined(lab, quad) for quad in {np.rint(each / 4).tobytes(): each for each in _candidates(lab)}.values()]
    score, best = max(((_score(lab, quad), quad) for quad in quads), key=lambda each: each[0], default=(0.0, None))
    return np.asarray(np.clip(best / np.array(size), 0, 1), np.float64) if best is not None and score else None


def straightened(photo: Image.Image, corners: Corners) -> Image.Image:
    """The sheet with these corners, seen from straight above; at most 1024 pixels on the longer side."""
    points = corners * np.array(photo.size)
    width, height = _sides_of_sheet(points, photo.size)
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(points.astype(np.float32), flat)
    seen = cv2.warpPerspective(np.asarray(photo), matrix, (width, height), flags=cv2.INTER_AREA)
    trim = round(_TRIM * max(width, height))
    return Image.fromarray(seen[trim : height - trim, trim : width - trim])


def _candidates(lab: _Pixels) -> Iterator[_Points]:
    for mask in _masks(lab):
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            if cv2.contourArea(contour) > _LEAST_SHARE * mask.size and (quad := _four_corners(contour)) is not None:
                yield quad


def _masks(lab: _Pixels) -> Iterator[_Pixels]:
    """Areas that may be the sheet, 0 or 255: lighter or less coloured than the rest, or within an outline."""
    lightness = np.ascontiguousarray(lab[..., 0])
    colour = np.linalg.norm(lab[..., 1:].astype(np.float32) - 128, axis=2)
    blue_to_yellow, even = np.ascontiguousarray(lab[..., 2]), _even_light(lightness)
    kernel = np.ones((7, 7), np.uint8)
    for channel in (lightness, even, np.clip(255 - 4 * colour, 0, 255).astype(np.uint8), blue_to_yellow):
        otsu, _ = cv2.threshold(channel, 0, 255, cv2.THRESH_OTSU)
        for level in {otsu, *np.percentile(channel, (20, 35, 50, 65, 80))}:
            above = np.where(channel > level, 255, 0).astype(np.uint8)
            yield cv2.morphologyEx(above, cv2.MORPH_CLOSE, kernel)
            yield cv2.morphologyEx(above, cv2.MORPH_OPEN, kernel)
    for low in (15, 40, 80):
        edges = cv2.bitwise_or(cv2.Canny(lightness, low, 2 * low), cv2.Canny(blue_to_yellow, low, 2 * low))
        yield cv2.dilate(edges, np.ones((3, 3), np.uint8))


def _even_light(lightness: _Pixels) -> _Pixels:
    """The lightness without its slow change across the picture."""
    slow = cv2.GaussianBlur(lightness.astype(np.float32), (0, 0), _SIDE / 6)
    return np.clip(lightness / np.maximum(slow, 1) * 128, 0, 255).astype(np.uint8)


def _four_corners(contour: _Pixels) -> _Points | None:
    """The outline of an area as a convex shape of four corners, if it is nearly one."""
    hull = cv2.convexHull(contour)
    if cv2.contourArea(contour) < 0.6 * cv2.contourArea(hull):
        return None
    around = cv2.arcLength(hull, True)
    for tolerance in (0.01, 0.02, 0.03, 0.045, 0.06, 0.08):
        corners = cv2.approxPolyDP(hull, tolerance * around, True).reshape(-1, 2).astype(np.float64)
        if len(corners) == 4:
            fills = cv2.contourArea(corners.astype(np.float32)) > _LEAST_FILLED * cv2.contourArea(hull)
            return _ordered(corners) if fills and _is_plausible(corners) else None
    return None


def _ordered(corners: _Points) -> _Points:
    """From the upper left one, clockwise."""
    middle = corners.mean(axis=0)
    angles = np.arctan2(*(corners - middle).T[::-1])
    clockwise = corners[np.argsort(angles)]
    return np.asarray(np.roll(clockwise, -int(np.argmin(clockwise.sum(axis=1))), axis=0))


def _is_plausible(corners: _Points) -> bool:
    before, after = np.roll(corners, 1, axis=0) - corners, np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    angles = np.degrees(np.arccos(np.clip((before * after).sum(axis=1) / np.maximum(lengths, 1e-9), -1, 1)))
    return bool(angles.min() > _SHARPEST_CORNER and angles.max() < _BLUNTEST_CORNER)


def _score(lab: _Pixels, quad: _Points) -> float:
    """How surely this is the sheet; 0 if it is none."""
    height, width = lab.shape[:2]
    share = cv2.contourArea(quad.astype(np.float32)) / (width * height)
    inside = cv2.fillConvexPoly(np.zeros((height, width), np.uint8), np.rint(quad).astype(np.int32), (1,))
    if not _LEAST_SHARE < share < _MOST_SHARE:
        return 0.0
    paper = np.median(lab[inside > 0], axis=0)
    if paper[0] < _DARKEST_PAPER:
        return 0.0
    changes = [_change_along(lab, quad, side, paper) for side in range(4)]
    seen = [each for each in changes if each is not None]
    if len(seen) < 3 or min(seen) < _LEAST_OF_SIDE:
        return 0.0
    return float(np.mean(seen) ** 4 * np.sqrt(share) * len(seen))


def _change_along(lab: _Pixels, quad: _Points, side: int, paper: _Pixels) -> float | None:
    """Share of a side's points with paper on one side and something else on the other.

    None for a side along the picture's edge.
    """
    points, normal = _side(quad, side)
    outside, inside = points - _FAR * normal, points + _FAR * normal
    height, width = lab.shape[:2]
    if not (_within(outside, width, height) | _within(points - _NEAR * normal, width, height)).mean() > 0.5:
        return None
    within = _median_beside(lab, points, normal, _DEPTHS)
    near, far = (_median_beside(lab, points, normal, -depths) for depths in (_DEPTHS, _DEPTHS + _FAR))
    step = np.minimum(*(np.linalg.norm(within - beyond, axis=1) for beyond in (near, far)))
    tint = np.linalg.norm((within - paper)[:, 1:], axis=1)
    valid = _within(inside, width, height)
    is_edge = (step > _LEAST_CHANGE) & (tint < _MOST_TINT)
    return float(is_edge[valid].mean()) if valid.any() else 0.0


def _side(quad: _Points, side: int) -> tuple[_Points, _Points]:
    """Points along a side, (N, 2), and the unit vector from it into the sheet."""
    start, end = quad[side], quad[(side + 1) % 4]
    along = (end - start) / max(1e-9, float(np.linalg.norm(end - start)))
    return start + _SAMPLES[:, None] * (end - start), np.array([-along[1], along[0]])


def _within(points: _Points, width: int, height: int) -> NDArray[np.bool_]:
    x, y = points.T
    return np.asarray((x >= 0) & (x < width) & (y >= 0) & (y < height))


def _median_beside(lab: _Pixels, points: _Points, normal: _Points, depths: _Pixels) -> NDArray[np.float64]:
    """Median colour of what lies so many pixels beside each point, (N, 3)."""
    return np.asarray(np.median([_at(lab, points + depth * normal) for depth in depths], axis=0))


def _at(lab: _Pixels, points: _Points) -> NDArray[np.float64]:
    x = np.clip(np.rint(points[:, 0]), 0, lab.shape[1] - 1).astype(int)
    y = np.clip(np.rint(points[:, 1]), 0, lab.shape[0] - 1).astype(int)
    return np.asarray(lab[y, x], np.float64)


def _refined(lab: _Pixels, quad: _Points) -> _Points:
    """The corners where lines through the strongest change along each side meet."""
    lines = [_line_of_side(lab, quad, side) for side in range(4)]
    corners = [_crossing(lines[side - 1], lines[side]) for side in range(4)]
    moved = np.array([quad[i] if corner is None else corner for i, corner in enumerate(corners)])
    is_near = np.linalg.norm(moved - quad, axis=1).max() < 3 * _REACH
    return moved if is_near and _is_plausible(moved) else quad


def _line_of_side(lab: _Pixels, quad: _Points, side: int) -> tuple[_Points, _Points]:
    """A point of the side and its direction."""
    points, normal = _side(quad, side)
    depths = np.arange(-_REACH, _REACH + 1)
    profile = np.stack([_at(lab, points + depth * normal) for depth in depths])
    change = np.linalg.norm(profile[2:] - profile[:-2], axis=2)
    strongest = depths[1:-1][change.argmax(axis=0)]
    edge = (points + strongest[:, None] * normal).astype(np.float32)
    x, y, from_x, from_y = cv2.fitLine(edge, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().astype(float)
    return np.array([from_x, from_y]), np.array([x, y])


def _crossing(one: tuple[_Points, _Points], other: tuple[_Points, _Points]) -> _Points | None:
    matrix = np.column_stack([one[1], -other[1]])
    if abs(np.linalg.det(matrix)) < 0.1:
        return None
    along, _ = np.linalg.solve(matrix, other[0] - one[0])
    return np.asarray(one[0] + along * one[1])


def _sides_of_sheet(points: _Points, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the straightened sheet, in pixels."""
    ratio = _aspect(points, size)
    longer = min(_LONGEST, max(8, round(max(np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)))))
    return (longer, max(8, round(longer / ratio))) if ratio > 1 else (max(8, round(longer * ratio)), longer)


def _aspect(points: _Points, size: tuple[int, int]) -> float:
    """Width by height of the sheet itself (Zhang and He, "Whiteboard scanning and image enhancement", section 3).

    The camera's focal length follows from two pairs of parallels in perspective; without perspective the sides' lengths
    say enough.
    """
    seen = _aspect_of_lengths(points)
    upper_left, upper_right, lower_right, lower_left = (
        np.array([*(point - np.array(size) / 2), 1.0]) for point in points
    )
    diagonal = np.cross(upper_left, lower_right)
    k2 = (diagonal @ lower_left) / (np.cross(upper_right, lower_right) @ lower_left)
    k3 = (diagonal @ upper_right) / (np.cross(lower_left, lower_right) @ upper_right)
    across, down = k2 * upper_right - upper_left, k3 * lower_left - upper_left
    if min(abs(across[2]), abs(down[2])) < 0.03:
        return seen
    focal = -(across[:2] @ down[:2]) / (across[2] * down[2])
    if not 0.3 < focal / max(size) ** 2 < 9:
        return seen
    scale = np.array([1 / focal, 1 / focal, 1])
    return float(np.clip(np.sqrt((across**2 @ scale) / (down**2 @ scale)), seen / 1.6, seen * 1.6))


def _aspect_of_lengths(points: _Points) -> float:
    top, right, bottom, left = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    return float((top + bottom) / max(1e-9, left + right))
