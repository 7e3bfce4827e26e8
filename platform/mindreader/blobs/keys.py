"""Names of blobs. A name follows from the content, so the same photo never lies there twice."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO

from mindreader.errors import InvalidInputError

_READ_BYTES = 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")
# No part starts with a dot: `..` cannot climb, and hidden names are left to the store itself.
_PART = r"[a-z0-9_-][a-z0-9._-]{0,199}"
_KEY = re.compile(rf"{_PART}(/{_PART}){{0,15}}")


def original_key(sha256: str) -> str:
    """Key of an original, ``originals/ab/cd/<sha256>``."""
    return f"originals/{_sharded(sha256)}"


def thumbnail_key(sha256: str, pixels: int) -> str:
    """Key of a thumbnail of the original ``sha256`` whose longer side has at most ``pixels`` pixels."""
    return f"thumbnails/{_sharded(sha256)}-{int(pixels)}.webp"


def preview_key(sha256: str, pixels: int) -> str:
    """Key of a preview of the original ``sha256`` whose longer side has at most ``pixels`` pixels."""
    return f"previews/{_sharded(sha256)}-{int(pixels)}.webp"


def sketch_key(sha256: str) -> str:
    """Key of a sketch by the SHA-256 of its PNG."""
    return f"sketches/{_sharded(sha256)}.png"


def check_key(key: str) -> str:
    """Give the key back if it is one.

    Raises:
        InvalidInputError: it could leave the store or collide on some disk (``..``, ``/x``, capitals, …).
    """
    if not _KEY.fullmatch(key):
        raise InvalidInputError(
            f"{key[:80]!r} is not the name of a blob: use small letters, digits and . _ - between slashes."
        )
    return key


def sha256_of(source: Path | BinaryIO) -> str:
    """SHA-256 as 64 hex digits, read in pieces; a file is read from where it stands to its end."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return sha256_of(file)
    digest = hashlib.sha256()
    while piece := source.read(_READ_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _sharded(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise InvalidInputError(f"{sha256[:80]!r} is not a SHA-256: 64 hex digits in small letters.")
    # Two levels of 256 folders keep every folder small, even with millions of photos.
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
