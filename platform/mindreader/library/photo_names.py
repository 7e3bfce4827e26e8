"""What photos are called: names that say without a look inside that a file may be one."""

from __future__ import annotations

PHOTO_SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".heic",
        ".heif",
        ".avif",
        ".jxl",
    }
    | {".dng", ".nef", ".nrw", ".arw", ".sr2", ".cr2", ".cr3", ".raf", ".orf", ".rw2", ".pef", ".srw"}
)
"""In small letters."""
