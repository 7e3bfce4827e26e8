"""Where uploaded files lie until their request ends: in the data folder, never whole in memory."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from flask import Flask, Request, current_app
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from mindreader.blobs import BlobStore
from mindreader.settings import Settings
from mindreader_webui.forms import FormParser

FILES_PER_REQUEST = 100
_FIELDS_OF_A_FILE = 7
"""The file itself, its category, its folder, its time, the text of two files beside it, and where it comes from."""
_TEXT_OF_A_FILE = 2**16
"""Bytes of these fields, on an average: they are in memory."""
UPLOADS_FOLDER = "uploads"
_STALE_SECONDS = 86400  # longer than any request, or any file takes to be written


class UploadRequest(Request):
    """A request whose files are files."""

    form_data_parser_class = FormParser
    _files = 0

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        self._files += 1
        if self._files > FILES_PER_REQUEST:  # every one is an open file, and a process has about a thousand
            raise RequestEntityTooLarge
        return tempfile.NamedTemporaryFile("w+b", dir=current_app.config["UPLOADS"])  # closed with the request


def init_uploads(app: Flask, settings: Settings) -> None:
    """Give uploads a place."""
    folder = settings.data_dir / UPLOADS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    app.request_class = UploadRequest
    app.config.update(
        UPLOADS=str(folder),
        MAX_FORM_PARTS=_FIELDS_OF_A_FILE * FILES_PER_REQUEST,
        MAX_FORM_MEMORY_SIZE=_TEXT_OF_A_FILE * FILES_PER_REQUEST,
    )


def clear_leftovers(settings: Settings, blobs: BlobStore) -> None:
    """Remove what killed processes left half written, as a server starts.

    Where it has the data folder to itself, that is whatever lies there; else what nobody can still be writing to.
    """
    is_alone = settings.embedded_workers
    blobs.sweep_temporary(0 if is_alone and not settings.blobs_url else _STALE_SECONDS)
    for path in (settings.data_dir / UPLOADS_FOLDER).iterdir():
        with suppress(FileNotFoundError):  # another server begins, too
            if is_alone or path.stat().st_mtime < time.time() - _STALE_SECONDS:
                _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def path_of(upload: FileStorage) -> Path:
    """Where an uploaded file lies until the request ends."""
    upload.stream.flush()
    return Path(upload.stream.name)
