"""Whatever a camera, phone or scanner writes arrives upright, in RGB and in the right colours."""

import struct
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from mindreader.imaging import DecodedPhoto, decode_photo

Encode = Callable[..., bytes]
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "HEIF": "image/heif",
    "AVIF": "image/avif",
}
CORNERS = {"red": (250, 10, 10), "green": (10, 250, 10), "blue": (10, 10, 250), "white": (250, 250, 250)}


def decoded(source: bytes | Path, min_side: int | None = None) -> DecodedPhoto:
    return decode_photo(source, max_pixels=1_000_000, min_side=min_side)


def corners(image: Image.Image) -> list[str]:
    """Names of the colours above left, above right, below left, below right."""
    pixels = np.asarray(image).astype(int)
    return [min(CORNERS, key=lambda name: np.abs(pixels[y, x] - CORNERS[name]).sum()) for y in (4, -5) for x in (4, -5)]


@pytest.mark.parametrize(("name", "media_type"), MEDIA_TYPES.items())
def test_every_format_is_decoded(encode: Encode, photo: Image.Image, name: str, media_type: str) -> None:
    result = decoded(encode(photo, name))
    assert (result.width, result.height, result.image.size) == (60, 40, (60, 40))
    assert result.image.mode == "RGB"
    assert result.media_type == media_type
    assert corners(result.image) == ["red", "green", "blue", "white"]


def test_bytes_paths_and_open_files_give_the_same_photo(encode: Encode, photo: Image.Image, tmp_path: Path) -> None:
    data = encode(photo, "PNG")
    path = tmp_path / "photo.dat"
    path.write_bytes(data)
    with path.open("rb") as file:
        file.read(7)
        from_file = decode_photo(file, max_pixels=10_000)
        assert not file.closed
    images = [decoded(data).image, decoded(path).image, from_file.image]
    assert all(np.array_equal(np.asarray(image), np.asarray(photo)) for image in images)


def test_a_stream_that_cannot_seek_is_decoded(encode: Encode, photo: Image.Image) -> None:
    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

    assert decode_photo(Pipe(encode(photo, "JPEG")), max_pixels=10_000).width == 60


TURNED = {
    1: ["red", "green", "blue", "white"],
    2: ["green", "red", "white", "blue"],
    3: ["white", "blue", "green", "red"],
    4: ["blue", "white", "red", "green"],
    5: ["red", "blue", "green", "white"],
    6: ["blue", "red", "white", "green"],
    7: ["white", "green", "blue", "red"],
    8: ["green", "white", "red", "blue"],
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_photos_come_out_upright(encode: Encode, photo: Image.Image, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    result = decoded(encode(photo, name, exif=exif.tobytes()))
    size = (40, 60) if orientation >= 5 else (60, 40)
    assert (result.width, result.height) == result.image.size == size
    assert corners(result.image) == TURNED[orientation]


@pytest.mark.parametrize("orientation", TURNED)
def test_a_heic_that_only_exif_calls_turned_comes_out_upright(
    encode: Encode, photo: Image.Image, orientation: int
) -> None:
    result = decoded(heic_without_rotation(encode, photo, orientation))
    assert (result.width, result.height) == result.image.size == ((40, 60) if orientation >= 5 else (60, 40))
    assert corners(result.image) == TURNED[orientation]


def heic_without_rotation(encode: Encode, photo: Image.Image, orientation: int) -> bytes:
    """A HEIC whose pixels lie as they are, and whose EXIF says otherwise."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 1
    plain = encode(photo, "HEIF", exif=exif.tobytes())
    at = plain.rindex(b"Exif\0\0") + 6
    exif[ExifTags.Base.Orientation] = orientation
    turned = exif.tobytes()[6:]
    data = plain[:at] + turned + plain[at + len(turned) :]
    assert b"irot" not in data
    assert b"imir" not in data
    return data


def test_an_impossible_orientation_is_ignored(encode: Encode, photo: Image.Image) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 99
    assert corners(decoded(encode(photo, "JPEG", exif=exif)).image) == TURNED[1]


def test_broken_exif_is_ignored(encode: Encode, photo: Image.Image) -> None:
    result = decoded(encode(photo, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken"))
    assert corners(result.image) == TURNED[1]
    assert result.taken_at is None


@pytest.mark.parametrize("name", ["JPEG", "MPO"])
def test_a_large_jpeg_is_decoded_smaller_but_never_below_min_side(
    encode: Encode, photo: Image.Image, name: str
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encode(photo.resize((1200, 801)), name, exif=exif.tobytes())
    result = decoded(data, min_side=100)
    assert (result.width, result.height) == (801, 1200)
    assert result.image.size == (101, 150)
    assert decoded(data, min_side=102).image.size == (201, 300)
    assert decoded(data, min_side=5000).image.size == (801, 1200)


def test_other_formats_are_decoded_whole(encode: Encode, photo: Image.Image) -> None:
    assert decoded(encode(photo, "PNG"), min_side=5).image.size == (60, 40)


def test_cmyk_jpeg_keeps_its_colours(encode: Encode) -> None:
    red_ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    pixel = np.asarray(decoded(encode(red_ink, "JPEG")).image)[8, 8]
    assert np.abs(pixel.astype(int) - (255, 0, 0)).max() <= 4


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(encode: Encode, name: str) -> None:
    ramp = np.linspace(0, 65535, 256 * 4).round().astype(np.uint16).reshape(4, 256)
    gray = np.asarray(decoded(encode(Image.fromarray(ramp), name)).image)[..., 0]
    assert np.array_equal(gray, ramp >> 8)


def test_sixteen_bit_colour_png_is_scaled() -> None:
    rows = b"".join(b"\0" + struct.pack(">3H", 0xFFFF, 0x8000, 0) * 2 for _ in range(2))
    assert tuple(np.asarray(decoded(png(2, 2, 16, 2, rows)).image)[0, 0]) == (255, 128, 0)


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG by hand, for what Pillow reads but does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 128.0, 255.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 32768.0, 65535.0]], np.float32), [0, 128, 255]),
        (np.array([[-10.0, 0.0, 10.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, np.nan, 1.0]], np.float32), [0, 0, 255]),
        (np.array([[0, 32768, 65535]], np.int32), [0, 128, 255]),
        (np.array([[0, 501_000, 1_000_000]], np.int32), [0, 128, 255]),
        (np.array([[-7, -7, -7]], np.int32), [0, 0, 0]),
    ],
)
def test_deep_grey_is_scaled_by_its_range(encode: Encode, values: np.ndarray, expected: list[int]) -> None:
    gray = np.asarray(decoded(encode(Image.fromarray(values), "TIFF")).image)[0, :, 0]
    assert gray.tolist() == expected


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_transparency_becomes_white(encode: Encode, name: str) -> None:
    layer = Image.new("RGBA", (16, 16), (200, 0, 0, 0))
    layer.paste((0, 0, 0, 255), (0, 0, 16, 8))
    pixels = np.asarray(decoded(encode(layer, name)).image)
    assert pixels[2, 8].max() <= 4
    assert pixels[13, 8].min() >= 251


def test_half_transparent_grey_is_mixed_with_white(encode: Encode) -> None:
    pixels = np.asarray(decoded(encode(Image.new("LA", (4, 4), (0, 128)), "PNG")).image)
    assert abs(int(pixels[0, 0, 0]) - 127) <= 1


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_a_transparent_palette_colour_becomes_white(encode: Encode, name: str) -> None:
    drawing = Image.new("P", (8, 8), 0)
    drawing.putpalette([10, 20, 30, 200, 100, 50])
    drawing.paste(1, (0, 0, 8, 4))
    pixels = np.asarray(decoded(encode(drawing, name, transparency=0)).image)
    assert pixels[1, 1].tolist() == [200, 100, 50]
    assert pixels[6, 6].tolist() == [255, 255, 255]


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF"])
def test_the_first_frame_stands_for_an_animation(encode: Encode, name: str) -> None:
    first, second = (Image.new("RGB", (32, 32), colour) for colour in ("red", "blue"))
    data = encode(first, name, save_all=True, append_images=[second])
    with Image.open(BytesIO(data)) as opened:
        assert getattr(opened, "n_frames", 1) == 2
    red, green, blue = np.asarray(decoded(data).image)[16, 16]
    assert red > 200 > 60 > max(green, blue)


def test_black_and_white_scans_are_decoded(encode: Encode) -> None:
    scan = Image.new("1", (8, 8), 1)
    assert np.asarray(decoded(encode(scan, "TIFF", compression="group4")).image).min() == 255


def test_avif_under_the_name_it_shares_with_heif_is_decoded(encode: Encode, photo: Image.Image) -> None:
    data = encode(photo, "AVIF")
    assert data[8:12] == b"avif"
    assert decoded(data[:8] + b"mif1" + data[12:]).media_type == "image/avif"


def wide_profile() -> bytes:
    """The sRGB profile with red and green primaries exchanged, under another name: a very foreign RGB."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be"))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_an_embedded_rgb_profile_is_applied(encode: Encode, name: str) -> None:
    red = Image.new("RGB", (16, 16), (230, 20, 20))
    pixel = np.asarray(decoded(encode(red, name, icc_profile=wide_profile())).image)[8, 8].astype(int)
    assert pixel[1] > 200 > 60 > pixel[0]


def test_an_srgb_profile_changes_nothing(encode: Encode, photo: Image.Image) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(np.asarray(decoded(encode(photo, "PNG", icc_profile=srgb)).image), np.asarray(photo))


@pytest.mark.parametrize("profile", [b"not a profile", wide_profile()[:200]])
def test_a_broken_profile_is_ignored(encode: Encode, photo: Image.Image, profile: bytes) -> None:
    result = decoded(encode(photo, "PNG", icc_profile=profile))
    assert np.array_equal(np.asarray(result.image), np.asarray(photo))


def test_a_profile_of_another_colour_space_is_ignored(encode: Encode, photo: Image.Image) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    result = decoded(encode(photo, "PNG", icc_profile=lab))
    assert np.array_equal(np.asarray(result.image), np.asarray(photo))


def with_times(original: str | None, changed: str | None) -> bytes:
    exif = Image.Exif()
    if changed is not None:
        exif[ExifTags.Base.DateTime] = changed
    if original is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = original
    return exif.tobytes()


FUTURE = f"{datetime.now() + timedelta(days=400):%Y:%m:%d} 00:00:00"


@pytest.mark.parametrize(
    ("original", "changed", "taken_at"),
    [
        ("2019:07:20 18:30:05", "2024:01:01 00:00:00", datetime(2019, 7, 20, 18, 30, 5)),
        (None, "2024:01:01 10:00:00", datetime(2024, 1, 1, 10)),
        ("0000:00:00 00:00:00", "2024:01:01 10:00:00", datetime(2024, 1, 1, 10)),
        ("2019:07:20 18:30:05.123+02:00", None, datetime(2019, 7, 20, 18, 30, 5)),
        ("    :  :     :  :  ", None, None),
        ("yesterday", None, None),
        ("2019:02:31 10:00:00", None, None),
        ("0001:01:01 00:00:00", None, None),
        (FUTURE, None, None),
        (None, None, None),
    ],
)
@pytest.mark.parametrize("name", ["JPEG", "HEIF", "PNG"])
def test_the_time_of_a_photo_is_read_and_nonsense_ignored(
    encode: Encode,
    photo: Image.Image,
    name: str,
    original: str | None,
    changed: str | None,
    taken_at: datetime | None,
) -> None:
    assert decoded(encode(photo, name, exif=with_times(original, changed))).taken_at == taken_at


def test_no_metadata_travels_on(encode: Encode, photo: Image.Image) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    image = decoded(encode(photo, "JPEG", exif=exif.tobytes(), comment=b"home")).image
    assert image.info == {}
    assert dict(image.getexif()) == {}
