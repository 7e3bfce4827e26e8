"""The one place that decodes images: bounded, upright, 8-bit sRGB.

Every photo and every sketch comes through :func:`decode_photo`. It is safe to call from many threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, cast

import pillow_heif
from PIL import ExifTags, Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from mindreader.dates import Dates, Taken
from mindreader.errors import PhotoRejectedError
from mindreader.imaging import rejections
from mindreader.imaging.costs import (
    Size,
    bytes_to_decode,
    bytes_to_decode_jpeg_xl,
    bytes_to_decode_webp,
    bytes_to_develop,
    jpeg_scans,
    webp_size,
)
from mindreader.imaging.formats import camera_raw, jpeg, jpeg_xl, tiff
from mindreader.imaging.formats.boxes import primary_properties
from mindreader.imaging.formats.colour import CodePoints, code_points, profile_code_points
from mindreader.imaging.formats.deep_tiff import DeepTiff, deep_tiff, is_deep_in_planes
from mindreader.imaging.metadata.camera import Camera, camera_of
from mindreader.imaging.metadata.dates import dates_of
from mindreader.imaging.pixels import alpha_of, bytes_to_convert, to_srgb

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
_BLANKS = b" \t\r\n\0\xef\xbb\xbf"
_STARTS_BEHIND_BLANKS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")
_ORDINARY_SCANS = 16  # a progressive JPEG has ten; of a picture below the limit of pixels more are taken

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
    dates: Dates
    """What the file itself says of when it was taken, by who says so."""
    camera: Camera
    """What the file itself says of how it was taken."""
    alpha: Image.Image | None = None
    """Mode ``L``, as large as `image`: how opaque each pixel was before it was laid on white; None where all are, or
    where nobody asked."""

    @property
    def taken_at(self) -> datetime | None:
        """The date to believe of those."""
        return Taken.best(self.dates).moment


@dataclass(frozen=True)
class _Limits:
    max_pixels: int
    min_side: int | None
    reserve: Reserve
    keep_alpha: bool = False

    def allow_scaling(self, image: Image.Image) -> bool:
        return self.min_side is not None and image.format in _SCALABLE

    def reserved(self) -> _Limits:
        """The same for a part of what memory was reserved for as a whole."""
        return replace(self, reserve=no_limit)


@dataclass(frozen=True)
class _Made:
    """A loaded image and what is known of it."""

    image: Image.Image
    size: Size
    exif: Image.Exif
    orientation: object
    media_type: str

    def photo(self, limits: _Limits, points: CodePoints | None) -> DecodedPhoto:
        width, height = self.size if self.orientation not in (5, 6, 7, 8) else (self.size[1], self.size[0])
        srgb = _upright(to_srgb(self.image, limits.min_side, points), self.orientation)
        alpha = alpha_of(self.image, limits.min_side) if limits.keep_alpha else None
        upright_alpha = alpha and _upright(alpha, self.orientation)
        dates, camera = dates_of(self.image, self.exif), camera_of(self.exif)
        return DecodedPhoto(srgb, width, height, self.media_type, dates, camera, upright_alpha)


@dataclass(frozen=True)
class _Frame:
    """A file that holds a picture of another format, and says more of it than that does."""

    media_type: str
    exif: Image.Exif
    """The picture's own holds where it says no date."""
    orientation: int | None
    """None where the picture's own holds."""
    is_page: bool = False

    def around(self, made: _Made, is_upright: bool) -> _Made:
        orientation = made.orientation if is_upright or self.orientation is None else self.orientation
        exif = self.exif if camera_raw.says_when(self.exif) else made.exif
        return replace(made, exif=exif, orientation=orientation, media_type=self.media_type)


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
        stream.start = _blanks_before(head)
        head = head[stream.start :]
        with rejections.as_rejections(stream, head, max_pixels):
            return _decode(stream, head, _Limits(max_pixels, min_side, reserve, keep_alpha))


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


def _blanks_before(head: bytes) -> int:
    """Bytes that a web page's program printed before a picture: ends of lines, a byte order mark."""
    picture = head.lstrip(_BLANKS)
    return len(head) - len(picture) if picture.startswith(_STARTS_BEHIND_BLANKS) else 0


def _formats(head: bytes) -> list[str]:
    # AVIF may call itself by the name it shares with HEIF (`mif1`), and libheif takes it and then fails.
    if head[4:12] == b"ftypmif1" and b"avif" in head[12 : int.from_bytes(head[:4], "big")]:
        return ["AVIF"]
    return _TRIED


def _decode(stream: rejections.WatchedStream, head: bytes, limits: _Limits) -> DecodedPhoto:
    file = cast(IO[bytes], stream)
    if jpeg_xl.is_jpeg_xl(head):
        return _decode_jpeg_xl(file, limits)
    if (raw := camera_raw.raw_file(file, head)) is not None:
        return _decode_raw(raw, stream.path, limits)
    return _decode_picture(file, head, limits)


def _decode_picture(stream: IO[bytes], head: bytes, limits: _Limits, frame: _Frame | None = None) -> DecodedPhoto:
    """Decode what Pillow opens; `frame` is the file that it lies in, if it is not a file of its own."""
    opened, size = _open_within(stream, head, limits, seek=not (frame and frame.is_page))
    media_type, turns_itself = MEDIA_TYPES[opened.format or ""], _turns_itself(opened)
    image = opened.load() if isinstance(opened, DeepTiff) else _loaded(opened, stream, limits)
    del opened
    if not limits.allow_scaling(image):
        size = image.size  # TIFF turns itself upright, and HEIF may correct its header
    exif = _exif(image)
    made = _Made(image, size, exif, _orientation(image, exif, stream), media_type)
    if frame is not None:
        made = frame.around(made, turns_itself)
    return made.photo(limits, code_points(image, stream))


def _turns_itself(image: ImageFile.ImageFile | DeepTiff) -> bool:
    """Whether Pillow turns it upright while it loads it."""
    if isinstance(image, DeepTiff) or image.format != "TIFF":
        return False
    return bool(_exif(image).get(ExifTags.Base.Orientation, 1) != 1)


def _decode_jpeg_xl(stream: IO[bytes], limits: _Limits) -> DecodedPhoto:
    header = jpeg_xl.header(stream)
    if header.is_animated:
        raise PhotoRejectedError(rejections.ANIMATED_JPEG_XL)
    _check_size(header.size, limits.max_pixels)
    limits.reserve(bytes_to_decode_jpeg_xl(header, stream, limits.min_side), header.size)
    image = jpeg_xl.picture(stream)
    if isinstance(image, bytes):
        frame = _Frame(jpeg_xl.MEDIA_TYPE, Image.Exif(), None)
        return _decode_picture(BytesIO(image), image[:_HEAD_BYTES], limits.reserved(), frame)
    made = _Made(image, image.size, _exif(image), 1, jpeg_xl.MEDIA_TYPE)
    return made.photo(limits, profile_code_points(image.info["icc_profile"]))


def _decode_raw(raw: camera_raw.RawFile, path: Path | None, limits: _Limits) -> DecodedPhoto:
    from mindreader.imaging.formats import raw_pictures  # LibRaw, for decoders alone: it brings an OpenMP of its own

    def to_develop(sensor: Size, size: Size) -> None:
        _check_size(sensor, limits.max_pixels)
        limits.reserve(bytes_to_develop(sensor, raw.file, limits.min_side, has_filters=raw.has_filters), size)

    found = raw_pictures.picture_of(raw, path, to_develop)
    shown = found.shown
    if isinstance(shown, Image.Image):
        made = _Made(shown, found.size, found.exif, found.orientation, raw.kind.media_type)
        return made.photo(limits, None)
    head = shown.stream.read(_HEAD_BYTES)
    shown.stream.seek(0)
    frame = _Frame(raw.kind.media_type, found.exif, found.orientation, shown.is_page)
    return _decode_picture(shown.stream, head, limits.reserved() if found.has_reserved else limits, frame)


def _loaded(image: ImageFile.ImageFile, stream: IO[bytes], limits: _Limits) -> ImageFile.ImageFile:
    if image.format == "PNG":
        image = _verified_png(image, stream)
    try:
        with tiff.turned_by_its_tag(image):
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


def _open_within(
    stream: IO[bytes], head: bytes, limits: _Limits, *, seek: bool
) -> tuple[ImageFile.ImageFile | DeepTiff, Size]:
    """The image, its header read only and its memory reserved, and its size; what must not be decoded is refused.

    With `seek`, reduced pages of a TIFF are passed over.
    """
    _lift_pillows_limit(limits.max_pixels)
    if (size := webp_size(head)) is not None:  # opening a WebP takes its memory already
        _check_size(size, limits.max_pixels)
        limits.reserve(bytes_to_decode_webp(size, stream, limits.min_side), size)
        return Image.open(stream, formats=["WEBP"]), size
    image = _open(stream, head, seek=seek)
    size = image.size
    _check_size(size, limits.max_pixels)
    if isinstance(image, DeepTiff):
        limits.reserve(image.bytes_to_load + bytes_to_convert(size, limits.min_side), size)
        return image, size
    if image.format in _SCALABLE:
        _check_scans(size, jpeg_scans(stream), limits.max_pixels)
    if limits.min_side is not None and limits.allow_scaling(image):
        image.draft(None, (limits.min_side, limits.min_side))
    limits.reserve(bytes_to_decode(image, size, stream, limits.min_side), size)
    return image, size


def _open(stream: IO[bytes], head: bytes, *, seek: bool) -> ImageFile.ImageFile | DeepTiff:
    try:
        image = Image.open(stream, formats=_formats(head))
        if seek:
            tiff.at_picture(image)
    except (UnidentifiedImageError, SyntaxError):  # Pillow knows no floating colours
        if (deep := deep_tiff(stream)) is None:
            raise
        return deep
    if isinstance(image, TiffImagePlugin.TiffImageFile) and is_deep_in_planes(image.tag_v2):
        return deep_tiff(stream) or image
    return image


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
    """EXIF of a loaded image; broken EXIF is no reason to refuse a photo.

    Pillow fills up an orientation that is missing from XMP, by which no browser turns a picture.
    """
    with suppress(Exception):
        if raw := image.info.get("exif"):
            exif = Image.Exif()
            exif.load(raw)
            return exif
        if image.format == "TIFF" or "Raw profile type exif" in image.info:
            with tiff.turned_by_its_tag(image):
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
