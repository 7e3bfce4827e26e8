"""SVG drawings of strokes are taken; nothing in one is run, fetched, or allowed to grow."""

import socket
from pathlib import Path

import numpy as np
import pytest

from mindreader.errors import SketchRejectedError
from mindreader.imaging import Decoders, decode_sketch
from mindreader.imaging.formats.svg import is_svg
from tests.support import svgs
from tests.support.svgs import NAMESPACE

MB = 2**20


def drawn(data):
    return np.asarray(decode_sketch(data, max_bytes=8 * MB))


def refusal(data):
    with pytest.raises(SketchRejectedError) as caught:
        drawn(data)
    return caught.value.detail


@pytest.mark.parametrize("name", ["INKSCAPE", "EXCALIDRAW", "TLDRAW"])
def test_what_drawing_programs_export_is_a_line_across(name):
    pixels = drawn(getattr(svgs, name))
    assert pixels.shape == (512, 512)
    across = pixels[:, 70:430].min(axis=0)
    assert (across < 100).all(), "light strokes on nothing are ink too"
    assert (pixels < 128).mean() < 0.05


def test_what_the_page_exports_comes_back_without_what_the_eraser_took():
    pixels = drawn(svgs.own())
    rows = slice(246, 266)
    assert pixels[rows, 60:90].min() < 30
    assert pixels[rows, 120:190].min() == 255
    assert pixels[rows, 220:450].min(axis=0).max() < 30


def test_who_erased_a_hundred_times_has_a_drawing_still():
    assert (drawn(svgs.own(erasers=100)) < 128).any()


def test_every_simple_shape_is_drawn():
    pixels = drawn(svgs.SHAPES)
    for x, y in [(40, 20), (90, 30), (160, 20), (40, 80), (100, 80), (160, 88), (100, 150), (160, 170)]:
        around = pixels[int(y * 2.56) - 12 : int(y * 2.56) + 13, int(x * 2.56) - 12 : int(x * 2.56) + 13]
        assert around.min() < 100, (x, y)


def test_utf_16_and_a_prefix_are_read():
    text = '<?xml version="1.0"?><s:svg xmlns:s="http://www.w3.org/2000/svg" width="9" height="9"><s:path d="M1 1h7" '
    assert (drawn(f'{text}stroke="#000"/></s:svg>'.encode("utf-16")) < 128).any()


def test_one_without_a_size_is_fitted():
    assert (
        drawn(f'<svg {NAMESPACE}><path d="M0 0L3000 3000" stroke="#000" stroke-width="90"/></svg>'.encode()) < 9
    ).any()


@pytest.mark.parametrize("name", svgs.NOT_OF_STROKES)
def test_one_of_text_or_pictures_alone_is_refused_with_what_to_do(name):
    assert "only text or pictures" in refusal(svgs.NOT_OF_STROKES[name])


def test_an_empty_one_is_refused():
    assert "no strokes" in refusal(f"<svg {NAMESPACE}/>".encode())
    assert "no strokes" in refusal(f'<svg {NAMESPACE} viewBox="0 0 9 9"><path d="M1 1"/></svg>'.encode())


def test_a_web_page_is_no_drawing():
    assert not is_svg(b"<!doctype html><html><svg><path d='M0 0h9'/></svg></html>")


ENTITY = b'<!DOCTYPE svg [<!ENTITY a "' + b"a" * 99 + b'"><!ENTITY b "&a;&a;">]>'
HOSTILE = {
    "entities": (ENTITY + svgs.own(), "entities"),
    "a file of the server": (b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + svgs.own(), "entities"),
    "elements that use elements": (svgs.multiplying(), "more than a sketch"),
    "an element that uses itself": (
        f'<svg {NAMESPACE}><g id="a"><use href="#a"/><path d="M0 0h9"/></g></svg>'.encode(),
        "more than a sketch",
    ),
    "depth": (f"<svg {NAMESPACE}>".encode() + b"<g>" * 5000 + b"</g>" * 5000 + b"</svg>", "more than a sketch"),
    "elements": (f"<svg {NAMESPACE}>".encode() + b'<path d="M0 0h9"/>' * 30_000 + b"</svg>", "more than a sketch"),
    "cut off": (svgs.own()[:-20], "damaged"),
    "numbers without end": (
        f'<svg {NAMESPACE} viewBox="0 0 1e308 1e-308"><path d="M0 0L1e308 nan"/></svg>'.encode(),
        "",
    ),
    "far too slim": (f'<svg {NAMESPACE}><path d="M0 0L.001 3e9" stroke="#000"/></svg>'.encode(), ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ones_are_refused_by_name(name):
    data, words = HOSTILE[name]
    assert words in refusal(data)


def test_hours_of_drawing_are_cut_short():
    scribble = "M0 0" + "".join(f"L{i * 37 % 100} {i * 61 % 100}" for i in range(30))
    path = f'<path d="{scribble}" stroke="#000" fill="none"/>'
    slow = f'<svg {NAMESPACE} viewBox="0 0 100 100">{path * 9000}</svg>'
    decoders = Decoders(memory=320 * MB, seconds=1, processes=1, max_pixels=10**8)
    try:
        with pytest.raises(SketchRejectedError):
            decoders.sketch(slow.encode(), 8 * MB)
        assert (np.asarray(decoders.sketch(svgs.own(), MB).image) < 128).any()
    finally:
        decoders.close()


def test_nothing_is_fetched_and_nothing_of_the_server_is_drawn(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("an SVG asked for an address")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    secret = tmp_path / "secret.svg"
    secret.write_bytes(f'<svg {NAMESPACE} viewBox="0 0 9 9"><rect width="9" height="9"/></svg>'.encode())
    line = '<path d="M10 90h80" stroke="#000" stroke-width="4"/>'
    other = (
        f'<image href="{secret}" width="100" height="80"/><use href="file://{secret}#a"/>'
        f'<image href="http://127.0.0.1:9/a.png" width="100" height="80"/><script>alert(1)</script>'
        f'<style>@import url("http://127.0.0.1:9/a.css");</style><foreignObject><b>x</b></foreignObject>'
    )
    pixels = drawn(f'<svg {NAMESPACE} viewBox="0 0 100 100">{other}{line}</svg>'.encode())
    assert pixels[:400].min() == 255
    assert pixels[400:].min() < 50
    assert Path(secret).exists()
