"""`mindreader import`: upload a folder of photos, or move in from another photo library."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mindreader_webui.commands.client import ApiClient, connected, server_option, token_option
from mindreader_webui.commands.import_report import Report
from mindreader_webui.commands.sources.folder import FolderSource
from mindreader_webui.commands.sources.portions import Source
from mindreader_webui.commands.sources.takeout import takeout_source
from mindreader_webui.commands.uploading import Rules, Uploader

REFUSED_SOME = 3
"""Exit code where files were refused; those that were not are imported."""
_POLL_SECONDS = 0.5
_POLLS_PER_QUESTION = 4
"""How seldom it is asked what keeps photos waiting, compared with how many do."""
_COLLECTIONS = {"folder": "Photos", "takeout": "Google Photos"}
"""Where photos in no album go, by the source."""


@click.command("import", epilog=f"Ends with {REFUSED_SOME} where files were refused: the others are imported.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--from",
    "kind",
    type=click.Choice(list(_COLLECTIONS)),
    default="folder",
    show_default=True,
    help="What SOURCE is: a folder; or zip files or folders of Google Takeout.",
)
@click.option(
    "--collection",
    help="Collection for all photos, or for those in no album; made if new.  "
    f"[default: {', '.join(f'{name} ({kind})' for kind, name in _COLLECTIONS.items())}]",
)
@click.option("--categories-from-folders", is_flag=True, help="A photo's category is the name of its folder.")
@click.option("--everywhere", is_flag=True, help="Also photos that another collection of yours has.")
@click.option("--shared", is_flag=True, help="New collections are visible to everyone who is signed in.")
@click.option("--wait", is_flag=True, help="Wait until every photo can be found.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_option
@token_option
def import_photos(
    sources: Sequence[str],
    kind: str,
    collection: str | None,
    categories_from_folders: bool,
    everywhere: bool,
    shared: bool,
    wait: bool,
    as_json: bool,
    server: str | None,
    token: str | None,
) -> None:
    """Upload every photo in a folder and its sub-folders, or from another photo library.

    \b
    mindreader import DIR
    mindreader import --from takeout takeout-001.zip takeout-002.zip

    Each file that is refused is named with the reason. Links to folders are followed. Hidden folders and those of
    systems (@eaDir, #recycle) are passed over, and named. Files that say when photos were taken (XMP, Google Takeout's
    JSON) are read, not sent.

    From Google Takeout, give all zip files of one export together; they are read as they are. Albums become
    collections, and photos in no album go into --collection.
    """
    report = Report()
    paths = _existing_paths(kind, sources)
    with connected(server, token) as api, _progress() as progress:
        rules = Rules.of(api)
        name = collection or _COLLECTIONS[kind]
        with _opened(kind, paths, name, rules, report) as source:
            uploader = Uploader(api, 0, rules, report, everywhere, categories_from_folders)
            collections = _Collections(api, shared)
            _upload(source, uploader, collections, progress)
        report.collections = list(collections.ids)
        # An embedded server ends with this command, so its photos must be embedded first.
        if collections.ids and (wait or server is None):
            _wait(api, list(collections.ids.values()), progress, report)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        report.print(" ".join(sources))
    if report.rejected:
        raise click.exceptions.Exit(REFUSED_SOME)


def _existing_paths(kind: str, sources: Sequence[str]) -> list[Path]:
    if kind == "folder" and len(sources) > 1:
        raise click.UsageError("Give one folder.")
    path = click.Path(exists=True, path_type=Path)
    return [path.convert(source, None, click.get_current_context()) for source in sources]


@contextmanager
def _opened(kind: str, paths: Sequence[Path], collection: str, rules: Rules, report: Report) -> Iterator[Source]:
    if kind == "folder":
        yield FolderSource.of(paths[0], rules.skipped_folders, collection, report)
    else:
        with takeout_source(paths, rules.skipped_folders, collection, report) as source:
            yield source


def _upload(source: Source, uploader: Uploader, collections: _Collections, progress: Progress) -> None:
    if source.total == 0:
        return
    task = progress.add_task("Uploading", total=source.total)
    for portion in source.portions():
        progress.advance(task, portion.passed_over)
        if portion.files:
            to = collections.id_of(portion.collection)
            uploader.into(to, is_album=portion.is_album).upload(portion.files, lambda n: progress.advance(task, n))


@dataclass(frozen=True)
class _Collections:
    """The user's collections that photos go into, made when the first photo comes."""

    api: ApiClient
    shared: bool
    ids: dict[str, int] = field(default_factory=dict)

    def id_of(self, name: str) -> int:
        """Of the collection of this name."""
        if name not in self.ids:
            self.ids[name] = self._known(name) or self._made(name)
        return self.ids[name]

    def _known(self, name: str) -> int | None:
        for known in self.api.get("/collections")["collections"]:
            if known["name"] == name and known["mine"]:
                return int(known["id"])
        return None

    def _made(self, name: str) -> int:
        new = {"name": name, "visibility": "shared" if self.shared else "private"}
        return int(self.api.post("/collections", json=new)["id"])


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _wait(api: ApiClient, collection_ids: Sequence[int], progress: Progress, report: Report) -> None:
    """Until nothing of the collections is waiting to be embedded; says what keeps it waiting."""
    report.waited = True
    task = progress.add_task("Embedding", total=None)
    said: str | None = None
    polls = 0
    while True:
        every = [api.get(f"/collections/{each}")["embedding"] for each in collection_ids]
        counts = {state: sum(each[state] for each in every) for state in every[0]}
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
