"""Answers that are images: data URLs, and files with fixed types and caching."""

from base64 import b64encode
from http import HTTPStatus
from typing import Any


def data_url(webp: bytes) -> str:
    """A WebP image as an address that needs no request."""
    return f"data:image/webp;base64,{b64encode(webp).decode()}"


# A photo's bytes never change and its id is never used twice; `private`, because not everyone may see them.
FOREVER = "private, max-age=31536000, immutable"


# Nothing in a file from a stranger may run, whatever a browser takes it for.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"


def image_response(media_type: str) -> dict[str | int | HTTPStatus, Any]:
    """The description of an answer that is a file."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": "The file.", "content": content}}
