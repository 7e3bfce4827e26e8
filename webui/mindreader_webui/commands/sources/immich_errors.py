"""What may go wrong with an Immich, and what to do about it."""

from __future__ import annotations

import httpx

from mindreader.text import visible_text
from mindreader_webui.commands.files import SourceError

PERMISSIONS = ("album.read", "asset.download", "asset.read", "user.read")


class ImmichError(SourceError):
    """Immich refuses, or cannot be reached."""


class PassingError(ImmichError):
    """This may pass: it is worth another try."""


def unreachable(url: str, error: httpx.HTTPError) -> PassingError:
    """No answer came."""
    return PassingError(f"{url} cannot be reached: {error}.")


def advice(response: httpx.Response) -> str:
    """What to do about an answer that is none."""
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return "Immich does not take this API key. Make one there (Account settings, API keys), and give that."
    if response.status_code == httpx.codes.FORBIDDEN:
        needed = ", ".join(PERMISSIONS)
        return f"The API key may not do this ({_said(response)}). It needs the permissions {needed}."
    if response.is_redirect:
        where = visible_text(response.headers.get("location", ""))[:200]
        return f"It leads elsewhere: {where}. Give the address it leads to."
    if response.status_code == httpx.codes.NOT_FOUND:
        return "Give the address by which a browser opens it, as http://nas:2283."
    return f"It answered {response.status_code} to {response.request.url.path}."


def _said(response: httpx.Response) -> str:
    try:
        message = response.json()["message"]
    except (ValueError, KeyError, TypeError):
        message = response.reason_phrase
    return visible_text(str(message))[:200]
