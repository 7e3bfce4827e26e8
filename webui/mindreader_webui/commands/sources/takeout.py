"""Photos from Google Takeout: its zip files as they were downloaded, or the folders they were unpacked into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mindreader.library.files.system_folders import is_skipped
from mindreader.text import repaired, visible_text
from mindreader_webui.commands.files import Companion, FoundFile, RefusedFile, SkippedFolder
from mindreader_webui.commands.folder_walk import walk
from mindreader_webui.commands.import_report import Report
from mindreader_webui.commands.sources.portions import Portion, collection_named
from mindreader_webui.commands.sources.takeout_folders import TakeoutFile, TakeoutFolder, is_video, read_json
from mindreader_webui.commands.sources.zip_parts import ZipEntry, opened_zip, zip_entries

_Place = tuple[str, str]
"""Names of the product and of the folder in it that a file lies in."""


@dataclass(frozen=True)
class TakeoutSource:
    """All parts of one export, seen as one: a photo's JSON file may lie in another part."""

    folders: Sequence[TakeoutFolder]
    collection: str
    """For photos in no album."""
    report: Report

    @property
    def total(self) -> int | None:
        """How many files may be photos."""
        return sum(1 for folder in self.folders for _ in folder.photos)

    def portions(self) -> Iterator[Portion]:
        """The albums first: what is in one need not be in the folder of its year as well."""
        for folder in sorted(self.folders, key=lambda folder: (not folder.album, folder.name)):
            found = [self._found(folder, file) for file in folder.photos]
            files = [file for file in found if file is not None]
            if found:
                name = collection_named(folder.album, self.collection) if folder.album else self.collection
                yield Portion(name, files, bool(folder.album), len(found) - len(files))

    def _json_of_same(self, file: TakeoutFile) -> TakeoutFile | None:
        """What Takeout says of the same file in the folder of its year."""
        folder = self._in_years.get((file.name, file.size))
        return folder.json_of(file) if folder else None

    @cached_property
    def _in_years(self) -> dict[tuple[str, int], TakeoutFolder]:
        in_no_album = [folder for folder in self.folders if not folder.album]
        return {(file.name, file.size): folder for folder in in_no_album for file in folder.photos}

    def _found(self, folder: TakeoutFolder, file: TakeoutFile) -> FoundFile | None:
        """None for what lies in the trash of Google Photos."""
        json_file, xmp = folder.json_of(file) or self._json_of_same(file), folder.xmp_of(file)
        if json_file is not None and read_json(json_file).get("trashed") is True:
            self.report.count("left_aside", "photos in Google's trash")
            return None
        # An export gives every file the time of the export, which says nothing of the photo.
        return FoundFile(
            file.path,
            file.shown,
            folder.name,
            file.size,
            None,
            xmp.path if xmp else None,
            json_file.path if json_file else None,
        )


@contextmanager
def takeout_source(
    paths: Sequence[Path], skipped_folders: Sequence[str], collection: str, report: Report
) -> Iterator[TakeoutSource]:
    """What the parts of an export hold; what is no photo is noted in the report.

    Raises:
        SourceError: a zip file cannot be read.
    """
    with ExitStack() as opened:
        listing = _Listing(skipped_folders, report, opened)
        for path in paths:
            listing.add(path)
        yield TakeoutSource(listing.folders(), collection, report)


class _Listing:
    """Collects files by the folder they lie in, whatever part that is in."""

    def __init__(self, skipped_folders: Sequence[str], report: Report, opened: ExitStack) -> None:
        self._skipped, self._report, self._opened = skipped_folders, report, opened
        self._places: dict[_Place, TakeoutFolder] = {}

    def add(self, path: Path) -> None:
        """A part: a zip file, or a folder, in which zip files are parts, too."""
        if path.is_dir():
            self._add_folder(path.resolve())
        else:
            self._add_zip(path)

    def folders(self) -> list[TakeoutFolder]:
        """Those of Google Photos; where none looks like it, all there are."""
        of_google_photos = {product for (product, _), folder in self._places.items() if folder.is_of_google_photos}
        places = self._places.items()
        wanted = [folder for (product, _), folder in places if not of_google_photos or product in of_google_photos]
        self._count(wanted)
        return wanted

    def _count(self, wanted: Iterable[TakeoutFolder]) -> None:
        videos = sum(is_video(file.name) for folder in wanted for file in folder.files)
        taken = sum(len(folder.files) for folder in wanted)
        others = sum(len(folder.files) for folder in self._places.values()) - taken
        for name, count in (("videos", videos), ("files of other Google products", others)):
            if count:
                self._report.count("left_aside", name, count)

    def _add_folder(self, top: Path) -> None:
        for found in walk(top, self._skipped):
            if isinstance(found, RefusedFile):
                self._report.reject(found.name, found.reason)
            elif isinstance(found, SkippedFolder):
                self._report.skipped_folders.append(found.name)
            elif found.path == top / found.name and found.name.lower().endswith(".zip"):
                self._add_zip(top / found.name)
            else:
                size = 0 if isinstance(found, Companion) else found.size
                self._take(found, (*top.parts, *Path(found.name).parts), size, found.name)

    def _add_zip(self, path: Path) -> None:
        for entry in zip_entries(self._opened.enter_context(opened_zip(path))):
            part = visible_text(repaired(path.name))
            if isinstance(entry, RefusedFile):
                self._report.reject(f"{part}/{entry.name}", entry.reason)
            elif not any(is_skipped(folder, self._skipped) for folder in entry.parts[:-1]):
                self._take(entry, entry.parts, entry.info.file_size, f"{part}/{'/'.join(entry.parts)}")

    def _take(self, file: FoundFile | Companion | ZipEntry, parts: Sequence[str], size: int, shown: str) -> None:
        product, folder, name = ("", "", *parts)[-3:]
        readable = file if isinstance(file, ZipEntry) else file.path
        place = self._places.setdefault((product, folder), TakeoutFolder(folder))
        place.add(TakeoutFile(folder, name, readable, size, shown))
