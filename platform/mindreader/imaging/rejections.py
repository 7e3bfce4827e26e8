"""Why a file cannot become a photo, in sentences that say what to do.

The words fit photos and sketches alike, since both are decoded in the same place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_SET, BufferedIOBase
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from mindreader.errors import PhotoRejectedError, Sentence

READABLE = Sentence("JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC, AVIF, JPEG XL, camera RAW")

EMPTY = Sentence("This file is empty (0 bytes). Copy or export it again.")
MISSING = Sentence("There is no such file. Check its name and place.")
FOLDER = Sentence("This is a folder, not an image file. Choose the files inside it.")
FORBIDDEN = Sentence("MindReader may not read this file. Give it read permission and try again.")
TRUNCATED = Sentence("This image file ends too early. Copy or download it again, completely.")
DAMAGED = Sentence(
    "This image file is damaged, or of a kind MindReader cannot read. "
    "Open it in an image program and save it as JPEG or PNG."
)
BREAKS_DECODER = Sentence(
    "Reading this image made the decoder stop: it is damaged in a way that breaks it. "
    "Open it in an image program and save it as JPEG or PNG."
)
DEEP_PLANES_TIFF = Sentence(
    "This TIFF keeps its colours in separate planes of more than 8 bits, in a way that MindReader cannot read. "
    "Open it in an image program and save it as PNG, or as TIFF with interleaved channels."
)
FLOATING_TIFF = Sentence(
    "This TIFF holds floating-point numbers, in a way that MindReader cannot read. "
    "Open it in an image program and save it as PNG, or as TIFF with 8 or 16 bits."
)
BROKEN_JPEG_XL = Sentence("This JPEG XL image ends too early, or is damaged. Copy or download it again, completely.")
ANIMATED_JPEG_XL = Sentence(
    "This file is an animated JPEG XL image, of which MindReader cannot show the first picture. "
    "Open it in an image program and save that picture as JPEG or PNG."
)
NO_MEMORY = Sentence("Reading this image takes more memory than is set aside for that. Send a smaller copy.")

# First bytes of well-known files that are no photos, and what a person calls them.
_FOREIGN: tuple[tuple[int, bytes, Sentence], ...] = (
    (0, b"%PDF", Sentence("a PDF document")),
    (0, b"8BPS", Sentence("a Photoshop file")),
    (0, b"\x00\x00\x01\x00", Sentence("an icon")),
    (0, b"\x00\x00\x00\x0cjP  ", Sentence("a JPEG 2000 image")),
    (0, b"\xff\x4f\xff\x51", Sentence("a JPEG 2000 image")),
    (0, b"PK\x03\x04", Sentence("a ZIP archive or office document")),
    (0, b"\x1f\x8b", Sentence("a compressed archive")),
    (0, b"\x1a\x45\xdf\xa3", Sentence("a video")),
    (8, b"AVI ", Sentence("a video")),
    (8, b"WAVE", Sentence("a sound")),
    (0, b"\x00\x00\x01\xba", Sentence("a video")),  # MPEG
    (0, b"\x00\x00\x01\xb3", Sentence("a video")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Sentence("a video")),  # Windows Media
    (0, b"FLV\x01", Sentence("a video")),
    (0, b"OggS", Sentence("a sound or video")),
    (0, b"ID3", Sentence("a sound")),
    (0, b"fLaC", Sentence("a sound")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Sentence("a Microsoft Office document or a cache of previews")),
    (0, b"\x00\x05\x16\x07", Sentence("what a Mac keeps about another file")),  # AppleDouble, `._IMG_1.jpg`
    (0, b"\x00\x00\x00\x01Bud1", Sentence("what a Mac keeps about a folder")),  # .DS_Store
    *((4, kind, Sentence("a video")) for kind in (b"moov", b"mdat", b"wide", b"pnot")),  # QuickTime of old
)
# Main brands of files in the ISO base format that hold no film; every other one does.
_BRANDS = {
    b"jp2 ": Sentence("a JPEG 2000 image"),
    b"jpx ": Sentence("a JPEG 2000 image"),
    b"jpm ": Sentence("a JPEG 2000 image"),
    b"jph ": Sentence("a JPEG 2000 image"),
    b"M4A ": Sentence("a sound"),
    b"M4B ": Sentence("a sound"),
    b"M4P ": Sentence("a sound"),
}
_OWN_BRANDS = frozenset(
    {b"mif1", b"mif2", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
    | {b"avif", b"avis"}
)
_OWN_STARTS = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF", b"II*\x00", b"MM\x00*", b"BM")


def too_many_pixels(max_pixels: int, size: tuple[int, int] | None = None) -> Sentence:
    """Sentence for an image above the limit; ``size`` is named when the header told it."""
    most = max_pixels / 1e6
    if size is None:
        return Sentence(
            "This image has too many pixels; at most {most:.4g} megapixels are taken. Send a smaller copy.", most=most
        )
    return Sentence(
        "This image has {width} × {height} pixels; at most {most:.4g} megapixels are taken. Send a smaller copy.",
        width=size[0],
        height=size[1],
        most=most,
    )


def too_many_scans(scans: int) -> Sentence:
    """Sentence for a JPEG that takes far longer to decode than its size says."""
    return Sentence(
        "This JPEG is built up in {scans} passes, which takes too long to read. "
        "Open it in an image program and save it again.",
        scans=scans,
    )


def too_much_memory(needed: int, most: int, size: tuple[int, int]) -> Sentence:
    """Sentence for an image that never fits into the memory set aside for decoding."""
    return Sentence(
        "This image has {width} × {height} pixels, and reading it takes about {needed:.0f} MB of memory; "
        "{most:.0f} MB are set aside for that. Send a smaller copy, or save it as JPEG. "
        "The setting MINDREADER_DECODE_MEMORY sets more aside.",
        width=size[0],
        height=size[1],
        needed=needed / 2**20,
        most=most / 2**20,
    )


def too_slow(seconds: float) -> Sentence:
    """Sentence for an image whose decoder was stopped."""
    return Sentence(
        "Reading this image took longer than {seconds:g} seconds of a processor. "
        "Open it in an image program and save it again.",
        seconds=seconds,
    )


def too_narrow(size: tuple[int, int]) -> Sentence:
    """Sentence for an image that is a mere line."""
    return Sentence(
        "This image is too narrow to be shown ({width} × {height} pixels). Cut out the part that matters.",
        width=size[0],
        height=size[1],
    )


def cut_raw(kind: str) -> Sentence:
    """Sentence for a camera RAW file that lacks its end."""
    return Sentence(
        "This file is a camera RAW file of kind {kind} that ends too early. Copy or download it again, completely.",
        kind=kind,
    )


def raw_without_picture(kind: str) -> Sentence:
    """Sentence for a camera RAW file that nothing can be made of; ``kind`` is its maker's name for it."""
    return Sentence(
        "This file is a camera RAW file of kind {kind} that MindReader cannot develop, and it holds no preview that is "
        "large enough. Open it in a program for RAW files and save it as JPEG.",
        kind=kind,
    )


def not_an_image(head: bytes) -> Sentence:
    """Sentence for a file no decoder knows, from its first bytes."""
    name = next((name for at, magic, name in _FOREIGN if head.startswith(magic, at)), None)
    if name is None and head.startswith(b"ftyp", 4):
        name = None if head[8:12] in _OWN_BRANDS else _BRANDS.get(head[8:12], Sentence("a video"))
    if name is None and (head.startswith(_OWN_STARTS) or head.startswith(b"ftyp", 4)):
        return DAMAGED
    return Sentence(
        "This file is {kind}. MindReader reads {formats} images.", kind=name or _name_of_text(head), formats=READABLE
    )


def _name_of_text(head: bytes) -> Sentence:
    lowered = head.lower()
    if b"<svg" in lowered:
        return Sentence("an SVG drawing")
    if b"<html" in lowered or b"<!doctype html" in lowered:
        return Sentence("a web page")
    return Sentence("a text") if _is_text(head) else Sentence("no image of a known kind")


def _is_text(head: bytes) -> bool:
    # The head may end in the middle of a character: at most three bytes of it are left over.
    return b"\0" not in head and len(head.decode("utf-8", "ignore").encode()) >= len(head) - 3


class WatchedStream(BufferedIOBase):
    """A file that remembers when its disk or network failed, for decoders often hide that."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.start = 0
        """Place in the file where the picture begins, which decoders take for the file's beginning."""
        self.trouble: OSError | None = None

    @property
    def path(self) -> Path | None:
        """Where it lies, for libraries that read a file by themselves; None for one in memory."""
        name = getattr(self._stream, "name", None)
        return Path(name) if isinstance(name, str) else None

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on, and keep the first failure."""
        try:
            return self._stream.read(-1 if size is None else size)
        except OSError as error:
            self.trouble = self.trouble or error
            raise

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        """Move within the file."""
        return self._stream.seek(offset + self.start if whence == SEEK_SET else offset, whence) - self.start

    def tell(self) -> int:
        """Where the file stands."""
        return self._stream.tell() - self.start

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True


@contextmanager
def as_rejections(stream: WatchedStream, head: bytes, max_pixels: int) -> Iterator[None]:
    """Turn whatever the decoders raise into one sentence.

    Hostile files make Pillow and its libraries raise nearly anything (OSError, SyntaxError, ValueError,
    struct.error, EOFError, …), so everything but a failing disk is the file's fault.

    Raises:
        PhotoRejectedError: the file cannot be decoded.
        OSError: the disk or network failed while the file was read, which must not be held against it.
    """
    try:
        yield
    except Exception as error:
        if stream.trouble or isinstance(error, PhotoRejectedError):
            raise (stream.trouble or error) from None
        raise PhotoRejectedError(_sentence(error, head, max_pixels)) from error
    if stream.trouble:  # a decoder went on without what it could not read, such as the EXIF
        raise stream.trouble


def _sentence(error: Exception, head: bytes, max_pixels: int) -> Sentence:
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return too_many_pixels(max_pixels)
    if isinstance(error, UnidentifiedImageError):
        return not_an_image(head)
    if isinstance(error, MemoryError):
        return NO_MEMORY
    return TRUNCATED if "truncated" in str(error).lower() else DAMAGED
