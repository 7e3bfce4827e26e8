"""What scans say of themselves: how far they are, and what they saw. Kept as JSON with the folder."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mindreader.folders.scanning.walk import Problem
from mindreader.text import repaired

Phase = Literal["looking", "reading", "verifying"]
MOST_PROBLEMS = 100
"""Named in a report; the others are counted."""


@dataclass
class Progress:
    """How far the work at hand is."""

    phase: Phase
    done: int = 0
    """Files."""
    total: int = 0
    """Files; while `looking` as many as there were last time, and 0 for a folder that is new."""
    began_at: float = field(default_factory=time.time)
    """Seconds since 1970."""
    after_id: int = 0
    """Of a verification: files up to this id are done."""

    def as_json(self) -> dict[str, Any]:
        """With its rate (files a second) and the seconds that are left, where they can be told."""
        seconds = max(time.time() - self.began_at, 1e-3)
        rate = self.done / seconds
        left = (self.total - self.done) / rate if rate and self.total >= self.done else None
        return asdict(self) | {"rate": rate, "seconds_left": left}


@dataclass
class ScanReport:
    """What a scan saw. All numbers are files, but for `photos`."""

    files: int = 0
    """That may be photos, and are there."""
    new: int = 0
    changed: int = 0
    moved: int = 0
    """The same bytes under another name: the photo stays what it was."""
    back: int = 0
    """Were missing, and are there again."""
    missing: int = 0
    """In all, by now."""
    refused: int = 0
    """Of those read."""
    photos: int = 0
    """New ones."""
    forgotten: int = 0
    seconds: float = 0.0
    problem_count: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)
    """The first of them: `path`, and `reason` as a packed sentence."""

    def note(self, problem: Problem) -> None:
        """Name something that could not be looked at or read."""
        self.problem_count += 1
        if len(self.problems) < MOST_PROBLEMS:
            path = repaired(os.fsdecode(problem.path))
            self.problems.append({"path": path, "reason": problem.reason.packed()})

    def added_to(self, stored: dict[str, Any] | None) -> dict[str, Any]:
        """The stored report of a scan, with what was read since in it."""
        sums = ("new", "changed", "moved", "back", "refused", "photos", "forgotten", "problem_count")
        before = stored or ScanReport().as_json()
        added = {name: before[name] + getattr(self, name) for name in sums}
        problems = [*before["problems"], *self.problems][:MOST_PROBLEMS]
        return before | added | {"missing": self.missing, "problems": problems}

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)
