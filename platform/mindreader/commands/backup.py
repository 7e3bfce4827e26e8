"""`mindreader backup` and `mindreader restore`."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mindreader.settings import keep_private, load_settings

if TYPE_CHECKING:
    from mindreader.blobs.parallel import Progress

_NOT_IN_IT = (
    "Not in it: the photo index (after a restore, photos are embedded again: about {to_embed:,}), and the secrets in "
    "{secrets} (a restored MindReader makes its own; everybody signs in again)."
)


@click.command()
@click.argument("destination", metavar="DEST", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--blobs",
    "kept",
    type=click.Choice(["copy", "reference"]),
    default="copy",
    show_default=True,
    help="Copy originals, thumbnails, sketches and bundles; or leave them and only see that they are there. "
    "Previews are in no backup: they are made again.",
)
@click.option("--prune", is_flag=True, help="Remove files from the backup that it does not need any more.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backup(destination: Path, kept: str, prune: bool, as_json: bool) -> None:
    """Back up catalog and photos into the folder DEST, while MindReader runs.

    Done again into the same folder, only new files are copied, and until the end the older backup stays usable.
    The photo index is not in a backup: after a restore, the workers embed all photos again. Neither are the session
    key and this machine's token. Exit status 1 when a photo is missing or damaged; the rest is backed up.
    """
    from mindreader.backup.create import back_up
    from mindreader.blobs import BlobStore
    from mindreader.catalog import Catalog

    if prune and kept == "reference":
        raise click.UsageError("--prune goes with --blobs copy: a backup that refers to files holds none.")
    settings = load_settings()
    keep_private(settings)
    catalog = Catalog(settings.catalog_url)
    try:
        with progress_bar("Backing up") as progress:
            report = back_up(
                catalog,
                BlobStore(settings.blobs_root),
                settings,
                destination,
                reference=kept == "reference",
                prune=prune,
                progress=progress,
            )
    finally:
        catalog.close()
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        where = "left where they are" if kept == "reference" else f"{report.new_blobs:,} of them new"
        click.echo(f"{report.photos:,} photos are backed up in {destination}.")
        click.echo(f"{report.blobs:,} files, {report.bytes / 2**20:,.1f} MB; {where}.")
        if prune:
            click.echo(f"{report.pruned:,} files that nothing needs any more were removed from the backup.")
        click.echo(_NOT_IN_IT.format(to_embed=report.to_embed, secrets=settings.secrets_dir))
        if report.in_folders:
            click.echo(f"Not in it either: {report.in_folders:,} photos that stay in folders of this machine.")
        if report.problems:
            click.echo(f"{len(report.problems):,} files could not be backed up; an older backup may still have them:")
        for problem in report.problems:
            click.echo(f"  {problem.sentence}")
    sys.exit(1 if report.problems else 0)


@click.command()
@click.argument("source", metavar="SRC", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--despite-damage", is_flag=True, help="Leave out files of the backup that are missing or damaged.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def restore(source: Path, despite_damage: bool, as_json: bool) -> None:
    """Bring the backup in the folder SRC back into an empty MindReader, whose server is stopped.

    The settings say where: MINDREADER_DATA_DIR, MINDREADER_DATABASE_URL, MINDREADER_BLOBS_URL. A backup of SQLite goes
    into PostgreSQL too, and the other way round. The photo index is not in a backup: once the server runs, photos
    are embedded again, and searches find those that are. Exit status 1 when the backup lacks photos; the others are
    restored.
    """
    from mindreader.backup.restore import restore as bring_back

    settings = load_settings()
    keep_private(settings)
    with progress_bar("Restoring") as progress:
        report = bring_back(settings, source, despite_damage=despite_damage, progress=progress)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        click.echo(f"{report.photos:,} photos and {report.blobs:,} files are restored.")
        click.echo(f"Start the server now: photos are embedded again, about {report.to_embed:,}.")
        for path in report.folders:
            click.echo(f"Photos in {path} are looked for there; the backup holds their thumbnails only.")
        for key in report.lost:
            click.echo(f"{key} is not in the backup.")
    sys.exit(1 if report.lost else 0)


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
    """A bar on the error output; trouble with files or the database becomes a sentence."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from sqlalchemy.exc import DBAPIError

    from mindreader.commands.trouble import sentence_of

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        try:
            yield lambda done, total: bar.update(task, completed=done, total=total)
        except (OSError, DBAPIError, sqlite3.Error) as error:
            raise click.ClickException(f"{what} stopped: {sentence_of(error)}") from None
