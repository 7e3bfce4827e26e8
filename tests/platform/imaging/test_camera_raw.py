"""Camera RAW: shown by the camera's own picture, upright and with its date, or developed, or refused by name."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import DecodedPhoto, decode_photo
from tests.support import raw_files
from tests.support.raw_files import LONG, QUARTERS, SHORT, Tiff, arw, cr2, cr3, jpeg, orf, quarters, raf, raw_tiff, rw2

DATE = "2021:07:14 10:11:12"
TAKEN = datetime(2021, 7, 14, 10, 11, 12)
PICTURE = quarters(1800, 1200)
PREVIEW = jpeg(PICTURE)
TURNS = {
    1: QUARTERS,
    3: QUARTERS[::-1],
    6: [QUARTERS[at] for at in (2, 0, 3, 1)],
    8: [QUARTERS[at] for at in (1, 3, 0, 2)],
}


def shown(source: bytes | Path) -> DecodedPhoto:
    return decode_photo(source, max_pixels=20_000_000)


def rejection(data: bytes) -> str:
    with pytest.raises(PhotoRejectedError) as caught:
        shown(data)
    return str(caught.value.detail)


def has_quarters(image: Image.Image, expected: object, tolerance: int = 8) -> bool:
    """Whether the middles of the quarters have these colours, row by row."""
    places = [(image.width * x // 4, image.height * y // 4) for y in (1, 3) for x in (1, 3)]
    seen = np.array([image.getpixel(place) for place in places], int)
    return int(np.abs(seen - np.array(expected)).max()) <= tolerance


KINDS: dict[str, tuple[Callable[[int], bytes], str]] = {
    "NEF": (lambda o: raw_tiff(PICTURE, orientation=o, date=DATE, preview=PREVIEW), "image/x-nikon-nef"),
    "NEF, big-endian": (
        lambda o: raw_tiff(PICTURE, orientation=o, date=DATE, preview=PREVIEW, head=b"MM\0*"),
        "image/x-nikon-nef",
    ),
    "NRW": (
        lambda o: raw_tiff(PICTURE, model="COOLPIX P7000", orientation=o, date=DATE, preview=PREVIEW),
        "image/x-nikon-nrw",
    ),
    "DNG": (
        lambda o: raw_tiff(
            PICTURE, maker="Google", model="Pixel 5", is_dng=True, orientation=o, date=DATE, preview=PREVIEW
        ),
        "image/x-adobe-dng",
    ),
    "PEF": (
        lambda o: raw_tiff(PICTURE, maker="PENTAX", model="K-3", orientation=o, date=DATE, preview=PREVIEW),
        "image/x-pentax-pef",
    ),
    "SRW": (
        lambda o: raw_tiff(PICTURE, maker="SAMSUNG", model="NX500", orientation=o, date=DATE, preview=PREVIEW),
        "image/x-samsung-srw",
    ),
    "CR2": (lambda o: cr2(PREVIEW, PICTURE.size, o, DATE), "image/x-canon-cr2"),
    "CR3": (lambda o: cr3(PREVIEW, o, DATE), "image/x-canon-cr3"),
    "ARW": (lambda o: arw(PREVIEW, o, DATE), "image/x-sony-arw"),
    "RW2": (lambda o: rw2(PREVIEW, o, DATE), "image/x-panasonic-rw2"),
    "RAF": (lambda o: raf(jpeg(PICTURE, o, DATE)), "image/x-fuji-raf"),
    "ORF": (lambda o: orf(jpeg(PICTURE, o, DATE)), "image/x-olympus-orf"),
}


# Every kind turned one way, and one kind each way; `make test-all` has the others.
KINDS_AND_TURNS = [
    pytest.param(kind, turn, marks=() if turn == 6 or kind == "DNG" else pytest.mark.slow)
    for kind in KINDS
    for turn in TURNS
]


@pytest.mark.parametrize(("kind", "orientation"), KINDS_AND_TURNS)
def test_the_preview_is_shown_upright_with_its_date(tmp_path: Path, kind: str, orientation: int) -> None:
    make, media_type = KINDS[kind]
    data = make(orientation)
    (tmp_path / "photo").write_bytes(data)  # of no suffix: the bytes say what it is
    for source in (data, tmp_path / "photo"):
        photo = shown(source)
        assert (photo.media_type, photo.taken_at) == (media_type, TAKEN)
        assert (photo.width, photo.height) == ((1200, 1800) if orientation > 4 else (1800, 1200))
        assert photo.image.size == (photo.width, photo.height)
        assert has_quarters(photo.image, TURNS[orientation])


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_preview_with_an_orientation_of_its_own_is_turned_once(orientation: int) -> None:
    own = jpeg(PICTURE, orientation)
    for data in (raw_tiff(PICTURE, orientation=orientation, preview=own), arw(own, orientation), cr3(own, orientation)):
        assert has_quarters(shown(data).image, TURNS[orientation])


@pytest.mark.parametrize("make", [lambda own: raw_tiff(PICTURE, preview=own), arw, rw2])
def test_where_the_file_says_no_date_that_of_its_preview_holds(make: Callable[[bytes], bytes]) -> None:
    photo = shown(make(jpeg(PICTURE, 6, DATE)))
    assert photo.taken_at == TAKEN
    assert (photo.width, photo.height) == PICTURE.size  # but the file says how it lies


def test_no_date_is_made_up() -> None:
    """LibRaw writes 1970 into a preview where it knows no date."""
    assert shown(raw_tiff(PICTURE, preview=PREVIEW)).taken_at is None
    assert shown(raw_tiff(PICTURE, maker="Test", is_dng=True)).taken_at is None


def test_a_preview_that_stands_upright_already_is_left_so() -> None:
    photo = shown(raw_tiff(PICTURE, orientation=6, preview=jpeg(PICTURE.transpose(Image.Transpose.ROTATE_270))))
    assert (photo.width, photo.height) == (1200, 1800)
    assert has_quarters(photo.image, TURNS[6])


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("preview", [None, jpeg(PICTURE.resize((160, 120))), jpeg(PICTURE.resize((640, 424)))])
def test_without_a_large_preview_the_sensor_is_developed(preview: bytes | None, orientation: int) -> None:
    photo = shown(raw_tiff(PICTURE, maker="Test", is_dng=True, orientation=orientation, date=DATE, preview=preview))
    standing = orientation > 4
    assert (photo.width, photo.height) == ((1200, 1800) if standing else (1800, 1200))
    assert photo.image.size == ((600, 900) if standing else (900, 600))
    assert photo.taken_at == TAKEN
    brightened = [(245, 27, 27), (27, 223, 27), (27, 27, 245), (255, 255, 255)]  # until one in a hundred is white
    at = [QUARTERS.index(colour) for colour in TURNS[orientation]]
    assert has_quarters(photo.image, [brightened[each] for each in at], 12)


def test_a_sensor_that_saw_all_colours_is_developed_whole() -> None:
    light = ((np.asarray(PICTURE) / 255.0) ** 2.2 * 16383).astype(np.uint16)
    photo = shown(raw_tiff(PICTURE, maker="Test", is_dng=True, values=light))
    assert photo.image.size == (photo.width, photo.height) == PICTURE.size


def test_a_preview_in_strips_is_put_together() -> None:
    """As programs write it: sixteen JPEG pictures, one below the other."""
    strips = [jpeg(PICTURE.crop((0, top, 1800, top + 80))) for top in range(0, 1200, 80)]
    tiff = Tiff()
    offsets = [tiff.add(strip) for strip in strips]
    preview = tiff.directory(
        {
            254: (LONG, [1]),
            256: (LONG, [1800]),
            257: (LONG, [1200]),
            258: (SHORT, [8, 8, 8]),
            259: (SHORT, [7]),
            262: (SHORT, [6]),
            273: (LONG, offsets),
            277: (SHORT, [3]),
            278: (LONG, [80]),
            279: (LONG, [len(strip) for strip in strips]),
            530: (SHORT, [1, 1]),
        }
    )
    tags = raw_files.thumbnail(tiff, PICTURE) | raw_files.camera(tiff, "NIKON CORPORATION", "NIKON D1", 8, DATE)
    seen = np.zeros((1200, 1800), "<u2")
    sensor = tiff.directory(raw_files.page_of_sensor(seen, tiff.add(seen.tobytes())))
    photo = shown(tiff.done(tiff.directory(tags | {330: (LONG, [preview, sensor])})))
    assert (photo.width, photo.height) == (1200, 1800)
    assert has_quarters(photo.image, TURNS[8])


@pytest.mark.parametrize("make", [arw, rw2, orf, raf, cr3, lambda small: cr2(small, (160, 120))])
def test_a_thumbnail_is_never_taken_for_the_photo(make: Callable[[bytes], bytes]) -> None:
    assert "a camera RAW file of kind" in rejection(make(jpeg(PICTURE.resize((160, 120)))))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"FOVb\x02\0\x03\0", "Sigma X3F"),
        (b"\0MRM\0\0\1\0", "Minolta MRW"),
        (b"II\x1a\0\0\0HEAPCCDR", "Canon CRW"),
        (b"MMOR\0\0\0\x08", "Olympus ORF"),
        (b"IIRS\x08\0\0\0", "Olympus ORF"),
        (b"IIU\0\x08\0\0\0", "Panasonic RW2"),
        (b"FUJIFILMCCD-RAW ", "Fujifilm RAF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "Canon CR3"),
        (b"II*\0\x10\0\0\0CR\x02\0", "Canon CR2"),
    ],
)
def test_what_nothing_can_be_made_of_is_refused_by_its_name(head: bytes, name: str) -> None:
    assert f"a camera RAW file of kind {name}" in rejection(head + bytes(2000))


CUT = {
    "NEF": (raw_tiff(PICTURE, preview=PREVIEW), "Nikon NEF that ends too early"),
    "DNG": (raw_tiff(PICTURE, maker="Test", is_dng=True), "DNG that ends too early"),
    "CR2": (cr2(PREVIEW, PICTURE.size), "Canon CR2 that ends too early"),
    "CR3": (cr3(PREVIEW), "Canon CR3 that ends too early"),
    "RAF": (raf(PREVIEW), "ends too early"),
}


@pytest.mark.parametrize("fraction", [0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("kind", CUT)
def test_cut_files_are_refused(kind: str, fraction: float) -> None:
    data, words = CUT[kind]
    assert words in rejection(data[: int(len(data) * fraction)])


def test_an_ordinary_tiff_of_a_camera_stays_one(encode: Callable[..., bytes]) -> None:
    exif = Image.Exif()
    exif[271], exif[272] = "NIKON CORPORATION", "NIKON D7200"
    photo = shown(encode(PICTURE, "TIFF", exif=exif))
    assert (photo.media_type, photo.image.size) == ("image/tiff", PICTURE.size)
    assert has_quarters(photo.image, QUARTERS, 0)


def test_circles_and_damage_among_the_pages_end() -> None:
    data = bytearray(raw_tiff(PICTURE, preview=PREVIEW))
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert shown(bytes(data)).media_type == "image/x-nikon-nef"
    rng = np.random.default_rng(0)
    for _ in range(100):
        broken = bytearray(data[: len(data) // 3])
        for at in rng.integers(0, min(len(broken), 4000), 8):
            broken[at] = rng.integers(0, 256)
        try:
            shown(bytes(broken))
        except PhotoRejectedError:
            continue
