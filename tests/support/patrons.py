"""Somebody who uploads, deletes and searches over HTTP, and writes down what the server acknowledged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx


@dataclass
class Record:
    """What was promised; whoever heard no answer knows nothing."""

    created: dict[int, str] = field(default_factory=dict)
    """Photo id to the SHA-256 of its file."""
    deleted: set[int] = field(default_factory=set)
    unanswered_uploads: set[str] = field(default_factory=set)
    unanswered_deletions: set[int] = field(default_factory=set)

    @property
    def present(self) -> dict[int, str]:
        """Photos that must be there."""
        away = self.deleted | self.unanswered_deletions
        return {photo_id: sha256 for photo_id, sha256 in self.created.items() if photo_id not in away}


class Patron:
    """Uses one collection. A server that is away, or answers 5xx, promised nothing."""

    def __init__(self, api: httpx.Client, record: Record | None = None, collection: int | None = None) -> None:
        self.api, self.record = api, record or Record()
        self.collection = collection or self._add_collection()

    def upload(self, paths: Sequence[Path]) -> bool:
        """Returns whether the server answered."""
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
        files = [("file", (path.name, path.read_bytes(), "image/jpeg")) for path in paths]
        answer = self.ask("POST", f"/collections/{self.collection}/photos", files=files)
        if answer is None:
            self._forget(digests)
            return False
        for outcome, sha256 in zip(answer.raise_for_status().json()["outcomes"], digests, strict=True):
            if outcome["photo_id"] is not None:
                self.record.created[outcome["photo_id"]] = sha256
                self.record.deleted.discard(outcome["photo_id"])
                self.record.unanswered_deletions.discard(outcome["photo_id"])
        return True

    def delete(self, photo_id: int) -> bool:
        answer = self.ask("DELETE", f"/photos/{photo_id}")
        if answer is None:
            self.record.unanswered_deletions.add(photo_id)
            return False
        assert answer.status_code in (204, 404), answer.text
        self.record.unanswered_deletions.discard(photo_id)
        self.record.deleted.add(photo_id)
        return True

    def search(self, sketch: bytes, limit: int = 20, **more: str) -> dict | None:
        answer = self.ask("POST", "/searches", files={"sketch": sketch}, data={"limit": str(limit), **more})
        return answer.raise_for_status().json() if answer is not None else None

    def found(self, sketch: bytes, limit: int = 20) -> set[int]:
        """Ids of photos, from a server that is there."""
        answer = self.search(sketch, limit)
        assert answer is not None
        return {result["photo_id"] for result in answer["results"]}

    def indexed(self) -> int:
        collection = self.api.get(f"/collections/{self.collection}").raise_for_status().json()
        return int(collection["embedding"]["indexed"])

    def _forget(self, digests: Sequence[str]) -> None:
        """These may be there now, also those that had been deleted."""
        self.record.unanswered_uploads.update(digests)
        again = {photo_id for photo_id in self.record.deleted if self.record.created.get(photo_id) in digests}
        self.record.deleted -= again
        self.record.unanswered_deletions |= again

    def _add_collection(self) -> int:
        return int(self.api.post("/collections", json={"name": "Holidays"}).raise_for_status().json()["id"])

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response | None:
        """The answer, or none if the server did not say what it did."""
        try:
            answer = self.api.request(method, path, **arguments)
        except httpx.TransportError:
            return None
        # The token of this machine is another one after each start.
        return None if answer.is_server_error or answer.status_code == 401 else answer
