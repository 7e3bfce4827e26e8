"""How large requests may be, and where uploaded files lie: in the data folder, never whole in memory."""

from __future__ import annotations

import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import IO, Any

from flask import Flask, Request, current_app, request
from werkzeug.datastructures import FileStorage

from mindreader.search.user_sketches import MOST_POINTS
from mindreader.settings import Settings

FILES_PER_REQUEST = 100
UPLOADS_FOLDER = "uploads"
_STALE_SECONDS = 86400
_SMALL_BYTES = 64 * 2**10  # JSON, and the fields of a form


class UploadRequest(Request):
    """A request whose files are files."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return tempfile.NamedTemporaryFile("w+b", dir=current_app.config["UPLOADS"])  # closed with the request


def init_uploads(app: Flask, settings: Settings) -> None:
    """Bound requests, and clear away what a killed server left."""
    folder = settings.data_dir / UPLOADS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.stat().st_mtime < time.time() - _STALE_SECONDS:
            _remove(file)
    app.request_class = UploadRequest
    app.config.update(
        UPLOADS=str(folder),
        # A file and its category each; every file is an open one, and a process has about a thousand.
        MAX_FORM_PARTS=2 * FILES_PER_REQUEST,
    )
    limits = {
        "collections.upload_photos": settings.request_max_bytes,
        "selections.existing": 2 * _SMALL_BYTES,  # a thousand digests
        "user_sketches.keep": MOST_POINTS * 32,  # three numbers and what stands between them
        "models.add_model": settings.bundle_max_bytes + _SMALL_BYTES,
        "comparisons.compare": settings.sketch_max_bytes + _SMALL_BYTES,
        "comparisons.save": settings.sketch_max_bytes + _SMALL_BYTES,
        "searches.search": settings.sketch_max_bytes + _SMALL_BYTES,
    }
    app.before_request(partial(_bound_body, limits))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def path_of(upload: FileStorage) -> Path:
    """Where an uploaded file lies until the request ends."""
    upload.stream.flush()
    return Path(upload.stream.name)


def _bound_body(limits: dict[str, int]) -> None:
    """Set before anything looks at the body, so that a larger one is refused and not read."""
    request.max_content_length = limits.get(request.endpoint or "", _SMALL_BYTES)
