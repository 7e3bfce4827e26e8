"""Which picture is shown of a camera RAW file: the camera's own, or the sensor's developed; never a thumbnail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import rejections
from mindreader.imaging.formats import libraw
from mindreader.imaging.formats.camera_raw import Embedded, RawFile

_GOOD_SIDE = 1600
"""Longer side of a preview that is as good on a screen as the developed photo."""
_LEAST_SIDE = 640
"""The same where the photo cannot be developed."""
_THUMBNAIL_SIDE = 320
_TURNED = frozenset({5, 6, 7, 8})

Size = tuple[int, int]
ToDevelop = Callable[[Size, Size], None]
"""Told the size of the sensor and of the photo in pixels; what it raises ends the work."""


@dataclass(frozen=True)
class RawPicture:
    """A picture out of a RAW file, and what the file says of it."""

    shown: Embedded | Image.Image
    """As the camera wrote it, or developed from the sensor."""
    size: Size
    """Width and height in pixels, as it lies; of a developed one before it was made smaller."""
    exif: Image.Exif
    """Of the file; without a date where only the picture has one."""
    orientation: int | None
    """How the picture lies, as EXIF has it; None where only the picture tells."""
    has_reserved: bool = False
    """Whether memory was asked for already."""


def picture_of(raw: RawFile, path: Path | None, to_develop: ToDevelop) -> RawPicture:
    """Choose the picture, and develop it if there is none that is large enough.

    Raises:
        PhotoRejectedError: there is none, or the file is cut.
    """
    if raw.is_cut():
        raise PhotoRejectedError(rejections.cut_raw(raw.kind.name))
    with libraw.opened(raw.file, path) as sensor:
        told = _Told(raw, sensor)
        best = _largest([*([preview] if sensor and (preview := sensor.preview()) else []), *raw.pages()])
        if best is not None and told.is_large_enough(best, _GOOD_SIDE):
            return told.picture(best)
        if sensor is not None:
            to_develop(sensor.raw_size, sensor.size)
            if (image := sensor.developed()) is not None:
                return told.developed(image)
    if best is None or not told.is_large_enough(best, _LEAST_SIDE):
        best = _largest(raw.streams())
    if best is None or not told.is_large_enough(best, _LEAST_SIDE):
        raise PhotoRejectedError(rejections.raw_without_picture(raw.kind.name))
    return told.picture(best, has_reserved=sensor is not None)


class _Told:
    """What the file and LibRaw say of every picture in it."""

    def __init__(self, raw: RawFile, sensor: libraw.Sensor | None) -> None:
        self.exif = raw.exif()
        self._size = sensor.size if sensor else raw.sensor_size
        self.orientation = _orientation(self.exif, sensor)

    def is_large_enough(self, picture: Embedded, side: int) -> bool:
        longer = max(picture.size)
        return longer >= side or (longer > _THUMBNAIL_SIDE and 2 * longer >= max(self._size) > 0)

    def picture(self, shown: Embedded, *, has_reserved: bool = False) -> RawPicture:
        is_upright = self._lies_upright(shown.size)
        return RawPicture(shown, shown.size, self.exif, 1 if is_upright else self.orientation, has_reserved)

    def developed(self, image: Image.Image) -> RawPicture:
        factor = 2 if 3 * image.width < 2 * self._size[0] else 1
        size = (factor * image.width, factor * image.height)
        return RawPicture(image, size, self.exif, self.orientation, has_reserved=True)

    def _lies_upright(self, size: Size) -> bool:
        """Whether a picture was turned already: it stands where the sensor lay, or lies where it stood."""
        if self.orientation not in _TURNED:
            return False
        return (size[0] - size[1]) * (self._size[0] - self._size[1]) < 0


def _largest(pictures: Iterable[Embedded]) -> Embedded | None:
    return max(pictures, key=lambda picture: picture.size[0] * picture.size[1], default=None)


def _orientation(exif: Image.Exif, sensor: libraw.Sensor | None) -> int | None:
    said = exif.get(ExifTags.Base.Orientation)
    if isinstance(said, int) and 2 <= said <= 8:
        return said
    if sensor is not None:
        return sensor.orientation
    return 1 if said == 1 else None
