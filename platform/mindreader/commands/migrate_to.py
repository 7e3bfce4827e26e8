"""`mindreader migrate-to`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from mindreader.commands.backup import progress_bar
from mindreader.settings import ENV_PREFIX, keep_private, load_settings


@click.command()
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="New data folder; left out, the same."
)
@click.option(
    "--database-url", metavar="URL", help="New catalog, such as postgresql://…; '' is SQLite in the data folder."
)
@click.option(
    "--blobs-url", metavar="URL", help="New place of the photos, such as s3://bucket/folder; '' is the data folder."
)
@click.option("--qdrant-url", metavar="URL", help="New Qdrant server; '' is Qdrant Edge in the data folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def migrate_to(
    data_dir: Path | None, database_url: str | None, blobs_url: str | None, qdrant_url: str | None, as_json: bool
) -> None:
    """Copy this MindReader to other stores: catalog, photos and photo index, with nothing to embed again.

    The settings say where it is now; the options where it goes, and what is left out stays where it is. Stop the
    server and the workers first. The old stores are left as they are. A move that was interrupted is started again
    with the same command. Exit status 1 when a photo is missing or damaged in the old place too.
    """
    from mindreader.backup.migrate_stores import move

    given = {"DATA_DIR": data_dir, "DATABASE_URL": database_url, "BLOBS_URL": blobs_url, "QDRANT_URL": qdrant_url}
    changed = {ENV_PREFIX + name: str(value) for name, value in given.items() if value is not None}
    if not changed:
        raise click.UsageError("Say where to: --data-dir, --database-url, --blobs-url or --qdrant-url.")
    source, target = load_settings(), load_settings({**os.environ, **changed})
    keep_private(target)
    with progress_bar("Moving") as progress:
        report = move(source, target, progress=progress)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        click.echo(
            f"{report.photos:,} photos, {report.blobs:,} files ({report.sent:,} sent now), {report.points:,} points."
        )
        if report.to_embed:
            click.echo(f"{report.to_embed:,} photos had no point; the workers embed them again.")
        for problem in report.problems:
            click.echo(problem)
        click.echo("Start the server there with these settings:")
        for name, value in changed.items():
            click.echo(f"  export {name}={value}" if value else f"  unset {name}")
    sys.exit(1 if report.problems else 0)
