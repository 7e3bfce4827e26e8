"""Camera RAW files: recognised by their bytes, their EXIF, and the pictures that the camera put into them.

Most are TIFF files (TIFF 6.0, TIFF/EP, DNG 1.6) whose whole page holds what the sensor saw; LibRaw reads that.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, NamedTuple, cast

from PIL import ExifTags, Image, ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from mindreader.imaging.formats.boxes import canon_directories, pieces
from mindreader.imaging.formats.windows import Window


class Kind(NamedTuple):
    """A maker's kind of RAW file."""

    name: str
    media_type: str


_DNG = Kind("DNG", "image/x-adobe-dng")
_CR2 = Kind("Canon CR2", "image/x-canon-cr2")
_CR3 = Kind("Canon CR3", "image/x-canon-cr3")
_ORF = Kind("Olympus ORF", "image/x-olympus-orf")
_OTHER = Kind("TIFF/EP", "image/x-dcraw")
_HEADS = (
    (4, b"ftypcrx ", _CR3),
    (8, b"CR\x02", _CR2),
    (6, b"HEAPCCDR", Kind("Canon CRW", "image/x-canon-crw")),
    (0, b"FUJIFILMCCD-RAW", Kind("Fujifilm RAF", "image/x-fuji-raf")),
    (0, b"IIRO", _ORF),
    (0, b"IIRS", _ORF),
    (0, b"MMOR", _ORF),
    (0, b"IIU\0", Kind("Panasonic RW2", "image/x-panasonic-rw2")),
    (0, b"FOVb", Kind("Sigma X3F", "image/x-sigma-x3f")),
    (0, b"\0MRM", Kind("Minolta MRW", "image/x-minolta-mrw")),
)
# By the name of the maker and of the camera, as the first page tells them; the first that fits.
_CAMERAS = (
    ("NIKON", "COOLPIX", Kind("Nikon NRW", "image/x-nikon-nrw")),
    ("NIKON", "", Kind("Nikon NEF", "image/x-nikon-nef")),
    ("SONY", "DSC-R1", Kind("Sony SR2", "image/x-sony-sr2")),
    ("SONY", "", Kind("Sony ARW", "image/x-sony-arw")),
    ("CANON", "", _CR2),
    ("PENTAX", "", Kind("Pentax PEF", "image/x-pentax-pef")),
    ("RICOH", "", Kind("Pentax PEF", "image/x-pentax-pef")),
    ("SAMSUNG", "", Kind("Samsung SRW", "image/x-samsung-srw")),
    ("OLYMPUS", "", _ORF),
    ("KODAK", "", Kind("Kodak DCR", "image/x-kodak-dcr")),
    ("EASTMAN KODAK", "", Kind("Kodak DCR", "image/x-kodak-dcr")),
    ("HASSELBLAD", "", Kind("Hasselblad 3FR", "image/x-hasselblad-3fr")),
    ("PHASE ONE", "", Kind("Phase One IIQ", "image/x-phaseone-iiq")),
    ("LEAF", "", Kind("Leaf MOS", "image/x-leaf-mos")),
    ("MAMIYA", "", Kind("Mamiya MEF", "image/x-mamiya-mef")),
    ("SEIKO EPSON", "", Kind("Epson ERF", "image/x-epson-erf")),
)
_TIFF_HEADS = (b"II*\0", b"MM\0*")
_ORDERS = {b"II": "<", b"MM": ">"}
_HEADS_OF_ORDERS = {"<": b"II*\0", ">": b"MM\0*"}

_KIND, _WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 259, 262
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES, _PAGES_BELOW = 273, 279, 324, 325, 330
_JPEG_AT, _JPEG_SIZE, _DNG_VERSION = 513, 514, 50706
_FILTERED, _LINEAR = 32803, 34892
_SENSOR = frozenset({_FILTERED, _LINEAR})
"""Colours of what the sensor saw: one in each pixel, behind its filter, or all of them."""
_OLD_JPEG = 6
_PIXELS = frozenset({1, 5, 7, 8})  # plain, LZW, JPEG, Deflate: what Pillow decodes
_MOST_PAGES = 32
_MOST_JPEGS = 64
_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_DATA_BOXES = ((b"mdat",), (b"moov",), (b"uuid",))
_DATES = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized, ExifTags.Base.DateTime)
_PIECE = 2**20
_CUT = 100
"""Less than this part of a file may lie behind its end: sizes that cameras write are not always exact."""


@dataclass(frozen=True)
class Embedded:
    """A picture in a RAW file that a camera or program has developed."""

    size: tuple[int, int]
    stream: IO[bytes]
    """A JPEG, or a TIFF whose first page it is."""
    is_page: bool = False
    """Whether it is such a page, which Pillow turns by itself."""


class RawFile:
    """A camera RAW file that is open."""

    def __init__(self, file: IO[bytes], kind: Kind, order: str, pages: list[_Page]) -> None:
        self.file, self.kind = file, kind
        self._order, self._pages = order, pages

    @property
    def sensor_size(self) -> tuple[int, int]:
        """Width and height of what the sensor saw, in pixels; 0 if the pages do not tell."""
        return max((page.size for page in self._pages if page.is_sensor), default=(0, 0))

    @property
    def has_filters(self) -> bool:
        """Whether its pages say that each pixel of the sensor saw one colour."""
        sensors = [page for page in self._pages if page.is_sensor]
        return bool(sensors) and all(page.number(_PHOTOMETRIC) == _FILTERED for page in sensors)

    def is_cut(self) -> bool:
        """Whether what the sensor saw, or a box, goes on behind the end of the file."""
        if self.kind is _CR3:
            return _boxes_are_cut(self.file)
        length = self.file.seek(0, os.SEEK_END)
        pages = [page for page in self._pages if page.is_sensor or self.kind is _CR2]  # which does not name its pages
        ends = (start + size for page in pages for start, size in page.parts())
        return max(ends, default=0) - length > length // _CUT

    def exif(self) -> Image.Exif:
        """EXIF as the RAW file has it; empty where it has none of its own."""
        exif = Image.Exif()
        with suppress(Exception):  # broken EXIF is no reason to refuse a photo
            if self.kind is _CR3:
                _load_canon(exif, self.file)
            elif self._pages:
                exif.endian = self._order
                exif.load_from_fp(self.file, self._pages[0].offset)
        return exif

    def pages(self) -> Iterator[Embedded]:
        """Pictures that the pages of a TIFF name, thumbnails too."""
        for page in self._pages:
            jpeg = page.jpeg(self.file)
            if jpeg is not None and (found := embedded(jpeg)) is not None:
                yield found
            if page.is_picture:
                start = _HEADS_OF_ORDERS[self._order] + struct.pack(f"{self._order}I", page.offset)
                whole = Window(self.file, len(start), before=start)
                if (found := embedded(cast(IO[bytes], whole), "TIFF")) is not None:
                    yield found

    def streams(self) -> Iterator[Embedded]:
        """JPEG pictures that lie in the file, whatever it says of them; a thumbnail inside another is not told."""
        at = 0
        for _ in range(_MOST_JPEGS):
            at = _find(self.file, _JPEG_START, at)
            if at < 0:
                return
            length = _jpeg_length(self.file, at)
            if length and (found := embedded(cast(IO[bytes], Window(self.file, at, length)))) is not None:
                yield found
            at += max(length, len(_JPEG_START))


def raw_file(file: IO[bytes], head: bytes) -> RawFile | None:
    """The file as a camera RAW file; None for any other. The file is left where it stood.

    Args:
        file: the file.
        head: its first bytes.
    """
    place = file.tell()
    try:
        order = _ORDERS.get(head[:2], "<")
        kind = next((kind for at, magic, kind in _HEADS if head.startswith(magic, at)), None)
        is_tiff = head.startswith(_TIFF_HEADS)
        if kind is None and not is_tiff:
            return None
        is_paged = is_tiff or kind is _ORF or head.startswith(b"IIU\0")
        pages = list(_pages(file, order, head)) if is_paged else []
        kind = kind or _kind_of_pages(pages)
        return None if kind is None else RawFile(file, kind, order, pages)
    finally:
        file.seek(place)


def says_when(exif: Image.Exif) -> bool:
    """Whether EXIF holds a date of any kind."""
    with suppress(Exception):
        return any(tag in exif or tag in exif.get_ifd(ExifTags.IFD.Exif) for tag in _DATES)
    return False


def embedded(stream: IO[bytes], format_: str = "JPEG") -> Embedded | None:
    """A picture by its header; None if it is none, or of a kind that nobody shows."""
    with suppress(Exception):
        image: ImageFile.ImageFile = Image.open(stream, formats=[format_])
        size = image.size
        stream.seek(0)
        return Embedded(size, stream, is_page=format_ == "TIFF")
    return None


class _Page:
    """A directory of a TIFF file."""

    def __init__(self, tags: ImageFileDirectory_v2, offset: int) -> None:
        self._tags, self.offset = tags, offset

    def numbers(self, tag: int) -> tuple[int, ...]:
        """What a tag holds; nothing where it is missing or damaged."""
        with suppress(Exception):
            value = self._tags.get(tag, ())
            return tuple(int(each) for each in (value if isinstance(value, (tuple, bytes)) else (value,)))
        return ()

    def number(self, tag: int) -> int:
        """The first number of a tag; 0 without one."""
        return next(iter(self.numbers(tag)), 0)

    def text(self, tag: int) -> str:
        """What a tag says, in capitals."""
        with suppress(Exception):
            return str(self._tags.get(tag, "")).strip().upper()
        return ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        return self.number(_WIDTH), self.number(_HEIGHT)

    @property
    def is_sensor(self) -> bool:
        """Whether it holds what the sensor saw."""
        return self.number(_PHOTOMETRIC) in _SENSOR

    @property
    def is_reduced(self) -> bool:
        """Whether it is a small copy of another page."""
        return bool(self.number(_KIND) & 1)

    @property
    def is_picture(self) -> bool:
        """Whether its pixels are such as Pillow may read."""
        return not self.is_sensor and self.number(_COMPRESSION) in _PIXELS and min(self.size) > 0

    def parts(self) -> Iterator[tuple[int, int]]:
        """Where its pixels lie: offset and bytes of each strip or tile."""
        for offsets, sizes in ((_STRIPS, _STRIP_SIZES), (_TILES, _TILE_SIZES)):
            yield from zip(self.numbers(offsets), self.numbers(sizes), strict=False)

    def jpeg(self, file: IO[bytes]) -> IO[bytes] | None:
        """The JPEG that it names, as TIFF did before 1995 and cameras still do."""
        start, size = self.number(_JPEG_AT), self.number(_JPEG_SIZE)
        strips = self.numbers(_STRIPS)
        if not start and self.number(_COMPRESSION) == _OLD_JPEG and len(strips) == 1:
            start, size = strips[0], self.number(_STRIP_SIZES)
        return cast(IO[bytes], Window(file, start, size)) if start and size else None


def _pages(file: IO[bytes], order: str, head: bytes) -> Iterator[_Page]:
    left, seen = list(struct.unpack_from(f"{order}I", head, 4)) if len(head) >= 8 else [], set[int]()
    while left and len(seen) < _MOST_PAGES:
        offset = left.pop(0)
        if offset < 8 or offset in seen:
            continue
        seen.add(offset)
        tags = ImageFileDirectory_v2(_HEADS_OF_ORDERS[order] + head[4:8])
        with suppress(Exception):  # a damaged page is none
            file.seek(offset)
            tags.load(file)
            page = _Page(tags, offset)
            left += [*page.numbers(_PAGES_BELOW), tags.next]
            yield page


def _kind_of_pages(pages: list[_Page]) -> Kind | None:
    if not pages:
        return None
    first = pages[0]
    if first.numbers(_DNG_VERSION):
        return _DNG
    maker, model = first.text(ExifTags.Base.Make), first.text(ExifTags.Base.Model)
    if not any(page.is_sensor for page in pages) and not (maker and _has_previews_alone(pages)):
        return None
    fits = (kind for name, camera, kind in _CAMERAS if maker.startswith(name) and camera in model)
    return next(fits, _OTHER)


def _has_previews_alone(pages: list[_Page]) -> bool:
    return all(page.is_reduced for page in pages) and any(page.number(_JPEG_AT) for page in pages)


def _load_canon(exif: Image.Exif, file: IO[bytes]) -> None:
    """EXIF of a CR3: each of its directories is a TIFF file in a box."""
    directories = canon_directories(file)
    exif.load(directories[b"CMT1"])
    details = Image.Exif()
    details.load(directories[b"CMT2"])
    exif.get_ifd(ExifTags.IFD.Exif).update(details)


def _boxes_are_cut(file: IO[bytes]) -> bool:
    try:
        for _ in pieces(file):
            pass
    except EOFError as error:
        return error.args in _DATA_BOXES
    return False


def _jpeg_length(file: IO[bytes], at: int) -> int:
    """Bytes of the JPEG that begins there, to its end marker or that of the file; 0 if none does."""
    window = Window(file, at)
    with suppress(Exception):
        Image.open(cast(IO[bytes], window), formats=["JPEG"])
        end = _find(file, _JPEG_END, at + window.tell())  # in a scan these bytes are no pixels
        return (end + len(_JPEG_END) if end >= 0 else file.seek(0, os.SEEK_END)) - at
    return 0


def _find(file: IO[bytes], mark: bytes, at: int) -> int:
    """Where some bytes come next in a file, or -1."""
    file.seek(at)
    last = b""
    while piece := file.read(_PIECE):
        found = (last + piece).find(mark)
        if found >= 0:
            return at - len(last) + found
        at += len(piece)
        last = (last + piece)[1 - len(mark) :]
    return -1
