"""Pictures of drawings, and what is made of them."""

from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mindreader.imaging import DrawingPreview
from mindreader_webui.api.responses import data_url

_LEAST_AREA = 0.001
Corner = tuple[float, float]
"""Shares of the picture's width and height, 0 to 1."""


class DrawingPreviewForm(BaseModel):
    """A picture of a drawing, and what is known of it."""

    model_config = ConfigDict(extra="forbid")

    sketch: bytes = Field(
        json_schema_extra={"format": "binary"}, description="An image, a photo of paper, or an SVG of strokes."
    )
    reading: Literal["auto", "picture", "sheet"] = Field(
        "auto", description="Cut out the sheet of paper, take the whole picture, or whichever fits."
    )
    corner: list[float] = Field(
        default=[],
        max_length=8,
        description="Corners of the sheet, x and y of each as shares of width and height, clockwise from upper left.",
    )

    @field_validator("corner")
    @classmethod
    def _are_four_corners(cls, corner: list[float]) -> list[float]:
        if corner and (len(corner) != 8 or not all(0 <= each <= 1 for each in corner)):
            raise ValueError("Send eight numbers from 0 to 1, x and y of each corner")
        if corner and not _is_convex(corner):
            raise ValueError("Send the corners clockwise from the upper left one, none within the others")
        return corner


def _is_convex(corner: list[float]) -> bool:
    points = list(zip(corner[::2], corner[1::2], strict=True))
    turns = [
        (bx - ax) * (cy - by) - (by - ay) * (cx - bx)
        for ((ax, ay), (bx, by)), (_, (cx, cy)) in pairwise(pairwise([*points, *points[:2]]))
    ]
    return min(turns) > _LEAST_AREA


class DrawnPreview(BaseModel):
    """What a search would take a picture of a drawing for."""

    sketch_url: str = Field(description="A data: URL with a PNG, black strokes on white, to search with.")
    corners: list[Corner] | None = Field(
        description="Of the sheet of paper it was cut out by, clockwise from upper left; null for the whole picture."
    )
    picture_url: str = Field(description="A data: URL with the picture itself, upright, as WebP.")

    @classmethod
    def of(cls, preview: DrawingPreview) -> "DrawnPreview":
        """From what the decoder made."""
        corners = None if preview.corners is None else [(float(x), float(y)) for x, y in preview.corners]
        return cls(
            sketch_url=data_url(preview.sketch.png, "image/png"),
            corners=corners,
            picture_url=data_url(preview.picture, "image/webp"),
        )
