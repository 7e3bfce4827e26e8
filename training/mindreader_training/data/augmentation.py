"""Augmentation: what a second person might have drawn instead, and from where else a photo may be seen.

Of whole batches, on the device they are on, by torch's own random numbers; `without_some_strokes` and `augmented_photo`
are of one image, by numpy's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Image = NDArray[np.uint8]

_FAINT = 8
_FEW_STROKES = 8
"""Where no more hang together, squares are taken away, so many to a side."""
_PENS = {1: 0.3, 2: 0.15, 3: 0.05}
"""Share of sketches drawn with a pen so many 128ths of the sheet wider; the rest as they were."""
_FAINTER = 0.15
"""Share of sketches drawn softly, of those with no other pen."""
_SMALL_DRAWINGS = 0.15
_SLANTED = 0.3
_RUBBED_OUT = 0.3
_MOST_HOLES = 3


def augmented_sketches(sketches: Tensor) -> Tensor:
    """Turn, slant, scale, shift, bend, thicken, fade and partly erase sketches, each in its own way.

    Args:
        sketches: (B, 1, S, S) in [0, 1], strokes 0 on white 1.

    Returns:
        the same form; torch's own random numbers of the device decide.
    """
    return 1 - _partly_erased(_restroked(_warped(1 - sketches)))


def without_some_strokes(strokes: Image, random: np.random.Generator, least: float) -> Image:
    """Take strokes (S, S), ink 255 on 0, away until `least` to 0.95 of the ink is left; pieces, where lines are few.

    In one half of the cases any of them, in the other from one side to the other: what a hand has not come to yet.
    """
    ink = np.where(strokes > _FAINT, strokes, np.uint8(0))
    count, labels = cv2.connectedComponents((ink > 0).astype(np.uint8))
    if count <= _FEW_STROKES:
        rows, columns = np.indices(ink.shape) * _FEW_STROKES // len(ink)
        labels = labels * _FEW_STROKES**2 + rows * _FEW_STROKES + columns
    amounts = np.bincount(labels.ravel(), weights=ink.ravel())
    left, wanted = amounts.sum(), amounts.sum() * random.uniform(least, 0.95)
    gone = np.zeros(len(amounts), dtype=bool)
    for stroke in _order(labels, np.flatnonzero(amounts), random):
        if left - amounts[stroke] >= wanted:
            gone[stroke] = True
            left -= amounts[stroke]
    return np.where(gone[labels], np.uint8(0), ink)


def _order(labels: NDArray[Any], strokes: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
    """In which order strokes, by their label (S, S), are taken away: by chance, or as they lie in some direction."""
    if random.random() < 0.5:
        return random.permutation(strokes)
    down, across = (np.bincount(labels.ravel(), weights=place.ravel()) for place in np.indices(labels.shape))
    pixels, angle = np.bincount(labels.ravel()), random.uniform(0, 2 * np.pi)
    along = (down[strokes] * np.sin(angle) + across[strokes] * np.cos(angle)) / pixels[strokes]
    return strokes[np.argsort(along)]


def augmented_photo(photo: Image, random: np.random.Generator) -> Image:
    """Mirror a photo (S, S, 3) half of the time and crop it a little."""
    if random.random() < 0.5:
        photo = photo[:, ::-1]
    size = photo.shape[0]
    side = int(size * random.uniform(0.85, 1.0))
    top, left = random.integers(0, size - side + 1, 2)
    cropped = np.ascontiguousarray(photo[top : top + side, left : left + side])
    return np.asarray(cv2.resize(cropped, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def shared_view(batches: Sequence[Tensor]) -> list[Tensor]:
    """The same random crop, mirroring and tint of the same row in several batches (B, 3, S, S) in [0, 1].

    Differentiable. A loss on one fixed network's features is minimised by patterns made for that network too;
    patterns survive a change of view less than pictures do (Zhao et al. 2020; torch's own random numbers).
    """
    first = batches[0]
    rows, device = len(first), first.device
    scale = torch.empty(rows, device=device).uniform_(0.75, 1.0)
    mirrored = torch.where(torch.rand(rows, device=device) < 0.5, -1.0, 1.0)
    shift = (torch.rand(rows, 2, device=device) * 2 - 1) * (1 - scale[:, None])
    view = torch.zeros(rows, 2, 3, device=device)
    view[:, 0, 0], view[:, 1, 1], view[:, :, 2] = scale * mirrored, scale, shift
    grid = F.affine_grid(view, list(first.shape), align_corners=False)
    light = (torch.rand(rows, 1, 1, 1, device=device) - 0.5) * 0.3
    contrast = 1 + (torch.rand(rows, 1, 1, 1, device=device) - 0.5) * 0.5
    seen = [F.grid_sample(batch.float(), grid, align_corners=False) for batch in batches]
    return [((image - 0.5) * contrast + 0.5 + light).contiguous(memory_format=torch.channels_last) for image in seen]


def _warped(ink: Tensor) -> Tensor:
    """Ink (B, 1, S, S), 1 on 0, seen through a random affine map and bent."""
    rows, side = len(ink), ink.shape[-1]
    view, is_small = _affine_views(rows, ink.device)
    bend = _bends(rows, side, 5, 3.5, ink.device) + _bends(rows, side, 12, 1.0, ink.device)
    grid = F.affine_grid(view, list(ink.shape), align_corners=False) + bend
    warped = F.grid_sample(ink, grid, align_corners=False)
    # A thin stroke that shrinks must turn grey, not fall into dots.
    shrunk = F.grid_sample(F.avg_pool2d(ink, 2), grid, align_corners=False)
    return torch.where(is_small[:, None, None, None], shrunk, warped)


def _affine_views(rows: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(B, 2, 3) from places on the new sheet to places on the old one, both from -1 to 1; (B,) which make it small."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(rows, device=device).uniform_(low, high)

    def some(share: float) -> Tensor:
        return torch.rand(rows, device=device) < share

    small = some(_SMALL_DRAWINGS)
    scale = torch.where(small, uniform(0.35, 0.7), uniform(0.7, 1.15))
    wider, angle = uniform(0.8, 1.2), torch.randn(rows, device=device) * (10 * torch.pi / 180)
    slant = torch.where(some(_SLANTED), torch.randn(rows, device=device) * 0.12, 0.0)
    cos, sin = torch.cos(angle), torch.sin(angle)
    forward = torch.stack(
        [
            torch.stack([cos * wider, (cos * slant - sin) * wider], dim=1),
            torch.stack([sin, sin * slant + cos], dim=1),
        ],
        dim=1,
    )
    forward = forward * scale[:, None, None]
    # A small drawing is moved further, as far as there is room.
    room = torch.clamp(1 - scale, min=0.12)
    shift = (torch.rand(rows, 2, device=device) * 2 - 1) * room[:, None]
    back = torch.linalg.inv(forward)
    return torch.cat([back, -(back @ shift[:, :, None])], dim=2), small


def _bends(rows: int, side: int, knots: int, most: float, device: torch.device) -> Tensor:
    """Smooth shifts (B, side, side, 2) by up to about `most` 128ths of the sheet, as a hand makes them."""
    strength = torch.empty(rows, 1, 1, 1, device=device).uniform_(0, most * 2 / 128)
    coarse = torch.randn(rows, 2, knots, knots, device=device) * strength
    return F.interpolate(coarse, (side, side), mode="bicubic", align_corners=False).permute(0, 2, 3, 1)


def _restroked(ink: Tensor) -> Tensor:
    """Other pens: wider for some, softer for others."""
    pen, strength = (torch.rand(len(ink), device=ink.device) for _ in range(2))
    drawn, below = ink.clone(), 0.0
    for wider, share in _PENS.items():
        chosen = (pen >= below) & (pen < below + share)
        drawn[chosen] = _widened(ink[chosen], max(1, round(wider * ink.shape[-1] / 128)))
        below += share
    soft = pen > 1 - _FAINTER
    spread = F.avg_pool2d(ink[soft], 3, stride=1, padding=1)
    drawn[soft] = (spread * (0.8 + 0.8 * strength[soft, None, None, None])).clamp(max=1)
    return drawn


def _widened(ink: Tensor, pixels: int) -> Tensor:
    """Strokes that are wider by so many pixels, with round ends."""
    for at in range(pixels):
        # Squares and crosses in turn make an octagon.
        if at % 2:
            across = F.max_pool2d(ink, (1, 2), stride=1)
            down = F.max_pool2d(ink, (2, 1), stride=1)
            ink = torch.maximum(F.pad(across, (1, 0)), F.pad(down, (0, 0, 1, 0)))
        else:
            ink = F.max_pool2d(F.pad(ink, (0, 1, 0, 1)), 2, stride=1)
    return ink


def _partly_erased(ink: Tensor) -> Tensor:
    """Holes of a 12th to a 5th of the sheet in some."""
    rows, side, device = len(ink), ink.shape[-1], ink.device
    place = torch.arange(side, device=device)[None] / side
    holes = torch.zeros(rows, side, side, dtype=torch.bool, device=device)
    rubbed = torch.rand(rows, 1, device=device) < _RUBBED_OUT
    for number in range(_MOST_HOLES):
        wide = torch.empty(rows, 1, device=device).uniform_(0.08, 0.22)
        left, top = (torch.rand(rows, 1, device=device) * (1 - wide) for _ in range(2))
        across, down = ((place >= start) & (place < start + wide) for start in (left, top))
        is_there = rubbed & (torch.rand(rows, 1, device=device) < 1 / (1 + number))
        holes |= (across[:, None, :] & down[:, :, None]) & is_there[:, :, None]
    return ink * ~holes[:, None]
