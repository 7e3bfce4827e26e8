"""What became of the files of an import, for programs and for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from mindreader.text import repaired, visible_text

_NAMES_PRINTED = 20


@dataclass
class Report:
    """What became of the files."""

    created: int = 0
    duplicate: int = 0
    copied: int = 0
    """Photos of other collections that an album was to have, too."""
    elsewhere: dict[str, int] = field(default_factory=dict)
    """Of the duplicates, those in other collections of the user's, by the names of these."""
    rejected: list[dict[str, str]] = field(default_factory=list)
    skipped_folders: list[str] = field(default_factory=list)
    companions: dict[str, int] = field(default_factory=dict)
    """Files that only go with photos, by their kinds."""
    left_aside: dict[str, int] = field(default_factory=dict)
    """What is in the library that is moved from, and not taken: by what it is."""
    collections: list[str] = field(default_factory=list)
    """Names of those that got photos, or have them already."""
    indexed: int = 0
    failed: int = 0
    waited: bool = False
    """Whether `indexed` and `failed`, those of the collections, were asked for."""

    @property
    def is_empty(self) -> bool:
        """Whether there was no file at all."""
        return not (self.created or self.duplicate or self.copied or self.rejected)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {name: value for name, value in asdict(self).items() if name != "waited"}

    def reject(self, name: str, reason: str) -> None:
        """Note a file that is refused."""
        self.rejected.append({"file": name, "reason": reason})

    def count(self, numbers: str, of: str, more: int = 1) -> None:
        """Add to one of the fields that count by name."""
        counted = getattr(self, numbers)
        counted[of] = counted.get(of, 0) + more

    def print(self, source: str) -> None:
        """For people."""
        if self.is_empty:
            click.echo(f"There are no files to import in {_printable(source)}.")
        else:
            parts = [f"{self.created} uploaded", *self._copied, self._already_there, f"{len(self.rejected)} refused"]
            click.echo(f"{', '.join(parts)}.")
        for refused in self.rejected:
            click.echo(f"  {_printable(refused['file'])}: {refused['reason']}")
        self._print_passed_over()
        if self.waited:
            failed = f", {self.failed} failed" if self.failed else ""
            click.echo(f"In {self._where}, {_count(self.indexed, 'photo')} can be found{failed}.")

    def _print_passed_over(self) -> None:
        if self.skipped_folders:
            names = Counter(Path(folder).name for folder in self.skipped_folders)
            click.echo(f"Passed over {_count(names.total(), 'folder')}, hidden or of a system: {_counted(names)}.")
        if self.companions:
            kinds = Counter(self.companions)
            click.echo(f"Passed over {_count(kinds.total(), 'file')} that go with photos: {_counted(kinds)}.")
        if self.left_aside:
            named = ", ".join(f"{name} ({count})" for name, count in self.left_aside.items())
            click.echo(f"Left aside: {named}.")

    @property
    def _copied(self) -> list[str]:
        return [f"{self.copied} put into a further collection"] if self.copied else []

    @property
    def _already_there(self) -> str:
        elsewhere = ", ".join(f"{count} in {name}" for name, count in self.elsewhere.items())
        return f"{self.duplicate} already there" + (f" ({elsewhere}; --everywhere takes them too)" if elsewhere else "")

    @property
    def _where(self) -> str:
        return self.collections[0] if len(self.collections) == 1 else f"{len(self.collections)} collections"


def _counted(names: Counter[str]) -> str:
    """On one line, the most frequent first."""
    counts = names.most_common()
    named = [_printable(name) + (f" ({count})" if count > 1 else "") for name, count in counts[:_NAMES_PRINTED]]
    more = [f"and {len(counts) - _NAMES_PRINTED} more names"] if len(counts) > _NAMES_PRINTED else []
    return ", ".join(named + more)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _printable(name: str) -> str:
    """On one line, and without what would steer a terminal."""
    return visible_text("".join(" " if c.isspace() else c for c in repaired(name)))
