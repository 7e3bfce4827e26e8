"""A stand-in of Immich's HTTP API (its version 1.135 and 2), as far as photos are read by it; over real HTTP."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import WSGIRequestHandler, make_server

OWNER = uuid.UUID(int=1)
PARTNER = uuid.UUID(int=2)
KEY = "a-good-key"


@dataclass
class Asset:
    """A photo or a video; `more` overrides what the API says of it."""

    name: str
    content: bytes
    more: dict[str, Any] = field(default_factory=dict)
    id: str = ""

    def __post_init__(self) -> None:
        self.id = str(uuid.uuid5(OWNER, self.name))

    def as_json(self) -> dict[str, Any]:
        moment = "2019-03-21T09:11:12.000Z"
        exif = {"fileSizeInByte": len(self.content), "dateTimeOriginal": moment, "timeZone": "Europe/Berlin"}
        return {
            "id": self.id,
            "ownerId": str(OWNER),
            "type": "IMAGE",
            "originalPath": f"/data/library/{self.name}",
            "originalFileName": self.name,
            "checksum": base64.b64encode(hashlib.sha1(self.content).digest()).decode(),
            "fileCreatedAt": moment,
            "fileModifiedAt": "2024-01-01T00:00:00.000Z",
            "localDateTime": "2019-03-21T10:11:12.000Z",
            "visibility": "timeline",
            "isArchived": False,
            "isTrashed": False,
            "isOffline": False,
            "exifInfo": exif,
        } | self.more


@dataclass
class Immich:
    """What it holds, how it fails, and what it was asked."""

    assets: list[Asset] = field(default_factory=list)
    albums: dict[str, list[str]] = field(default_factory=dict)
    """Names of the assets in each album."""
    version: tuple[int, int, int] = (1, 135, 3)
    permissions: set[str] = field(default_factory=lambda: {"asset.read", "asset.download", "album.read", "user.read"})
    names_assets_of_albums: bool = True
    """Newer versions do not."""
    page_size: int = 2
    failures: dict[str, list[str]] = field(default_factory=dict)
    """By what is asked for (the name of a photo, or a path): what goes wrong, once each: a status, `cut`, `other`."""
    blocked: threading.Event = field(default_factory=threading.Event)
    """Set once somebody asks for a photo in `holds`, which is not answered before `released`."""
    released: threading.Event = field(default_factory=threading.Event)
    holds: str = ""
    downloads: Counter[str] = field(default_factory=Counter)
    """How often each photo was sent whole."""
    seen_keys: set[str | None] = field(default_factory=set)
    url: str = ""

    def failure(self, what: str) -> str:
        left = self.failures.get(what)
        return left.pop(0) if left else ""


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any, **__: Any) -> None:
        pass


@contextlib.contextmanager
def immich(**holding: Any) -> Iterator[Immich]:
    """A running one."""
    held = Immich(**holding)
    server = make_server("127.0.0.1", 0, _app(held), threaded=True, request_handler=_Quiet)
    held.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield held
    finally:
        held.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _refused(status: int, message: str) -> tuple[Response, int]:
    return jsonify({"message": message, "error": "Refused", "statusCode": status}), status


def _app(held: Immich) -> Flask:
    app = Flask("immich")

    def needs(permission: str) -> tuple[Response, int] | None:
        held.seen_keys.add(request.headers.get("x-api-key"))
        if request.headers.get("x-api-key") != KEY:
            return _refused(401, "Invalid API key")
        if permission not in held.permissions:
            return _refused(403, f"Missing required permission: {permission}")
        return None

    @app.before_request
    def fail() -> tuple[Response, int] | None:
        status = held.failure(request.path.removeprefix("/api"))
        return _refused(int(status), "Out of order") if status else None

    @app.get("/api/server/version")
    def version() -> Response:
        return jsonify(dict(zip(("major", "minor", "patch"), held.version, strict=True)))

    @app.get("/api/server/ping")
    def ping() -> Response:
        return jsonify({"res": "pong"})

    @app.get("/api/users/me")
    def me() -> Any:
        return needs("user.read") or jsonify({"id": str(OWNER), "name": "Ann"})

    @app.get("/api/assets/statistics")
    def statistics() -> Any:
        return needs("asset.statistics") or jsonify({"images": len(held.assets), "videos": 0, "total": 0})

    @app.get("/api/albums")
    def albums() -> Any:
        listed = [_album(name) for name in held.albums]
        return needs("album.read") or jsonify(listed)

    @app.get("/api/albums/<album_id>")
    def album(album_id: str) -> Any:
        name = next(each for each in held.albums if _album_id(each) == album_id)
        members = [asset.as_json() for asset in held.assets if asset.name in held.albums[name]]
        named = {"assets": members} if held.names_assets_of_albums else {}
        return needs("album.read") or jsonify(_album(name) | named)

    def _album_id(name: str) -> str:
        return str(uuid.uuid5(PARTNER, name))

    def _album(name: str) -> dict[str, Any]:
        return {"id": _album_id(name), "albumName": name, "assetCount": len(held.albums[name]), "ownerId": str(OWNER)}

    @app.post("/api/search/metadata")
    def search() -> Any:
        asked = request.get_json()
        found = held.assets
        if "albumIds" in asked:
            names = {each for name in held.albums if _album_id(name) in asked["albumIds"] for each in held.albums[name]}
            found = [asset for asset in found if asset.name in names]
        start = (asked["page"] - 1) * held.page_size
        shown = [asset.as_json() for asset in found[start : start + held.page_size]]
        more = str(asked["page"] + 1) if start + held.page_size < len(found) else None
        assets = {"total": len(shown), "count": len(shown), "items": shown, "facets": [], "nextPage": more}
        return needs("asset.read") or jsonify({"albums": {"items": []}, "assets": assets})

    @app.get("/api/assets/<asset_id>/original")
    def original(asset_id: str) -> Any:
        if refused := needs("asset.download"):
            return refused
        found = [asset for asset in held.assets if asset.id == asset_id]
        if not found:
            return _refused(404, "Not found")
        return _sent(held, found[0])

    return app


def _sent(held: Immich, asset: Asset) -> Any:
    if asset.name == held.holds:
        held.blocked.set()
        held.released.wait()
    failure = held.failure(asset.name)
    if failure.isdigit():
        return _refused(int(failure), "Out of order")
    content = asset.content[::-1] if failure == "other" else asset.content
    if failure == "cut":
        content = content[: len(content) // 2]
    else:
        held.downloads[asset.name] += 1
    return Response(iter([content]), headers={"Content-Length": str(len(asset.content))})
