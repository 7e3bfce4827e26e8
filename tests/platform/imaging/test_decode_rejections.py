"""Files that cannot become photos are refused with a sentence, cheaply, and nothing else is ever raised."""

import errno
import os
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import decode_photo

Encode = Callable[..., bytes]
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF"]


def rejection(source: bytes | Path, max_pixels: int = 1_000_000, min_side: int | None = None) -> str:
    with pytest.raises(PhotoRejectedError) as caught:
        decode_photo(source, max_pixels=max_pixels, min_side=min_side)
    return caught.value.detail


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"Dear diary", "a text"),
        ("Käse und Öl".encode(), "a text"),
        (b'<?xml version="1.0"?><svg></svg>', "an SVG drawing"),
        (b"<!doctype html><html></html>", "a web page"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"8BPS\x00\x01", "a Photoshop file"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00", "a video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "a video"),
        *((b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00", "a video") for brand in (b"3gp4", b"3g2a", b"avc1", b"mmp4")),
        (b"\x00\x00\x00\x08wide\x00\x00", "a video"),
        (b"\x00\x00\x00\x18ftypM4A \x00", "a sound"),
        (b"\x00\x00\x00\x18ftypcrx \x00", "a camera RAW file of kind Canon CR3"),
        (b"\x00\x00\x00\x18ftypheic\x00", "damaged"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x14ftypjp2 ", "a JPEG 2000 image"),
        (b"\xff\x4f\xff\x51\x00\x2f", "a JPEG 2000 image"),
        (b"\x00\x01\x02\x03\x04\xff\xfe", "no image of a known kind"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "ends too early"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"GIF89a", "damaged"),
    ],
)
def test_files_that_are_no_images_are_named(data: bytes, words: str) -> None:
    assert words in rejection(data)


@pytest.mark.parametrize("name", ["JPEG2000", "ICO", "PPM", "TGA", "PCX", "EPS"])
def test_formats_off_the_list_are_refused(encode: Encode, photo: Image.Image, name: str) -> None:
    rejection(encode(photo, name))


@pytest.mark.parametrize(
    "fraction", [0.02, 0.5, 0.99, *(pytest.param(share, marks=pytest.mark.slow) for share in (0.1, 0.3, 0.7, 0.9))]
)
@pytest.mark.parametrize("name", FORMATS)
def test_truncated_files_are_refused(encode: Encode, name: str, fraction: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8))
    data = encode(noise, name)
    cut = data[: int(len(data) * fraction)]
    rejection(cut)
    rejection(cut, min_side=16)


def test_a_truncated_jpeg_is_called_incomplete(encode: Encode, photo: Image.Image) -> None:
    data = encode(photo.resize((600, 400)), "JPEG")
    for min_side in (None, 50):
        assert "ends too early" in rejection(data[: len(data) // 2], min_side=min_side)


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"restart_marker_rows": 1}, {"progressive": True}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_lacks_only_its_end_marker_is_taken(encode: Encode, mode: str, options: dict) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)).convert(mode)
    data = encode(noise, "JPEG", **options)
    for min_side in (None, 50):
        whole = decode_photo(data, max_pixels=1_000_000, min_side=min_side).image
        for short in (data[:-1], data[:-2]):
            assert decode_photo(short, max_pixels=1_000_000, min_side=min_side).image == whole
        for missing in (100, 1000, len(data) // 2):
            assert "ends too early" in rejection(data[:-missing], min_side=min_side)


def test_a_progressive_jpeg_that_ends_between_two_scans_is_refused(encode: Encode, photo: Image.Image) -> None:
    data = encode(photo, "JPEG", progressive=True)
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 5
    for end in scans[1:]:
        rejection(data[:end])


def test_a_png_that_fails_its_checksum_is_refused(encode: Encode, photo: Image.Image) -> None:
    data = bytearray(encode(photo, "PNG"))
    at = data.index(b"IEND") - 5  # last byte of the checksum of the pixel data
    data[at] ^= 0xFF
    rejection(bytes(data))


def test_the_limit_of_pixels_is_exact(encode: Encode, photo: Image.Image) -> None:
    data = encode(photo, "JPEG")
    assert decode_photo(data, max_pixels=2400).width == 60
    assert "60 × 40 pixels" in rejection(data, max_pixels=2399)
    assert "60 × 40 pixels" in rejection(data, max_pixels=2399, min_side=8)


def test_a_limit_above_pillows_own_holds() -> None:
    big = BytesIO()
    Image.new("1", (13_500, 13_500)).save(big, "PNG")  # 182 megapixels, more than Pillow takes by itself
    code = (
        "import sys, warnings; warnings.simplefilter('error')\n"
        "from mindreader.imaging import decode_photo\n"
        "photo = decode_photo(sys.stdin.buffer.read(), max_pixels=200_000_000)\n"
        "print(photo.width)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=big.getvalue(), capture_output=True, check=True)
    assert done.stdout.strip() == b"13500"


def header_only_png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in (header, pixels, b"IEND")
    )


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (100_000, 100_000), (20_000, 20_000)])
def test_bombs_are_refused_from_their_header(size: tuple[int, int]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "pixels" in rejection(header_only_png(*size), max_pixels=100_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_images_without_pixels_are_refused(encode: Encode, photo: Image.Image) -> None:
    rejection(header_only_png(0, 10))
    jpeg = bytearray(encode(photo, "JPEG"))
    height = jpeg.index(b"\xff\xc0") + 5
    jpeg[height : height + 2] = bytes(2)
    rejection(bytes(jpeg))
    bmp = bytearray(encode(photo, "BMP"))
    bmp[18:22] = bytes(4)
    rejection(bytes(bmp))


def test_mere_lines_are_refused(encode: Encode) -> None:
    assert "too narrow" in rejection(encode(Image.new("RGB", (201, 1)), "PNG"))
    assert "too narrow" in rejection(encode(Image.new("RGB", (1, 201)), "PNG"))
    assert decode_photo(encode(Image.new("RGB", (200, 1)), "PNG"), max_pixels=10_000).width == 200


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    assert "no such file" in rejection(tmp_path / "nowhere.jpg")
    assert "folder" in rejection(tmp_path)


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Permissions do not bind root, so tests that run as root become nobody for a moment."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


def test_files_without_read_permission_are_refused(tmp_path: Path, encode: Encode, photo: Image.Image) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(photo, "JPEG"))
    path.chmod(0)
    with as_ordinary_user():
        assert "permission" in rejection(path)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), ConnectionResetError("gone")])
def test_a_failing_disk_is_not_held_against_the_photo(encode: Encode, photo: Image.Image, error: OSError) -> None:
    class FailingDisk(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 0:
                raise error
            return super().read(size)

    with pytest.raises(type(error)):
        decode_photo(FailingDisk(encode(photo, "TIFF")), max_pixels=10_000)


def test_too_little_memory_is_a_rejection(encode: Encode) -> None:
    """A real limit on a real process: the photo needs 300 MB where 100 MB are left."""
    code = (
        "import resource, sys\n"
        "from mindreader.errors import PhotoRejectedError\n"
        "from mindreader.imaging import decode_photo\n"
        "data = sys.stdin.buffer.read()\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 100 * 2**20,) * 2)\n"
        "try:\n"
        "    decode_photo(data, max_pixels=10**9)\n"
        "except PhotoRejectedError as error:\n"
        "    print(error.detail)\n"
    )
    data = encode(Image.new("L", (10_000, 10_000)), "PNG")
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert b"memory" in done.stdout


def test_twelve_broken_files_are_refused_quickly(
    broken_files_module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No pixels are read of a picture that has too many."""
    broken = broken_files_module.write_broken_files(tmp_path / "photos")
    assert len(broken) == 12
    assert {path.name for path in (tmp_path / "photos").iterdir()} == set(broken)
    read: list[int] = []
    load = ImageFile.ImageFile.load

    def watched(image: ImageFile.ImageFile) -> object:
        read.append(image.width * image.height)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", watched)
    details = {name: rejection(tmp_path / "photos" / name, 200_000_000) for name in broken}
    assert 0 < max(read) <= 200_000_000
    assert "pixels" in details["bomb.png"]
    assert (tmp_path / "photos" / "bomb.png").stat().st_size < 2**20
    assert all(detail.endswith(".") for detail in details.values())


def test_decoding_is_safe_in_threads(encode: Encode, photo: Image.Image) -> None:
    data = {name: encode(photo, name) for name in FORMATS}
    alone = {name: np.asarray(decode_photo(data[name], max_pixels=10_000).image) for name in FORMATS}
    jobs = FORMATS * 12
    with ThreadPoolExecutor(6) as pool:
        results = pool.map(lambda name: decode_photo(data[name], max_pixels=10_000, min_side=40).image, jobs)
        assert all(np.array_equal(alone[name], np.asarray(got)) for name, got in zip(jobs, results, strict=True))


def _samples() -> list[bytes]:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112], exif[0x0132] = 6, "2020:01:02 03:04:05"
    options: list[tuple[str, dict[str, object]]] = [
        ("JPEG", {"exif": exif.tobytes()}),
        ("JPEG", {"progressive": True}),
        ("PNG", {"exif": exif.tobytes()}),
        ("WEBP", {"exif": exif.tobytes()}),
        ("WEBP", {"lossless": True}),
        ("GIF", {"save_all": True, "append_images": [noise.rotate(90)]}),
        ("TIFF", {"exif": exif.tobytes()}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("BMP", {}),
    ]
    samples = []
    for name, extra in options:
        out = BytesIO()
        noise.save(out, name, **extra)
        samples.append(out.getvalue())
    return samples


SAMPLES = _samples()


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_rejections(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(SAMPLES)))
    flips = st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255))
    for at, value in data.draw(st.lists(flips, max_size=6)):
        damaged[at] = value
    end = data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
    try:
        result = decode_photo(bytes(damaged[:end]), max_pixels=100_000, min_side=data.draw(st.sampled_from([None, 4])))
    except PhotoRejectedError as error:
        assert error.detail.endswith(".")
    else:
        assert result.image.mode == "RGB"
        assert 0 < result.width * result.height <= 100_000


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(st.binary(max_size=200), st.sampled_from([sample[:12] for sample in SAMPLES] + [b""]))
def test_noise_behind_any_magic_number_is_refused(noise: bytes, magic: bytes) -> None:
    rejection(magic + noise)
