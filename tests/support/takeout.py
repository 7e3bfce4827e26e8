"""Exports of Google Photos as Takeout makes them: zip files in parts."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

TOP = "Takeout/Google Fotos"


def photo_json(title: str, seconds: int = 1060699034, **more: object) -> bytes:
    """What Takeout says of a photo taken at a moment, in seconds since 1970 (UTC)."""
    moment = {"timestamp": str(seconds), "formatted": "12.08.2003, 14:37:14 UTC"}
    said = {"title": title, "description": "", "imageViews": "3", "creationTime": moment, "photoTakenTime": moment}
    return json.dumps(said | more).encode()


def album_json(title: str) -> bytes:
    """What Takeout says of an album."""
    date = {"timestamp": "1672531200", "formatted": "01.01.2023, 00:00:00 UTC"}
    return json.dumps({"title": title, "description": "", "access": "protected", "date": date}).encode()


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """A part of an export, with its files below Google Photos."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{TOP}/{name}", content)
    return path


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The same, unpacked."""
    for name, content in files.items():
        path = folder / TOP / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
