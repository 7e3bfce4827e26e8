"""`mindreader import`: upload a folder of photos, or move in from another photo library."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mindreader_webui.commands.client import ApiClient, connected, server_option, token_option
from mindreader_webui.commands.import_report import Report
from mindreader_webui.commands.sources.folder import FolderSource
from mindreader_webui.commands.sources.immich import immich_source
from mindreader_webui.commands.sources.portions import Source
from mindreader_webui.commands.sources.takeout import takeout_source
from mindreader_webui.commands.uploading import Rules, Uploader

REFUSED_SOME = 3
"""Exit code where files were refused; those that were not are imported."""
_POLL_SECONDS = 0.5
_POLLS_PER_QUESTION = 4
"""How seldom it is asked what keeps photos waiting, compared with how many do."""
_COLLECTIONS = {"folder": "Photos", "takeout": "Google Photos", "immich": "Immich"}
"""Where photos in no album go, by the source."""


@click.command("import", epilog=f"Ends with {REFUSED_SOME} where files were refused: the others are imported.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--from",
    "kind",
    type=click.Choice(list(_COLLECTIONS)),
    default="folder",
    show_default=True,
    help="What SOURCE is: a folder; zip files or folders of Google Takeout; or the address of an Immich.",
)
@click.option(
    "--api-key",
    envvar="IMMICH_API_KEY",
    show_envvar=True,
    help="Key of the Immich user whose photos are imported; asked for if not given.",
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
    api_key: str | None,
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
    mindreader import --from immich http://nas:2283

    Each file that is refused is named with the reason. Links to folders are followed. Hidden folders and those of
    systems (@eaDir, #recycle) are passed over, and named. Files that say when photos were taken (XMP, Google Takeout's
    JSON) are read, not sent.

    From Google Takeout, give all zip files of one export together; they are read as they are. From Immich, run it
    again at any time: it takes only what is new. Albums of both become collections, and photos in no album go into
    --collection.
    """
    report = Report()
    given = _Given.checked(kind, sources, api_key, categories_from_folders)
    with connected(server, token) as api, _progress() as progress:
        uploader = Uploader(api, 0, Rules.of(api), report, everywhere, categories_from_folders)
        collections = _Collections(api, shared)
        with given.opened(uploader, collection or _COLLECTIONS[kind], lambda said: _say(progress, said)) as source:
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


@dataclass(frozen=True)
class _Given:
    """What to import, as it was typed; checked before a server is asked or started."""

    kind: str
    paths: Sequence[Path] = ()
    url: str = ""
    api_key: str = field(default="", repr=False)

    @classmethod
    def checked(cls, kind: str, sources: Sequence[str], api_key: str | None, categories: bool) -> _Given:
        """As it can be.

        Raises:
            click.UsageError: something is missing, or does not belong together.
        """
        if kind != "takeout" and len(sources) > 1:
            raise click.UsageError("Give one folder." if kind == "folder" else "Give the address of one Immich.")
        if kind == "immich":
            if categories:
                raise click.UsageError("--categories-from-folders goes with folders, not with Immich.")
            return cls(kind, url=sources[0], api_key=api_key or _asked_key())
        path = click.Path(exists=True, path_type=Path)
        return cls(kind, [path.convert(source, None, click.get_current_context()) for source in sources])

    @contextmanager
    def opened(self, uploader: Uploader, collection: str, say: Callable[[str], object]) -> Iterator[Source]:
        """Its photos; `say` is told of trouble that may pass."""
        rules, report = uploader.rules, uploader.report
        if self.kind == "folder":
            yield FolderSource.of(self.paths[0], rules.skipped_folders, collection, report)
        elif self.kind == "takeout":
            with takeout_source(self.paths, rules.skipped_folders, collection, report) as takeout:
                yield takeout
        else:
            with immich_source(self.url, self.api_key, uploader, collection, say) as immich:
                yield immich


def _asked_key() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("Give the API key of Immich with --api-key or IMMICH_API_KEY.")
    return str(click.prompt("API key of Immich", hide_input=True, err=True)).strip()


def _upload(source: Source, uploader: Uploader, collections: _Collections, progress: Progress) -> None:
    if source.total == 0:
        return
    task = progress.add_task("Uploading", total=source.total)
    for portion in source.portions():
        progress.advance(task, portion.passed_over)
        if portion.files or portion.copies:
            to = uploader.into(collections.id_of(portion.collection), is_album=portion.is_album)
            to.copy(portion.copies)
            to.upload(portion.files, lambda count: progress.advance(task, count))


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
        _say(progress, trouble)
    return trouble or said


def _say(progress: Progress, said: str) -> None:
    """On the error output, above the bars."""
    progress.console.print(said, markup=False, highlight=False, soft_wrap=True)
