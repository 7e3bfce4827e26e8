"""`mindreader folders`: show folders of the server in place, scan and verify them."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mindreader_webui.commands.client import ApiClient, connected, server_option, token_option

OFFLINE = 3
"""Exit code where the folder is away."""
_SECONDS_BETWEEN_LOOKS = 0.5
_PHASES = {"looking": "Looking", "reading": "Reading", "verifying": "Verifying"}

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_folder = click.argument("folder_id", type=click.IntRange(1), metavar="ID")
_exclude = click.option(
    "--exclude", "excludes", multiple=True, metavar="GLOB", help="Leave out what is called so; may be given again."
)


@click.group()
def folders() -> None:
    """Folders of the server whose photos stay where they lie: nothing is ever written, moved or deleted there.

    MINDREADER_FOLDER_ROOTS says which folders may be shown. scan, verify and add end with 3 where the folder is away.
    """


@folders.command()
@click.argument("path", type=click.Path())
@click.option("--collection", required=True, help="Name of the collection that is made of it.")
@click.option("--watch", is_flag=True, help="Take up at once what changes there.")
@_exclude
@click.option("--categories-from-folders", is_flag=True, help="A photo's category is the name of its folder.")
@_json
@server_option
@token_option
def add(
    path: str,
    collection: str,
    watch: bool,
    excludes: tuple[str, ...],
    categories_from_folders: bool,
    as_json: bool,
    server: str | None,
    token: str | None,
) -> None:
    """Make a collection of the folder PATH, and scan it."""
    body = {
        "path": path if server else os.path.abspath(path),  # noqa: PTH100  # links stay what they are
        "collection": collection,
        "watch": watch,
        "excludes": list(excludes),
        "categories_from_folders": categories_from_folders,
    }
    with connected(server, token) as api:
        folder = follow(api, api.post("/folders", json=body)["id"], quiet=as_json)
    _end(folder, as_json)


@folders.command("list")
@_json
@server_option
@token_option
def list_folders(as_json: bool, server: str | None, token: str | None) -> None:
    """All folders that are shown in place."""
    with connected(server, token) as api:
        found = api.get("/folders")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.echo("\n".join(map(_line, found["folders"])) or "No folders are shown in place.")
    click.echo(f"Allowed: {', '.join(found['roots']) or 'none; set MINDREADER_FOLDER_ROOTS'}")


@folders.command()
@_folder
@_json
@server_option
@token_option
def scan(folder_id: int, as_json: bool, server: str | None, token: str | None) -> None:
    """See what is new, changed, moved and missing in folder ID."""
    _ask_and_follow(folder_id, "scan", as_json, server, token)


@folders.command()
@_folder
@_json
@server_option
@token_option
def verify(folder_id: int, as_json: bool, server: str | None, token: str | None) -> None:
    """Read every file of folder ID and compare its bytes with what they were."""
    _ask_and_follow(folder_id, "verify", as_json, server, token)


@folders.command("set")
@_folder
@click.option("--path", help="Where the folder is now, after it was renamed or moved.")
@click.option("--watch/--no-watch", default=None, help="Take up at once what changes there.")
@_exclude
@click.option("--exclude-nothing", is_flag=True, help="Leave nothing out any more.")
@click.option(
    "--categories-from-folders/--no-categories-from-folders",
    default=None,
    help="A new photo's category is the name of its folder.",
)
@_json
@server_option
@token_option
def change(
    folder_id: int,
    path: str | None,
    watch: bool | None,
    excludes: tuple[str, ...],
    exclude_nothing: bool,
    categories_from_folders: bool | None,
    as_json: bool,
    server: str | None,
    token: str | None,
) -> None:
    """Change how folder ID is shown, or say where it is now; it is scanned then."""
    given = {
        "path": path if path is None or server else os.path.abspath(path),  # noqa: PTH100
        "watch": watch,
        "excludes": [] if exclude_nothing else list(excludes) or None,
        "categories_from_folders": categories_from_folders,
    }
    with connected(server, token) as api:
        api.patch(f"/folders/{folder_id}", json={name: value for name, value in given.items() if value is not None})
        folder = follow(api, folder_id, quiet=as_json)
    _end(folder, as_json)


@folders.command()
@_folder
@_json
@server_option
@token_option
def refused(folder_id: int, as_json: bool, server: str | None, token: str | None) -> None:
    """The files of folder ID that cannot be photos, or could not be read, and why."""
    files: list[dict[str, Any]] = []
    with connected(server, token) as api:
        after: int | None = 0
        while after is not None:
            page = api.get(f"/folders/{folder_id}/refused", params={"after": after, "limit": 200})
            files += page["files"]
            after = page["next"]
    if as_json:
        click.echo(json.dumps(files, indent=2))
        return
    for file in files:
        click.echo(f"{file['path']}: {file['reason']}")


@folders.command()
@_folder
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json
@server_option
@token_option
def forget(folder_id: int, yes: bool, as_json: bool, server: str | None, token: str | None) -> None:
    """Take the missing files of folder ID for deleted, and remove their photos for good."""
    with connected(server, token) as api:
        missing = api.get(f"/folders/{folder_id}")["missing"]
        if missing and not yes:
            click.confirm(f"Remove the photos of {missing:,} missing files for good?", abort=True, err=True)
        answer = api.post(f"/folders/{folder_id}/forget")
    click.echo(json.dumps(answer, indent=2) if as_json else f"{answer['files']:,} files are forgotten.")


@folders.command()
@_folder
@server_option
@token_option
def remove(folder_id: int, server: str | None, token: str | None) -> None:
    """Put the collection of folder ID into the trash; the files stay as they are."""
    with connected(server, token) as api:
        folder = api.get(f"/folders/{folder_id}")
        api.delete(f"/folders/{folder_id}")
    click.echo(f"{folder['collection']} is in the trash. {folder['path']} stays as it is.")


def follow(api: ApiClient, folder_id: int, *, quiet: bool) -> dict[str, Any]:
    """Watch what was asked for until it is done, with a bar unless `quiet`; returns the folder as it is then."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("Waiting", total=None, left="")
        while True:
            folder = api.get(f"/folders/{folder_id}")
            asked = folder["scan_requested"] or folder["verify_requested"]
            if not asked and (folder["waiting"] == 0 or folder["offline"] not in (None, "lost")):
                return folder
            if progress := folder["progress"]:
                phase, total = _PHASES.get(progress["phase"], ""), progress["total"] or None
                bar.update(task, description=phase, total=total, completed=progress["done"], left=_left(progress))
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _ask_and_follow(folder_id: int, action: str, as_json: bool, server: str | None, token: str | None) -> None:
    with connected(server, token) as api:
        api.post(f"/folders/{folder_id}/{action}")
        folder = follow(api, folder_id, quiet=as_json)
    _end(folder, as_json)


def _end(folder: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(folder, indent=2))
    else:
        click.echo(_line(folder))
        if folder["offline"] in (None, "lost"):
            for line in _report(folder["last_scan"]):
                click.echo(line)
    sys.exit(OFFLINE if folder["offline"] else 0)


def _line(folder: dict[str, Any]) -> str:
    numbers = [f"{folder['photos']:,} photos"]
    numbers += [f"{folder[name]:,} {name}" for name in ("waiting", "missing", "refused") if folder[name]]
    watched = ", watched" if folder["watch"] else ""
    line = f"{folder['id']:4}  {folder['collection']}: {folder['path']}: {', '.join(numbers)}{watched}"
    return f"{line}\n      {folder['offline_sentence']}" if folder["offline"] else line


def _report(scan: dict[str, Any] | None) -> list[str]:
    if scan is None:
        return []
    names = ("new", "changed", "moved", "back", "missing", "refused", "forgotten")
    numbers = ", ".join(f"{scan[name]:,} {name}" for name in names if scan[name]) or "nothing new"
    lines = [f"{scan['files']:,} files in {scan['seconds']:.1f} s: {numbers}."]
    lines += [f"  {problem['path'] or '.'}: {problem['reason']}" for problem in scan["problems"]]
    if (more := scan["problem_count"] - len(scan["problems"])) > 0:
        lines.append(f"  and {more:,} more")
    return lines


def _left(progress: dict[str, Any]) -> str:
    rate = f"{progress['rate']:,.0f} files/s"
    seconds = progress["seconds_left"]
    return rate if seconds is None else f"{rate}, {timedelta(seconds=round(seconds))} left"
