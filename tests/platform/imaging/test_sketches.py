from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw

from mindreader.errors import SketchRejectedError
from mindreader.imaging import Sketch, decode_sketch, sketch_array

Encode = Callable[..., bytes]
Colour = int | tuple[int, ...]


def drawing(size: tuple[int, int] = (100, 100), ink: Colour = 0, paper: Colour = 255, mode: str = "L") -> Image.Image:
    image = Image.new(mode, size, paper)
    ImageDraw.Draw(image).line((20, 20, 80, 20), fill=ink, width=3)
    return image


def decoded(data: bytes, max_bytes: int = 100_000, max_pixels: int = 1_000_000) -> Image.Image:
    return decode_sketch(data, max_bytes=max_bytes, max_pixels=max_pixels)


def rejection(data: bytes, **limits: int) -> str:
    with pytest.raises(SketchRejectedError) as caught:
        decoded(data, **limits)
    return caught.value.detail


def test_a_plain_drawing_stays_as_it_is(encode: Encode) -> None:
    sketch = decoded(encode(drawing(), "PNG"))
    assert sketch.mode == "L"
    assert np.array_equal(np.asarray(sketch), np.asarray(drawing()))


@pytest.mark.parametrize("name", ["PNG", "WEBP"])
def test_a_transparent_canvas_becomes_white_paper(encode: Encode, name: str) -> None:
    canvas = drawing(mode="RGBA", ink=(0, 0, 0, 255), paper=(0, 0, 0, 0))
    pixels = np.asarray(decoded(encode(canvas, name, **({"lossless": True} if name == "WEBP" else {}))))
    assert np.array_equal(pixels, np.asarray(drawing()))


def test_chalk_on_a_blackboard_is_inverted(encode: Encode) -> None:
    board = drawing(ink=255, paper=0)
    assert np.array_equal(np.asarray(decoded(encode(board, "PNG"))), np.asarray(drawing()))


@pytest.mark.parametrize("size", [(200, 100), (100, 200), (101, 100)])
def test_a_drawing_is_padded_to_a_square_and_not_squashed(encode: Encode, size: tuple[int, int]) -> None:
    flat = drawing(size)
    sketch = decoded(encode(flat, "PNG"))
    side = max(size)
    assert sketch.size == (side, side)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    pixels = np.asarray(sketch).copy()
    assert np.array_equal(pixels[top : top + size[1], left : left + size[0]], np.asarray(flat))
    pixels[top : top + size[1], left : left + size[0]] = 255
    assert pixels.min() == 255


def test_a_blackboard_is_padded_with_paper(encode: Encode) -> None:
    pixels = np.asarray(decoded(encode(drawing((200, 100), ink=255, paper=0), "PNG")))
    assert pixels[0].min() == 255


def test_a_photographed_sketch_is_turned_upright(encode: Encode) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pixels = np.asarray(decoded(encode(drawing(), "JPEG", exif=exif.tobytes())))
    assert pixels[50, 79] < 60  # the line near the upper edge now stands near the right one
    assert pixels[20, 50] > 200


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("L", 255), ("L", 0), ("L", 128), ("RGBA", (0, 0, 0, 0)), ("RGBA", (0, 0, 0, 255)), ("RGB", (250, 240, 230))],
)
def test_an_empty_canvas_asks_for_a_drawing(encode: Encode, mode: str, colour: Colour) -> None:
    assert rejection(encode(Image.new(mode, (64, 64), colour), "PNG")) == "Draw something first."


def test_a_single_dot_is_a_drawing(encode: Encode) -> None:
    canvas = Image.new("L", (64, 64), 255)
    canvas.putpixel((10, 10), 0)
    assert decoded(encode(canvas, "PNG")).getpixel((10, 10)) == 0


def test_files_that_are_no_images_are_refused() -> None:
    assert "a text" in rejection(b"a house and a tree")
    assert "empty" in rejection(b"")


def test_damaged_drawings_are_refused(encode: Encode) -> None:
    data = encode(drawing(), "PNG")
    rejection(data[: len(data) // 2])


def test_large_drawings_are_refused(encode: Encode) -> None:
    data = encode(drawing(), "PNG")
    assert "larger than" in rejection(data, max_bytes=len(data) - 1)
    assert decoded(data, max_bytes=len(data)).size == (100, 100)
    assert "100 × 100 pixels" in rejection(data, max_pixels=9_999)


def test_the_default_limit_is_64_megapixels(encode: Encode) -> None:
    data = encode(Image.new("1", (8001, 8000)), "PNG")
    with pytest.raises(SketchRejectedError, match="at most 64 megapixels"):
        decode_sketch(data, max_bytes=1_000_000)


@pytest.mark.parametrize(("side", "stored"), [(1024, 512), (300, 300)])
def test_sketches_are_stored_as_small_grey_pngs(side: int, stored: int, encode: Encode) -> None:
    sketch = Sketch.read(encode(drawing((side, side)), "PNG"), max_bytes=10**6)
    with Image.open(BytesIO(sketch.png)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (stored, stored))


def test_a_stored_sketch_decodes_to_itself() -> None:
    sketch = drawing()
    assert np.array_equal(np.asarray(decoded(Sketch(sketch).png)), np.asarray(sketch))


def test_a_sketch_from_its_own_png_is_the_same() -> None:
    sketch = Sketch(drawing())
    again = Sketch.from_png(sketch.png)
    assert np.array_equal(np.asarray(again.image), np.asarray(sketch.image))
    assert (again.png, again.sha256) == (sketch.png, sketch.sha256)


def test_arrays_are_square_bytes_of_one_channel() -> None:
    array = sketch_array(drawing(), 64)
    assert array.shape == (64, 64)
    assert array.dtype == np.uint8
    assert array.max() == 255


def test_a_hairline_stays_visible_when_shrunk() -> None:
    canvas = Image.new("L", (1000, 1000), 255)
    ImageDraw.Draw(canvas).line((0, 503, 999, 503), fill=0, width=2)
    columns = sketch_array(canvas, 100).min(axis=0)
    assert columns.max() < 220  # every column of the small sketch still shows the line


def test_margins_are_kept() -> None:
    corner = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(corner).rectangle((0, 0, 20, 20), fill=0)
    array = sketch_array(corner, 50)
    assert array[:9, :9].max() < 20
    assert array[15:, 15:].min() > 235
