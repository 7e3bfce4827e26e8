"""Answers that are images: data URLs, and files with fixed types and caching."""

from base64 import b64encode
from http import HTTPStatus
from typing import Any

from flask import Response


def data_url(image: bytes, media_type: str) -> str:
    """An image as an address that needs no request."""
    return f"data:{media_type};base64,{b64encode(image).decode()}"


def kept_by_who_may_see_it(response: Response) -> Response:
    """Let the browser of whoever asked keep a picture, whose bytes never change and whose id is never used twice.

    Nobody else keeps it, and whoever signs in at that browser next asks again.
    """
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    response.vary.update(("Cookie", "Authorization"))
    return response


# Nothing in a file from a stranger may run, whatever a browser takes it for.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"


def image_response(media_type: str) -> dict[str | int | HTTPStatus, Any]:
    """The description of an answer that is a file."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": "The file.", "content": content}}
