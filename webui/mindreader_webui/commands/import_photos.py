"""`mindreader import`: upload a folder of photos."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mindreader.blobs import sha256_of
from mindreader_webui.commands.client import ApiClient, connected, server_option, token_option

_FILES_PER_QUESTION = 200
_FILES_PER_REQUEST = 16
_BYTES_PER_REQUEST = 32 * 2**20
_POLL_SECONDS = 0.5


@dataclass
class Report:
    """What became of the files."""

    created: int = 0
    duplicate: int = 0
    rejected: list[dict[str, str]] = field(default_factory=list)
    indexed: int = 0
    failed: int = 0


@dataclass(frozen=True)
class _File:
    path: Path
    name: str
    category: str


@click.command("import")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--collection", default="Photos", show_default=True, help="Collection to put them in; made if new.")
@click.option("--categories-from-folders", is_flag=True, help="A photo's category is the name of its folder.")
@click.option("--shared", is_flag=True, help="A new collection is visible to everyone who is signed in.")
@click.option("--wait", is_flag=True, help="Wait until every photo can be found.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_option
@token_option
def import_photos(
    folder: Path,
    collection: str,
    categories_from_folders: bool,
    shared: bool,
    wait: bool,
    as_json: bool,
    server: str | None,
    token: str | None,
) -> None:
    """Upload every photo in FOLDER and its sub-folders; each file that is refused is named with the reason."""
    report = Report()
    with connected(server, token) as api, _progress() as progress:
        files = list(_files(folder, categories_from_folders, report))
        target = _collection(api, collection, shared)
        task = progress.add_task("Uploading", total=len(files))
        for asked in _groups(files):
            missing = _missing(api, target, asked, report)
            progress.advance(task, len(asked) - len(missing))
            for batch in _batches(missing):
                _upload(api, target, batch, report)
                progress.advance(task, len(batch))
        # An embedded server ends with this command, so its photos must be embedded first.
        if wait or server is None:
            _wait(api, target, progress, report)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        _print(report)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _files(folder: Path, categories: bool, report: Report) -> Iterator[_File]:
    """Every visible file below `folder` (or the one file it is), in order."""
    if folder.is_file():
        yield _File(folder, folder.name, "")
        return

    def unreadable(error: OSError) -> None:
        _reject(report, Path(error.filename).relative_to(folder), f"This folder cannot be read ({error.strerror}).")

    for root, folders, names in os.walk(folder, onerror=unreadable):
        folders.sort()
        for odd in [name for name in folders if Path(name).suffix.lower() in _PHOTO_SUFFIXES]:
            _reject(report, (Path(root) / odd).relative_to(folder), "This is a folder, not a photo.")
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(root) / name
            category = Path(root).name if categories and Path(root) != folder else ""
            yield _File(path, str(path.relative_to(folder)), category)


_PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".heic", ".avif"})


def _groups(files: list[_File]) -> Iterator[list[_File]]:
    for start in range(0, len(files), _FILES_PER_QUESTION):
        yield files[start : start + _FILES_PER_QUESTION]


def _missing(api: ApiClient, collection_id: int, files: list[_File], report: Report) -> list[_File]:
    """Those the collection does not have yet; the others are told by their SHA-256 and not sent."""
    digests = {file: _sha256(file.path) for file in files}
    known: set[str] = set()
    if asked := sorted({digest for digest in digests.values() if digest}):
        answer = api.post(f"/collections/{collection_id}/existing", json={"sha256": asked})
        known = {photo["sha256"] for photo in answer["existing"] if photo["collection_id"] == collection_id}
    missing = [file for file in files if digests[file] not in known]
    report.duplicate += len(files) - len(missing)
    return missing


def _sha256(path: Path) -> str | None:
    """None for a file that cannot be read: sending it says why."""
    try:
        return sha256_of(path)
    except OSError:
        return None


def _batches(files: list[_File]) -> Iterator[list[_File]]:
    batch: list[_File] = []
    size = 0
    for file in files:
        bytes_of_file = file.path.stat().st_size if file.path.exists() else 0
        if batch and (len(batch) == _FILES_PER_REQUEST or size + bytes_of_file > _BYTES_PER_REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += bytes_of_file
    if batch:
        yield batch


def _upload(api: ApiClient, collection_id: int, batch: list[_File], report: Report) -> None:
    with ExitStack() as opened:
        parts, sent = [], []
        for file in batch:
            try:
                stream = opened.enter_context(file.path.open("rb"))
            except OSError as error:
                _reject(report, file.name, f"This file cannot be read ({error.strerror}).")
                continue
            parts.append(("file", (file.path.name, stream, "application/octet-stream")))
            sent.append(file)
        if not sent:
            return
        answer = api.post(
            f"/collections/{collection_id}/photos", files=parts, data={"category": [file.category for file in sent]}
        )
    for file, outcome in zip(sent, answer["outcomes"], strict=True):
        if outcome["status"] == "rejected":
            _reject(report, file.name, outcome["reason"])
        else:
            setattr(report, outcome["status"], getattr(report, outcome["status"]) + 1)


def _reject(report: Report, name: object, reason: str) -> None:
    report.rejected.append({"file": str(name), "reason": reason})


def _collection(api: ApiClient, name: str, shared: bool) -> int:
    for known in api.get("/collections")["collections"]:
        if known["name"] == name and known["mine"]:
            return int(known["id"])
    made = api.post("/collections", json={"name": name, "visibility": "shared" if shared else "private"})
    return int(made["id"])


def _wait(api: ApiClient, collection_id: int, progress: Progress, report: Report) -> None:
    """Until nothing of the collection is waiting to be embedded."""
    task = progress.add_task("Embedding", total=None)
    while True:
        counts = api.get(f"/collections/{collection_id}")["embedding"]
        report.indexed, report.failed = counts["indexed"], counts["failed"]
        progress.update(task, total=sum(counts.values()), completed=report.indexed + report.failed)
        if counts["pending"] + counts["leased"] == 0:
            return
        time.sleep(_POLL_SECONDS)


def _print(report: Report) -> None:
    click.echo(f"{report.created} uploaded, {report.duplicate} already there, {len(report.rejected)} refused.")
    for refused in report.rejected:
        click.echo(f"  {refused['file']}: {refused['reason']}")
    click.echo(f"{report.indexed} photos can be found, {report.failed} failed.")
