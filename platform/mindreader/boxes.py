"""Where in a photo something is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """An upright rectangle in an upright photo: shares of its width and height, 0 to 1, from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)
"""The whole photo."""
