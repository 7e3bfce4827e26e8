"""Whatever stands out from its ground is ink: light on transparency, light on dark, dark on anything."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mindreader.errors import SketchRejectedError
from mindreader.imaging import decode_sketch

SIDE = 240


def drawing(ink, ground, fill=None, mode="RGBA"):
    image = Image.new(mode, (SIDE, SIDE), ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((50, 50, 190, 190), outline=ink, fill=fill, width=6)
    return image


def read(image, kind="PNG", **options):
    out = BytesIO()
    image.save(out, kind, **options)
    return np.asarray(decode_sketch(out.getvalue(), max_bytes=10**7))


def is_outline(pixels):
    """Whether the ring is ink and all else paper."""
    ring = np.asarray(drawing(0, 255, mode="L")) == 0
    return bool((pixels[ring] < 120).mean() > 0.95 and (pixels[~ring] > 230).mean() > 0.98)


CLEAR, HIDDEN_WHITE = (0, 0, 0, 0), (255, 255, 255, 0)


@pytest.mark.parametrize("ground", [CLEAR, HIDDEN_WHITE])
@pytest.mark.parametrize(
    "ink", ["white", "black", "#e8e8e8", "#ffe97a", "#d33", "#7fd6ff", "#333"], ids=lambda ink: ink.strip("#")
)
def test_strokes_on_transparency_are_ink_whatever_their_colour(ink, ground):
    assert is_outline(read(drawing(ink, ground)))


def test_a_picture_with_a_palette_has_transparency_too():
    assert is_outline(read(drawing("white", CLEAR), "GIF"))
    assert is_outline(read(drawing("white", CLEAR), "WEBP", lossless=True))


def test_a_light_filling_within_dark_lines_is_no_ink():
    assert is_outline(read(drawing("black", CLEAR, fill="white")))


def test_a_dark_filling_within_light_lines_is_no_ink():
    assert is_outline(read(drawing("white", CLEAR, fill="black")))


def test_what_a_white_brush_took_from_black_strokes_stays_away():
    image = drawing("black", CLEAR)
    ImageDraw.Draw(image).line((0, 120, 239, 120), fill="white", width=20)
    pixels = read(image)
    assert pixels[112:128].min() > 200
    assert pixels[50:56, 115:125].max() < 60


@pytest.mark.parametrize("ground", ["#000", "#121212", "#1e1e2e", "#2d2d2d", "#264f33", "#808080"])
def test_light_strokes_on_a_dark_ground_are_ink(ground):
    assert is_outline(read(drawing("white", ground, mode="RGB")))


@pytest.mark.parametrize("ground", ["#fff", "#fdf6e3", "#dddddd", "#a0a0a0"])
def test_dark_strokes_on_a_light_ground_are_ink(ground):
    assert is_outline(read(drawing("black", ground, mode="RGB")))


def test_a_silhouette_that_covers_most_of_the_sheet_stays_dark():
    image = Image.new("L", (SIDE, SIDE), 255)
    ImageDraw.Draw(image).rectangle((15, 15, 225, 225), fill=0)
    assert read(image)[120, 120] == 0


@pytest.mark.parametrize("colour", [CLEAR, HIDDEN_WHITE, (255, 255, 255, 255), (255, 255, 255, 128), (9, 9, 9, 255)])
def test_where_nothing_is_drawn_somebody_is_asked_to(colour):
    with pytest.raises(SketchRejectedError, match="Draw something first"):
        read(Image.new("RGBA", (SIDE, SIDE), colour))
