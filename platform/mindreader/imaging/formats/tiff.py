"""TIFF files as scanners and image programs leave them: previews before the picture, planes, floating numbers."""

from __future__ import annotations

from contextlib import suppress
from typing import IO

from PIL import Image, ImageFile, TiffImagePlugin

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import rejections

_BITS, _PHOTOMETRIC, _PLANES, _SAMPLE_FORMAT = 258, 262, 284, 339
_NEW_KIND, _OLD_KIND = 254, 255
_WHITE_IS_ZERO, _SEPARATE, _FLOAT, _OLD_REDUCED = 0, 2, 3, 2
_MOST_PREVIEWS = 16
_HEAD, _BIG_HEAD = 8, 16


def at_picture(image: ImageFile.ImageFile) -> None:
    """Go past previews to the first page that is a picture; where there is none, the first page is.

    Raises:
        PhotoRejectedError: its pixels lie in a way that Pillow takes for another.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return
    with suppress(EOFError):
        for page in range(_MOST_PREVIEWS):
            image.seek(page)
            if not _is_preview(image):
                break
        else:
            image.seek(0)
    if _is_preview(image):
        image.seek(0)
    _check_planes(image)


def is_negative(image: Image.Image) -> bool:
    """Whether deep grey has white at zero, which Pillow heeds for 8 bits only."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and (image.mode == "F" or image.mode.startswith("I;16"))


def check_floats(file: IO[bytes]) -> None:
    """Give a TIFF of floating colours, which Pillow does not know, its name.

    Raises:
        PhotoRejectedError: the file is one.
    """
    tags = {}
    with suppress(Exception):  # a damaged file is no TIFF of any kind
        tags = _first_tags(file)
    if _FLOAT in tags.get(_SAMPLE_FORMAT, ()):
        raise PhotoRejectedError(rejections.FLOATING_TIFF)


def _first_tags(file: IO[bytes]) -> dict[int, tuple[int, ...]]:
    file.seek(0)
    head = file.read(_HEAD)
    if 43 in (head[2], head[3]):  # BigTIFF
        head += file.read(_BIG_HEAD - _HEAD)
    directory = TiffImagePlugin.ImageFileDirectory_v2(head)
    file.seek(directory.next)
    directory.load(file)
    return {_SAMPLE_FORMAT: directory.get(_SAMPLE_FORMAT, ())}


def _is_preview(image: TiffImagePlugin.TiffImageFile) -> bool:
    tags = image.tag_v2
    return bool(int(tags.get(_NEW_KIND, 0)) & 1) or tags.get(_OLD_KIND) == _OLD_REDUCED


def _check_planes(image: TiffImagePlugin.TiffImageFile) -> None:
    tags = image.tag_v2
    bits = tags.get(_BITS, (1,))
    if tags.get(_PLANES) == _SEPARATE and len(bits) > 1 and max(bits) > 8:
        raise PhotoRejectedError(rejections.DEEP_PLANES_TIFF)
