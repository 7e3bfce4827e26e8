"""The one place that decodes images: bounded, upright, 8-bit sRGB.

Every photo and every sketch comes through :func:`decode_photo`. It is safe to call from many threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, cast

import pillow_heif
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import rejections
from mindreader.imaging.costs import Size, bytes_to_decode, bytes_to_decode_webp, jpeg_scans, webp_size
from mindreader.imaging.formats import jpeg, tiff
from mindreader.imaging.formats.boxes import primary_properties
from mindreader.imaging.formats.colour import code_points
from mindreader.imaging.pixels import alpha_of, to_srgb

pillow_heif.register_heif_opener()

# The formats that are taken (Pillow knows dozens more, some of which run other programs), in the order they
# are tried, with the media type an original is served as.
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # JPEG with further pictures behind it, from two-lens cameras and phones
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "HEIF": "image/heif",
    "AVIF": "image/avif",
}
_TRIED = [name for name in MEDIA_TYPES if name != "MPO"]  # Pillow finds MPO on its way through JPEG
_TURNING_BOXES = frozenset({b"irot", b"imir"})
_SCALABLE = frozenset({"JPEG", "MPO"})
# A thinner picture would leave less than one pixel of its shorter side in a thumbnail.
_GREATEST_ASPECT = 200
_HEAD_BYTES = 1024
_ORDINARY_SCANS = 16  # a progressive JPEG has ten; of a picture below the limit of pixels more are taken
_EARLIEST_PHOTO = datetime(1826, 1, 1)  # EXIF times have no zone

# EXIF orientation -> what makes the picture upright (EXIF 2.32, tag 0x0112).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
Reserve = Callable[[int, Size], None]

_pillow_limit = threading.Lock()


@dataclass(frozen=True)
class DecodedPhoto:
    """A photo ready for the networks and the pages."""

    image: Image.Image
    """Mode ``RGB``, sRGB, upright, without metadata; smaller than the original when ``min_side`` allowed it."""
    width: int
    """Of the upright original, in pixels."""
    height: int
    """Of the upright original, in pixels."""
    media_type: str
    taken_at: datetime | None
    """When the camera says it was taken, in its own time without zone."""
    alpha: Image.Image | None = None
    """Mode ``L``, as large as `image`: how opaque each pixel was before it was laid on white; None where all are, or
    where nobody asked."""


@dataclass(frozen=True)
class _Limits:
    max_pixels: int
    min_side: int | None
    reserve: Reserve
    keep_alpha: bool = False

    def allow_scaling(self, image: ImageFile.ImageFile) -> bool:
        return self.min_side is not None and image.format in _SCALABLE


def no_limit(_bytes: int, _size: Size) -> None:
    """Memory without end."""


def decode_photo(
    source: bytes | Path | BinaryIO,
    *,
    max_pixels: int,
    min_side: int | None = None,
    reserve: Reserve = no_limit,
    keep_alpha: bool = False,
) -> DecodedPhoto:
    """Decode an image file of unknown origin.

    Args:
        source: the file's bytes, its path, or a binary file (read from its beginning, left open).
        max_pixels: more pixels than this are refused from the header, before any is decoded.
        min_side: when given, a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, several times faster,
            as long as its shorter side keeps this many pixels; other large pictures are decoded whole, and only
            the result is smaller.
        reserve: told once, before any pixel is decoded, how many bytes of memory it takes at most, and the size of
            the picture; what it raises ends the decoding.
        keep_alpha: whether the answer says where the picture was transparent.

    Raises:
        PhotoRejectedError: the file cannot become a photo; the sentence says why and what to do.
        OSError: the disk or network failed, which says nothing about the file.
    """
    with _opened(source) as file:
        stream = rejections.WatchedStream(file)
        head = stream.read(_HEAD_BYTES)
        if not head:
            raise PhotoRejectedError(rejections.EMPTY)
        with rejections.as_rejections(stream, head, max_pixels):
            return _decode(cast(IO[bytes], stream), head, _Limits(max_pixels, min_side, reserve, keep_alpha))


def _opened(source: bytes | Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    if isinstance(source, bytes):
        return BytesIO(source)
    if isinstance(source, Path):
        return _open_path(source)
    if not source.seekable():
        return BytesIO(source.read())
    source.seek(0)
    return nullcontext(source)  # the caller's own file stays open


def _open_path(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise PhotoRejectedError(rejections.MISSING) from None
    except IsADirectoryError:
        raise PhotoRejectedError(rejections.FOLDER) from None
    except PermissionError:
        raise PhotoRejectedError(rejections.FORBIDDEN) from None


def _formats(head: bytes) -> list[str]:
    # AVIF may call itself by the name it shares with HEIF (`mif1`), and libheif takes it and then fails.
    if head[4:12] == b"ftypmif1" and b"avif" in head[12 : int.from_bytes(head[:4], "big")]:
        return ["AVIF"]
    return _TRIED


def _decode(stream: IO[bytes], head: bytes, limits: _Limits) -> DecodedPhoto:
    image, size = _open_within(stream, head, limits)
    media_type = MEDIA_TYPES[image.format or ""]
    if image.format == "PNG":
        image = _verified_png(image, stream)
    image = _loaded(image, stream, limits)
    if not limits.allow_scaling(image):
        size = image.size  # TIFF turns itself upright, and HEIF may correct its header
    exif = _exif(image)
    orientation = _orientation(image, exif, stream)
    width, height = size if orientation not in (5, 6, 7, 8) else (size[1], size[0])
    srgb = to_srgb(image, limits.min_side, code_points(image, stream))
    alpha = alpha_of(image, limits.min_side) if limits.keep_alpha else None
    upright_alpha = alpha and _upright(alpha, orientation)
    return DecodedPhoto(_upright(srgb, orientation), width, height, media_type, _taken_at(exif), upright_alpha)


def _loaded(image: ImageFile.ImageFile, stream: IO[bytes], limits: _Limits) -> ImageFile.ImageFile:
    try:
        image.load()
    except OSError as error:
        if image.format not in _SCALABLE or "truncated" not in str(error):
            raise
    else:
        return image
    image.im = None  # type: ignore[assignment]  # its pixels, which the next attempt takes again
    whole = jpeg.with_end(stream, lambda continued: _open_jpeg(continued, limits))
    if whole is None:
        raise PhotoRejectedError(rejections.TRUNCATED)
    return whole


def _open_jpeg(stream: IO[bytes], limits: _Limits) -> ImageFile.ImageFile:
    image = Image.open(stream, formats=["JPEG"])
    if limits.min_side is not None:
        image.draft(None, (limits.min_side, limits.min_side))
    return image


def _open_within(stream: IO[bytes], head: bytes, limits: _Limits) -> tuple[ImageFile.ImageFile, Size]:
    """The image, its header read only and its memory reserved, and its size; what must not be decoded is refused."""
    _lift_pillows_limit(limits.max_pixels)
    if (size := webp_size(head)) is not None:  # opening a WebP takes its memory already
        _check_size(size, limits.max_pixels)
        limits.reserve(bytes_to_decode_webp(size, stream, limits.min_side), size)
        return Image.open(stream, formats=["WEBP"]), size
    image = _open(stream, head)
    tiff.at_picture(image)
    size = image.size
    _check_size(size, limits.max_pixels)
    if image.format in _SCALABLE:
        _check_scans(size, jpeg_scans(stream), limits.max_pixels)
    if limits.min_side is not None and limits.allow_scaling(image):
        image.draft(None, (limits.min_side, limits.min_side))
    limits.reserve(bytes_to_decode(image, size, stream, limits.min_side), size)
    return image, size


def _open(stream: IO[bytes], head: bytes) -> ImageFile.ImageFile:
    try:
        return Image.open(stream, formats=_formats(head))
    except UnidentifiedImageError:
        tiff.check_floats(stream)
        raise


def _verified_png(image: ImageFile.ImageFile, stream: IO[bytes]) -> ImageFile.ImageFile:
    """Pillow skips the checksums of the pixel data unless asked, and damage would show as coloured noise."""
    image.verify()
    return Image.open(stream, formats=["PNG"])


def _check_size(size: Size, max_pixels: int) -> None:
    shorter, longer = sorted(size)
    if shorter * longer > max_pixels:
        raise PhotoRejectedError(rejections.too_many_pixels(max_pixels, size))
    if longer > shorter * _GREATEST_ASPECT:
        raise PhotoRejectedError(rejections.too_narrow(size))


def _check_scans(size: Size, scans: int, max_pixels: int) -> None:
    """Every scan goes over all pixels: by hundreds of them a small file keeps a processor busy for a minute."""
    if size[0] * size[1] * scans > _ORDINARY_SCANS * max_pixels:
        raise PhotoRejectedError(rejections.too_many_scans(scans))


def _lift_pillows_limit(max_pixels: int) -> None:
    """Let Pillow's own limit never be below ours; it stays as the second fence inside the decoders."""
    with _pillow_limit:
        if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
            Image.MAX_IMAGE_PIXELS = max_pixels


def _exif(image: Image.Image) -> Image.Exif:
    """EXIF of a loaded image; broken EXIF is no reason to refuse a photo."""
    with suppress(Exception):
        return image.getexif()
    return Image.Exif()


def _orientation(image: Image.Image, exif: Image.Exif, stream: IO[bytes]) -> object:
    """How the loaded pixels lie. HEIC is turned by its boxes; where it has none, what EXIF said of it still holds."""
    told = image.info.get("original_orientation")
    if image.format != "HEIF" or told is None:
        return exif.get(ExifTags.Base.Orientation, 1)
    turned = any(kind in _TURNING_BOXES for kind, _ in primary_properties(stream))
    return 1 if turned else told


def _upright(image: Image.Image, orientation: object) -> Image.Image:
    method = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if method is None else image.transpose(method)


def _taken_at(exif: Image.Exif) -> datetime | None:
    with suppress(Exception):
        original = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
        return _exif_time(original) or _exif_time(exif.get(ExifTags.Base.DateTime))
    return None


def _exif_time(value: object) -> datetime | None:
    """Parse EXIF's ``2024:05:31 18:22:03``; nothing for blanks, zeros and times no camera can have seen."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    try:
        when = datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")  # EXIF times have no zone
    except ValueError:
        return None
    latest = datetime.now() + timedelta(days=2)  # whatever zone the camera was in
    return when if _EARLIEST_PHOTO <= when <= latest else None
