"""Which names this server answers to: a page of another site must not reach it under that site's own name.

A site can have its name resolve to an address inside somebody's network ("DNS rebinding"), and their browser then
takes this server for that site. Nobody can do so with addresses, nor with names that no public registry gives out:
those always count. Every other name is to be found in the setting `allowed_hosts`.
"""

from __future__ import annotations

import socket
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, request

from mindreader.errors import ErrorKind, MindReaderError
from mindreader.settings import Settings

_OF_LOCAL_NETWORKS = (
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "lan",
    "home",
    "localdomain",
)
"""No public registry gives out names below these."""


class UnknownHostError(MindReaderError):
    """The request names a host that this server does not answer to."""

    kind = ErrorKind("unknown-host", 421, "This server has another name")


def init_hosts(app: Flask, settings: Settings) -> None:
    """Refuse requests under foreign names, whatever they ask for."""
    named = [name.strip().lower() for name in settings.allowed_hosts.split(",") if name.strip()]
    own = [settings.host.lower(), socket.gethostname().lower()]

    def refuse_unknown() -> None:
        host = request.environ.get("HTTP_HOST")  # after the proxies' word; browsers always send one
        if host is not None and not _is_known(host, named, own):
            raise UnknownHostError(
                "This server does not answer to the name {host}. If that is its name, its administrator adds it to the "
                "setting MINDREADER_ALLOWED_HOSTS.",
                host=host[:100],
            )

    app.before_request(refuse_unknown)


def _is_known(host: str, named: list[str], own: list[str]) -> bool:
    name = _name_of(host)
    if name is None:
        return False
    return _is_address(name) or _is_local(name) or name in own or any(fnmatchcase(name, each) for each in named)


def _name_of(host: str) -> str | None:
    """The name without its port; None if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        is_plain = parts.netloc == host and parts.username is None and (parts.port or 0) >= 0
    except ValueError:
        return None
    return (parts.hostname or "").rstrip(".") or None if is_plain else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_local(name: str) -> bool:
    return "." not in name or name.endswith(tuple(f".{each}" for each in _OF_LOCAL_NETWORKS))
