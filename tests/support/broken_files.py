"""Twelve broken "photos", each the kind of thing that lies in a real photo folder."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pillow_heif
from PIL import Image

BOMB_SIDE = 30_000

_HTML = "<!DOCTYPE html><html><body><h1>404</h1>This photo has moved.</body></html>"
_SVG = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>'
_PDF = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def write_broken_files(folder: Path) -> dict[str, str]:
    """Write twelve files (one is a folder) into ``folder``; maps each name to what is wrong with it."""
    folder.mkdir(parents=True, exist_ok=True)
    jpeg = _encoded("JPEG")
    contents = {
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "second half of the JPEG is missing"),
        "header_only.jpg": (jpeg[:20], "nothing but the first 20 bytes of a JPEG"),
        "empty.jpg": (b"", "no bytes at all"),
        "text.jpg": (b"Dear diary, today I took no photo.\n", "a text named .jpg"),
        "drawing.svg": (_SVG.encode(), "an SVG drawing"),
        "page.png": (_HTML.encode(), "a web page named .png"),
        "document.jpg": (_PDF, "a PDF named .jpg"),
        "corrupt.png": (_with_flipped_pixels(_encoded("PNG")), "pixel data that fails its checksum"),
        "truncated.heic": (_half(_encoded("HEIF")), "second half of the HEIC is missing"),
        "bomb.png": (b"".join(_bomb()), f"{BOMB_SIDE} × {BOMB_SIDE} pixels in a small file"),
    }
    for name, (data, _) in contents.items():
        (folder / name).write_bytes(data)
    (folder / "folder.jpg").mkdir(exist_ok=True)
    twelfth = _unreadable(folder, jpeg) or _truncated_webp(folder)
    return {name: text for name, (_, text) in contents.items()} | {"folder.jpg": "a folder named .jpg"} | twelfth


def _unreadable(folder: Path, jpeg: bytes) -> dict[str, str]:
    """A sound JPEG nobody may read; nothing where permissions do not bind the user (root)."""
    path = folder / "unreadable.jpg"
    path.write_bytes(jpeg)
    path.chmod(0)
    if os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        path.unlink()
        return {}
    return {path.name: "a JPEG without read permission"}


def _truncated_webp(folder: Path) -> dict[str, str]:
    (folder / "truncated.webp").write_bytes(_half(_encoded("WEBP")))
    return {"truncated.webp": "second half of the WebP is missing"}


def _encoded(name: str) -> bytes:
    pillow_heif.register_heif_opener()
    out = BytesIO()
    Image.radial_gradient("L").convert("RGB").save(out, name)
    return out.getvalue()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _with_flipped_pixels(png: bytes) -> bytes:
    middle = png.index(b"IDAT") + 40
    return png[:middle] + bytes(255 - value for value in png[middle : middle + 4]) + png[middle + 4 :]


def _bomb() -> Iterator[bytes]:
    """A valid PNG with one bit per pixel, written row by row: about 110 kB on disk, 0.9 GB decoded."""
    yield b"\x89PNG\r\n\x1a\n"
    yield _chunk(b"IHDR", struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0))
    squeeze = zlib.compressobj(1)
    row = bytes(1 + (BOMB_SIDE + 7) // 8)
    yield _chunk(b"IDAT", b"".join(squeeze.compress(row) for _ in range(BOMB_SIDE)) + squeeze.flush())
    yield _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
