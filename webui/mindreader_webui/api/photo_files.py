"""The files of a photo: its thumbnail, its preview, its original. Who may have them is for the caller to know."""

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from flask import Response, send_file

from mindreader.blobs import preview_key, thumbnail_key
from mindreader.catalog import Photo
from mindreader.imaging import THUMBNAIL_MEDIA_TYPE
from mindreader.library.files.previews import PREVIEW_PIXELS, has_preview, made_preview
from mindreader.library.zip_download import safe_name
from mindreader.originals import Originals
from mindreader_webui.api.responses import SANDBOX
from mindreader_webui.services import current_services


def thumbnail_of(photo: Photo, name: str, etag: str = "") -> Response:
    """The thumbnail of a photo.

    Args:
        name: the file is offered under it, with another suffix.
        etag: of the answer; the SHA-256 of the original if none is given.
    """
    key = thumbnail_key(photo.sha256, current_services().settings.thumbnail_pixels)
    return _file(key, THUMBNAIL_MEDIA_TYPE, f"{name}.webp", etag or photo.sha256)


def preview_of(photo: Photo, name: str, etag: str = "") -> Response:
    """The preview of a photo, made now if it is not there; the thumbnail where that shows all there is.

    Args:
        name: the file is offered under it, with another suffix.
        etag: of the answer; the SHA-256 of the original if none is given.
    """
    services = current_services()
    if not has_preview(photo, services.settings):
        return thumbnail_of(photo, name, etag)
    made = made_preview(services.catalog, services.blobs, services.settings, photo.sha256)
    content = preview_key(photo.sha256, PREVIEW_PIXELS) if made is None else made
    return _file(content, THUMBNAIL_MEDIA_TYPE, f"{name}.webp", etag or photo.sha256)


def original_of(photo: Photo, *, as_attachment: bool = False) -> Response:
    """A photo as it was uploaded."""
    services = current_services()
    content = Originals(services.catalog, services.blobs, services.settings).place(photo.sha256)
    response = _sent(content, photo.media_type, photo.filename, photo.sha256, as_attachment=as_attachment)
    response.headers["Content-Security-Policy"] = SANDBOX
    return response


def _file(content: str | bytes, media_type: str, name: str, etag: str) -> Response:
    """A blob by its key, or bytes."""
    blobs = current_services().blobs
    found = BytesIO(content) if isinstance(content, bytes) else blobs.local_path(content) or blobs.open(content)
    return _sent(found, media_type, name, etag)


def _sent(content: Path | BinaryIO, media_type: str, name: str, etag: str, *, as_attachment: bool = False) -> Response:
    return send_file(
        content,
        media_type,
        download_name=safe_name(name),
        as_attachment=as_attachment,
        conditional=True,
        etag=etag,
    )
