"""Augmentation: what a second person might have drawn instead, and from where else a photo may be seen."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Image = NDArray[np.uint8]


def augmented_sketch(sketch: Image, random: np.random.Generator) -> Image:
    """Turn, scale, shift, bend, thicken and partly erase a sketch (S, S), strokes 0 on white 255."""
    strokes = 255 - sketch
    strokes = _warped(strokes, random)
    strokes = _restroked(strokes, random)
    if random.random() < 0.5:
        strokes = _partly_erased(strokes, random)
    return 255 - strokes


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


def _warped(strokes: Image, random: np.random.Generator) -> Image:
    size = strokes.shape[0]
    centre = (size / 2, size / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, float(random.normal(0, 8)), 1.0), dtype=np.float64)
    matrix[:, :2] *= random.uniform(0.75, 1.15)
    matrix[0, :2] *= random.uniform(0.85, 1.15)
    # Scaling happened about the origin: bring the centre back, then shift.
    moved = matrix[:, :2] @ np.array(centre)
    matrix[:, 2] = np.array(centre) - moved + random.uniform(-0.08, 0.08, 2) * size
    coarse = random.normal(0, 1, (2, 5, 5)).astype(np.float32) * float(random.uniform(0, 3.0)) * size / 128
    bend = np.stack([cv2.resize(plane, (size, size), interpolation=cv2.INTER_CUBIC) for plane in coarse])
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    inverse = cv2.invertAffineTransform(matrix).astype(np.float32)
    map_x = inverse[0, 0] * columns + inverse[0, 1] * rows + inverse[0, 2] + bend[0]
    map_y = inverse[1, 0] * columns + inverse[1, 1] * rows + inverse[1, 2] + bend[1]
    return np.asarray(cv2.remap(strokes, map_x, map_y, cv2.INTER_LINEAR, borderValue=0), dtype=np.uint8)


def _restroked(strokes: Image, random: np.random.Generator) -> Image:
    """Another pen: thicker strokes in a third of the cases, fainter ones in another third."""
    choice = random.random()
    if choice < 0.33:
        return np.asarray(cv2.dilate(strokes, np.ones((2, 2), np.uint8)), dtype=np.uint8)
    if choice < 0.66:
        blurred = cv2.GaussianBlur(strokes, (3, 3), 0.8)
        return np.asarray(np.clip(blurred.astype(np.float32) * random.uniform(1.0, 2.0), 0, 255), dtype=np.uint8)
    return strokes


def _partly_erased(strokes: Image, random: np.random.Generator) -> Image:
    size = strokes.shape[0]
    erased = strokes.copy()
    for _ in range(int(random.integers(1, 4))):
        side = int(random.uniform(0.08, 0.22) * size)
        top, left = random.integers(0, size - side, 2)
        erased[top : top + side, left : left + side] = 0
    return erased
