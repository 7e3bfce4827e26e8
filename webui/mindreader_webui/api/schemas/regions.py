"""Where in a photo, or on a sheet, something is."""

import re
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from mindreader.boxes import Box
from mindreader_webui.api.schemas.common import Id, Request

_LEAST_SIDE = 0.01
_FRAME = re.compile(r"(\d+):([\d.]+),([\d.]+),([\d.]+),([\d.]+)")
_Share = Annotated[float, Field(ge=0, le=1)]


class Region(BaseModel):
    """An upright rectangle: shares of width and height from the upper left corner, 0 to 1."""

    left: _Share
    top: _Share
    right: _Share
    bottom: _Share

    @classmethod
    def of(cls, box: Box) -> "Region":
        """From what a search found."""
        return cls(left=box.left, top=box.top, right=box.right, bottom=box.bottom)


class RegionQuery(Request):
    """A rectangle in a photo, or nothing: then the whole photo."""

    left: _Share | None = Field(None, description="Share of the photo's width; all four sides, or none.")
    top: _Share | None = None
    right: _Share | None = None
    bottom: _Share | None = None

    @property
    def box(self) -> Box | None:
        """The rectangle, if there is one."""
        sides = [side for side in (self.left, self.top, self.right, self.bottom) if side is not None]
        return Box(*sides) if sides else None

    @model_validator(mode="after")
    def _is_a_rectangle(self) -> Self:
        sides = [side for side in (self.left, self.top, self.right, self.bottom) if side is not None]
        if len(sides) not in (0, 4):
            raise ValueError("a frame has four sides: left, top, right and bottom")
        if sides:
            _check_size(*sides)
        return self


class Frame(BaseModel):
    """Something in a photo."""

    photo_id: Id
    left: _Share
    top: _Share
    right: _Share
    bottom: _Share

    @property
    def box(self) -> Box:
        """Where in the photo."""
        return Box(self.left, self.top, self.right, self.bottom)

    @model_validator(mode="after")
    def _is_a_rectangle(self) -> Self:
        _check_size(self.left, self.top, self.right, self.bottom)
        return self


def _check_size(left: float, top: float, right: float, bottom: float) -> None:
    if right - left < _LEAST_SIDE or bottom - top < _LEAST_SIDE:
        raise ValueError("a frame is at least a hundredth of the photo wide and high, its left and top side first")


def _read_frame(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _FRAME.fullmatch(value)
    if match is None:
        raise ValueError("a frame is written PHOTO:left,top,right,bottom, with shares from 0 to 1")
    return dict(zip(("photo_id", "left", "top", "right", "bottom"), match.groups(), strict=True))


FrameField = Annotated[Frame, BeforeValidator(_read_frame, json_schema_input_type=str)]
