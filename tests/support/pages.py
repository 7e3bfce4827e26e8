"""The pages somebody who is signed in as an administrator can open; the first collection is there."""

from __future__ import annotations

from pathlib import Path

from tests.support.photos import write_photos
from tests.support.server import Server

PAGES = (
    "/",
    "/upload",
    "/share",
    "/photos",
    "/library",
    "/library/1",
    "/trash",
    "/account",
    "/quality",
    "/admin/models",
    "/admin/jobs",
    "/admin/compare",
    "/admin/users",
    "/admin/workers",
)


def fill(running: Server, folder: Path):
    """Something on every page, called by numbers: no word that is not MindReader's own."""
    with running.api() as api:
        collection = api.post("/collections", json={"name": "2026", "visibility": "shared"}).json()["id"]
        write_photos(folder / "photos", 5, side=160)
        for number, path in enumerate(sorted((folder / "photos").rglob("*.jpg"))):
            sent = {"file": (f"{number}.jpg", path.read_bytes())}
            api.post(f"/collections/{collection}/photos", files=sent, data={"category": str(number // 2)})
        api.post(f"/collections/{collection}/photos", files={"file": ("8.jpg", b"%PDF-1.7")})
        gone = api.get(f"/collections/{collection}/photos").json()["photos"][0]["id"]
        api.delete(f"/photos/{gone}").raise_for_status()
        api.post("/tokens", json={"name": "9", "scope": "read"}).raise_for_status()
