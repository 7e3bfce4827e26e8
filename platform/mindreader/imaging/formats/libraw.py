"""What LibRaw makes of a camera RAW file: its largest preview, or the photo developed at half its size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
import rawpy
from PIL import Image

from mindreader.imaging.formats.camera_raw import Embedded, embedded

_WRITER = b"dcraw v"
_SRGB = (2.4, 12.92)
_ORIENTATIONS = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}
"""LibRaw's bits (mirrored, upside down, sides changed) as EXIF has them."""


class Sensor:
    """A RAW file that LibRaw knows."""

    def __init__(self, raw: rawpy.RawPy) -> None:
        self._raw = raw
        sizes = raw.sizes  # half of them, once it is developed
        self.size = (sizes.width, sizes.height)
        """Width and height of the photo as the sensor lay, in pixels."""
        self.raw_size = (sizes.raw_width, sizes.raw_height)
        """The same with the masked pixels at the border."""

    @property
    def orientation(self) -> int:
        """As EXIF has it."""
        return _ORIENTATIONS.get(self._raw.sizes.flip, 1)

    def preview(self) -> Embedded | None:
        """The largest JPEG in the file that LibRaw knows of."""
        try:
            thumb = self._raw.extract_thumb()
        except (rawpy.LibRawError, NotImplementedError, OSError):
            return None
        return embedded(BytesIO(_without_false_date(thumb.data))) if isinstance(thumb.data, bytes) else None

    def developed(self) -> Image.Image | None:
        """The photo in sRGB by the camera's white balance, as the sensor lay; None if LibRaw cannot.

        Half as wide and high as the sensor, unless that saw every colour in every pixel.
        """
        try:
            self._raw.unpack()
            pixels = self._raw.postprocess(half_size=True, use_camera_wb=True, gamma=_SRGB, user_flip=0)
        except rawpy.LibRawUnsufficientMemoryError:
            raise MemoryError from None
        except (rawpy.LibRawError, OSError):
            return None
        return Image.fromarray(np.squeeze(pixels)).convert("RGB")


def _without_false_date(jpeg: bytes) -> bytes:
    """LibRaw writes EXIF into a preview that does not begin with any: the moment zero, where the file says none."""
    end = 4 + int.from_bytes(jpeg[4:6], "big")
    written = jpeg[2:end]
    no_moment = datetime.fromtimestamp(0).strftime("%Y:%m:%d %H:%M:%S")
    return jpeg[:2] + jpeg[end:] if _WRITER in written and no_moment.encode() in written else jpeg


@contextmanager
def opened(file: IO[bytes], path: Path | None) -> Iterator[Sensor | None]:
    """Open a RAW file; None if LibRaw does not know it.

    Args:
        file: the file.
        path: where it lies, if it does; then it is not read into memory.
    """
    with rawpy.RawPy() as raw:
        yield Sensor(raw) if _opens(raw, file, path) else None


def _opens(raw: rawpy.RawPy, file: IO[bytes], path: Path | None) -> bool:
    try:
        if path is not None:
            raw.open_file(str(path))
        else:
            file.seek(0)
            raw.open_buffer(file)  # type: ignore[arg-type]
    except (rawpy.LibRawError, OSError):
        return False
    return True
