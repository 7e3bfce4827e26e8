import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from mindreader.imaging import decode_sketch
from mindreader.imaging.paper_sketches.ink import is_clean
from mindreader.imaging.paper_sketches.paper import lines_of_paper

SIDE = 600


def _drawing(width=5):
    image = Image.new("L", (SIDE, SIDE), 255)
    draw = ImageDraw.Draw(image)
    draw.ellipse((150, 150, 450, 450), outline=0, width=width)
    draw.line((200, 480, 420, 520), fill=0, width=width)
    return image


def _photographed(seed, pencil=0.45):
    """The drawing in pencil on grey paper, lit from one side, a shadow across it, a little grain and blur."""
    random = np.random.default_rng(seed)
    strokes = 1 - np.asarray(_drawing().filter(ImageFilter.GaussianBlur(1)), dtype=np.float32) / 255
    x, y = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    light = 215 - 90 * x - 25 * y - 40 / (1 + np.exp(-(y - x - 0.3) * 25))
    paper = light * (1 - (1 - pencil) * strokes) + random.normal(0, 3, (SIDE, SIDE))
    return Image.fromarray(np.clip(paper, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("seed", range(3))
def test_a_photographed_sheet_becomes_lines_on_white(seed):
    photo = _photographed(seed)
    assert not is_clean(photo)
    lines = np.asarray(lines_of_paper(photo))
    drawn = np.asarray(_drawing().filter(ImageFilter.MinFilter(7))) == 255  # paper, well away from any stroke
    strokes = np.asarray(_drawing(3)) == 0
    assert (lines[drawn] > 245).mean() > 0.99
    assert (lines[strokes] < 100).mean() > 0.95


def test_a_clean_drawing_is_left_as_it_is():
    buffer = io.BytesIO()
    _drawing().save(buffer, "PNG")
    assert is_clean(_drawing())
    assert np.array_equal(np.asarray(decode_sketch(buffer.getvalue(), max_bytes=10**7)), np.asarray(_drawing()))


def test_a_sketch_may_be_a_photo_of_paper():
    buffer = io.BytesIO()
    _photographed(0).save(buffer, "JPEG", quality=85)
    decoded = np.asarray(decode_sketch(buffer.getvalue(), max_bytes=10**7))
    assert np.median(decoded) == 255
    assert (decoded < 100).mean() == pytest.approx((np.asarray(_drawing()) < 100).mean(), rel=0.5)
