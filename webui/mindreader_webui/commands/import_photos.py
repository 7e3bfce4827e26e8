"""`mindreader import`: upload a folder of photos."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mindreader.library.sidecars import kind_of
from mindreader.text import repaired, visible_text
from mindreader_webui.commands.client import ApiClient, connected, server_option, token_option
from mindreader_webui.commands.folder_walk import Companion, FoundFile, RefusedFile, walk
from mindreader_webui.commands.uploading import Report, Rules, Uploader

REFUSED_SOME = 3
"""Exit code where files were refused; those that were not are imported."""
_POLL_SECONDS = 0.5
_POLLS_PER_QUESTION = 4
"""How seldom it is asked what keeps photos waiting, compared with how many do."""
_NAMES_PRINTED = 20


@click.command("import", epilog=f"Ends with {REFUSED_SOME} where files were refused: the others are imported.")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--collection", default="Photos", show_default=True, help="Collection to put them in; made if new.")
@click.option("--categories-from-folders", is_flag=True, help="A photo's category is the name of its folder.")
@click.option("--everywhere", is_flag=True, help="Also photos that another collection of yours has.")
@click.option("--shared", is_flag=True, help="A new collection is visible to everyone who is signed in.")
@click.option("--wait", is_flag=True, help="Wait until every photo can be found.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_option
@token_option
def import_photos(
    folder: Path,
    collection: str,
    categories_from_folders: bool,
    everywhere: bool,
    shared: bool,
    wait: bool,
    as_json: bool,
    server: str | None,
    token: str | None,
) -> None:
    """Upload every photo in FOLDER and its sub-folders; each file that is refused is named with the reason.

    Links to folders are followed. Hidden folders and those of systems (@eaDir, #recycle) are passed over, and named.
    Files that say when photos were taken (XMP, Google Takeout's JSON) are read, not sent.
    """
    report = Report()
    with connected(server, token) as api, _progress() as progress:
        rules = Rules.of(api)
        if files := _sorted_out(folder, rules, report):
            target = _collection(api, collection, shared)
            uploader = Uploader(api, target, rules, report, everywhere, categories_from_folders)
            task = progress.add_task("Uploading", total=len(files))
            uploader.upload(files, lambda done: progress.advance(task, done))
            # An embedded server ends with this command, so its photos must be embedded first.
            if wait or server is None:
                _wait(api, target, progress, report)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        _print(report, folder, collection)
    if report.rejected:
        raise click.exceptions.Exit(REFUSED_SOME)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _sorted_out(folder: Path, rules: Rules, report: Report) -> list[FoundFile]:
    """The files to send; what else lies there is noted."""
    files = []
    for found in walk(folder, rules.skipped_folders):
        if isinstance(found, FoundFile):
            files.append(found)
        elif isinstance(found, RefusedFile):
            report.reject(found.name, found.reason)
        elif isinstance(found, Companion):
            kind = kind_of(Path(found.name).name)
            report.companions[kind] = report.companions.get(kind, 0) + 1
        else:
            report.skipped_folders.append(found.name)
    return files


def _collection(api: ApiClient, name: str, shared: bool) -> int:
    for known in api.get("/collections")["collections"]:
        if known["name"] == name and known["mine"]:
            return int(known["id"])
    made = api.post("/collections", json={"name": name, "visibility": "shared" if shared else "private"})
    return int(made["id"])


def _wait(api: ApiClient, collection_id: int, progress: Progress, report: Report) -> None:
    """Until nothing of the collection is waiting to be embedded; says what keeps it waiting."""
    report.waited = True
    task = progress.add_task("Embedding", total=None)
    said: str | None = None
    polls = 0
    while True:
        counts = api.get(f"/collections/{collection_id}")["embedding"]
        report.indexed, report.failed = counts["indexed"], counts["failed"]
        progress.update(task, total=sum(counts.values()), completed=report.indexed + report.failed)
        if counts["pending"] + counts["leased"] == 0:
            return
        time.sleep(_POLL_SECONDS)
        polls += 1
        if polls % _POLLS_PER_QUESTION == 0:
            said = _say_trouble(api, progress, said)


def _say_trouble(api: ApiClient, progress: Progress, said: str | None) -> str | None:
    """Say what keeps photos waiting, unless it was said last; returns what was said last now."""
    trouble: str | None = api.get("/status").get("embedding_trouble")
    if trouble and trouble != said:
        progress.console.print(trouble, markup=False, highlight=False, soft_wrap=True)
    return trouble or said


def _print(report: Report, folder: Path, collection: str) -> None:
    if report.is_empty:
        click.echo(f"There are no files to import in {_printable(str(folder))}.")
    else:
        click.echo(f"{report.created} uploaded, {_already_there(report)}, {len(report.rejected)} refused.")
    for refused in report.rejected:
        click.echo(f"  {_printable(refused['file'])}: {refused['reason']}")
    if report.skipped_folders:
        names = Counter(Path(folder).name for folder in report.skipped_folders)
        click.echo(f"Passed over {_count(names.total(), 'folder')}, hidden or of a system: {_counted(names)}.")
    if report.companions:
        kinds = Counter(report.companions)
        click.echo(f"Passed over {_count(kinds.total(), 'file')} that go with photos: {_counted(kinds)}.")
    if report.waited:
        failed = f", {report.failed} failed" if report.failed else ""
        click.echo(f"In {collection}, {_count(report.indexed, 'photo')} can be found{failed}.")


def _already_there(report: Report) -> str:
    elsewhere = ", ".join(f"{count} in {name}" for name, count in report.elsewhere.items())
    return f"{report.duplicate} already there" + (f" ({elsewhere}; --everywhere takes them too)" if elsewhere else "")


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
