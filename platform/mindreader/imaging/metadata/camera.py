"""How a photo was taken, as its EXIF says: the camera, its lens, the exposure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image

from mindreader.text import normalised, visible_text

_LONGEST = 100
_TAGS = {
    "maker": ExifTags.Base.Make,
    "model": ExifTags.Base.Model,
    "lens": ExifTags.Base.LensModel,
    "exposure_seconds": ExifTags.Base.ExposureTime,
    "f_number": ExifTags.Base.FNumber,
    "iso": ExifTags.Base.ISOSpeedRatings,
    "focal_length_mm": ExifTags.Base.FocalLength,
}
# What no camera exceeds; a number beyond it was written by mistake.
_GREATEST = {"exposure_seconds": 1e6, "f_number": 1e3, "iso": 1e8, "focal_length_mm": 1e5}


@dataclass(frozen=True)
class Camera:
    """What is known of how a photo was taken; None stands for what the file does not say."""

    name: str | None = None
    """Maker and model, at most 100 characters."""
    lens: str | None = None
    """At most 100 characters."""
    exposure_seconds: float | None = None
    f_number: float | None = None
    iso: float | None = None
    focal_length_mm: float | None = None
    """Of the lens itself, not of what it would be on 35 mm film."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Camera:
        """What is sound of what a stranger says; fields by their names, whatever else is left out."""
        name, lens = _text(told.get("name")), _text(told.get("lens"))
        return cls(name, lens, **{field: _number(told.get(field), most) for field, most in _GREATEST.items()})


def camera_of(exif: Image.Exif) -> Camera:
    """The camera by a picture's EXIF; what is broken says nothing."""
    told = {field: _tag(exif, tag) for field, tag in _TAGS.items()}
    return Camera.of({**told, "name": _name(_text(told["maker"]), _text(told["model"]))})


def _tag(exif: Image.Exif, tag: int) -> object:
    """From the main directory, or from the EXIF directory in it; of several values the first."""
    found: object = None
    with suppress(Exception):
        found = exif.get(tag)
        if found is None:
            found = exif.get_ifd(ExifTags.IFD.Exif).get(tag)
    return found[0] if isinstance(found, tuple) and found else found


def _name(maker: str | None, model: str | None) -> str | None:
    """`Canon EOS R5`, also where the model repeats the maker, as many do: `Canon`, `Canon EOS R5`."""
    if not maker or not model:
        return model or maker
    repeats = model.casefold().startswith(maker.split()[0].casefold())
    return model if repeats else f"{maker} {model}"


def _text(value: object) -> str | None:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        return None
    return normalised(visible_text(text.partition("\0")[0]))[:_LONGEST] or None


def _number(value: object, most: float) -> float | None:
    with suppress(Exception):  # a fraction may have no denominator
        number = float(value)  # type: ignore[arg-type]  # whatever it is, it is one or raises
        return number if math.isfinite(number) and 0 < number <= most else None
    return None
