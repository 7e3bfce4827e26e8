"""Photos from a folder, or one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mindreader.library.files.sidecars import kind_of
from mindreader_webui.commands.files import Companion, FoundFile, RefusedFile
from mindreader_webui.commands.folder_walk import walk
from mindreader_webui.commands.import_report import Report
from mindreader_webui.commands.sources.portions import Portion


@dataclass(frozen=True)
class FolderSource:
    """A folder and its sub-folders, or one file; all of it goes into one collection."""

    collection: str
    files: Sequence[FoundFile]

    @classmethod
    def of(cls, path: Path, skipped_folders: Sequence[str], collection: str, report: Report) -> FolderSource:
        """The files to send; what else lies there is noted in the report."""
        return cls(collection, sorted_out(path, skipped_folders, report))

    @property
    def total(self) -> int | None:
        """How many files there are."""
        return len(self.files)

    def portions(self) -> Iterator[Portion]:
        """One, or none where there are no files."""
        if self.files:
            yield Portion(self.collection, self.files)


def sorted_out(path: Path, skipped_folders: Sequence[str], report: Report) -> list[FoundFile]:
    """The files below a path that can be sent; what else lies there is noted in the report."""
    files = []
    for found in walk(path, skipped_folders):
        if isinstance(found, FoundFile):
            files.append(found)
        elif isinstance(found, RefusedFile):
            report.reject(found.name, found.reason)
        elif isinstance(found, Companion):
            report.count("companions", kind_of(Path(found.name).name))
        else:
            report.skipped_folders.append(found.name)
    return files
