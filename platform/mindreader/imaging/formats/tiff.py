"""TIFF files as scanners and image programs leave them: previews before the picture, grey whose white is zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from PIL import Image, ImageFile, TiffImagePlugin

_COMPRESSION, _PHOTOMETRIC = 259, 262
_NEW_KIND, _OLD_KIND = 254, 255
_WHITE_IS_ZERO, _NONE, _OLD_REDUCED = 0, 1, 2
MOST_PREVIEWS = 16


def at_picture(image: ImageFile.ImageFile) -> None:
    """Go past previews to the first page that is a picture; where there is none, the first page is.

    Raises:
        SyntaxError: Pillow does not know the kind of pixels of that page.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return
    with suppress(EOFError):
        for page in range(MOST_PREVIEWS):
            image.seek(page)
            if not is_preview(image.tag_v2):
                break
        else:
            image.seek(0)
    if is_preview(image.tag_v2):
        image.seek(0)


@contextmanager
def turned_by_its_tag(image: Image.Image) -> Iterator[None]:
    """Where an image is loaded: Pillow turns a TIFF upright then, also by XMP, by which nobody else turns it."""
    xmp = image.info.pop("xmp", None)
    try:
        yield
    finally:
        if xmp is not None:
            image.info["xmp"] = xmp


def is_negative(image: Image.Image) -> bool:
    """Whether deep grey has white at zero, which Pillow heeds for 8 bits only."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and (image.mode == "F" or image.mode.startswith("I;16"))


def is_swapped(image: Image.Image) -> bool:
    """Whether the bytes of deep numbers lie the wrong way round once loaded: Pillow turns them, and libtiff has."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or image.mode not in ("I", "F"):
        return False
    return bool(image.tag_v2.prefix == b"MM" and image.tag_v2.get(_COMPRESSION, _NONE) != _NONE)


def is_preview(tags: Mapping[int, Any]) -> bool:
    """Whether a directory describes a smaller copy of another page."""
    return bool(int(tags.get(_NEW_KIND, 0)) & 1) or tags.get(_OLD_KIND) == _OLD_REDUCED
