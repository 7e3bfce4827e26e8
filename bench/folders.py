"""A rescan of an unchanged folder: seconds, peak memory, and files opened.

    .venv/bin/python bench/folders.py --files 100000 --directories 1000

The files are made here, and written into the catalog as a first scan leaves them; reading them all takes the time that
decoding and embedding photos takes (bench/embedding.py). Each rescan is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, Collection, Folder, FolderFile, FolderFileState, Photo, Role, User
from mindreader.folders.registry import the_folder
from mindreader.folders.scanning.scan import FolderScan
from mindreader.settings import Settings, load_settings

AT_ONCE = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--directories", type=int, default=1000)
    parser.add_argument("--rescans", type=int, default=3)
    parser.add_argument("--inside", type=Path, help="(one rescan in the data of this folder)")
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(rescan(options.inside)))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        fill(folder, options.files, options.directories)
        for _ in range(options.rescans):
            command = [sys.executable, __file__, "--inside", str(folder)]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def settings_in(folder: Path) -> Settings:
    return load_settings(
        {"MINDREADER_DATA_DIR": str(folder / "data"), "MINDREADER_FOLDER_ROOTS": str(folder / "photos")}
    )


def fill(folder: Path, files: int, directories: int) -> None:
    """Files of a few bytes, and rows that say they were read."""
    settings = settings_in(folder)
    catalog = Catalog(settings.catalog_url)
    catalog.migrate()
    with catalog.transaction() as session:
        owner = User(name="Root", password_hash="", role=Role.ADMIN)
        collection = Collection(owner=owner, name="Disk")
        session.add(collection)
        session.flush()
        shown = Folder(
            collection_id=collection.id,
            path=str(folder / "photos"),
            watch=False,
            excludes=[],
            categories_from_folders=False,
        )
        session.add(shown)
        session.flush()
        ids = collection.id, shown.id
    names = [(f"{number % directories:05}", f"IMG_{number:07}.jpg") for number in range(files)]
    for directory in {directory for directory, _ in names}:
        (folder / "photos" / directory).mkdir(parents=True)
    for start in range(0, files, AT_ONCE):
        some = [(start + place, *each) for place, each in enumerate(names[start : start + AT_ONCE])]
        with catalog.transaction() as session:
            session.execute(insert(Photo), [photo_row(ids[0], number, name) for number, _, name in some])
            session.execute(insert(FolderFile), [file_row(folder, ids[1], *each) for each in some])
    catalog.close()


def photo_row(collection_id: int, number: int, name: str) -> dict[str, object]:
    same = {"media_type": "image/jpeg", "width": 96, "height": 64, "size_bytes": 7, "date_source": "file"}
    return {"id": number + 1, "collection_id": collection_id, "sha256": f"{number:064x}", "filename": name, **same}


def file_row(folder: Path, folder_id: int, number: int, directory: str, name: str) -> dict[str, object]:
    path = folder / "photos" / directory / name
    path.write_bytes(b"%07d" % number)
    status = path.stat()
    return {
        "folder_id": folder_id,
        "directory": os.fsencode(directory),
        "name": os.fsencode(name),
        "size_bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "state": FolderFileState.PHOTO,
        "sha256": f"{number:064x}",
        "photo_id": number + 1,
    }


def rescan(folder: Path) -> dict[str, float]:
    """Scan once; what Python opens below the folder is counted by an audit hook, which nothing can get around."""
    settings = settings_in(folder)
    catalog = Catalog(settings.catalog_url)
    photos = os.fsencode(folder / "photos")
    opened = 0

    def note(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal opened
        if event == "open" and isinstance(arguments[0], str | bytes) and os.fsencode(arguments[0]).startswith(photos):
            opened += 1

    sys.addaudithook(note)
    with catalog.snapshot() as session:
        shown = the_folder(session, 1)
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    scan = FolderScan(catalog, BlobStore(settings.blobs_root), settings, shown, "bench")
    scan.whole()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert (scan.report.new, scan.report.changed, scan.report.missing) == (0, 0, 0), scan.report
    return {
        "files": scan.report.files,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
        "peak_mb": round(after.ru_maxrss / 1024),
        "opened": opened,
    }


if __name__ == "__main__":
    main()
