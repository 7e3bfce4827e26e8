"""`mindreader doctor`: compare catalog, blobs and indexes, and repair what differs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from mindreader.commands.backup import progress_bar
from mindreader.errors import ConfigurationError
from mindreader.settings import Settings, load_settings

if TYPE_CHECKING:
    from mindreader.operations.finding import Finding

_NAMES_SHOWN = 20
_NOT_READ = "Originals were not read; `mindreader doctor --content` compares each of them with its checksum."


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option(
    "--content/--quick",
    default=False,
    help="Read every original, thumbnail and preview and compare it with its checksum, which takes as long as reading "
    "them all; or see only that they are there and as long as they were, which is what is done without either.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor_command(repair: bool, content: bool, as_json: bool) -> None:
    """Compare catalog, stored files and photo index, and say what differs.

    Exit status 0 when nothing differs, or all of it is mended now; 1 when something does, or could not be looked at. A
    data folder that cannot be written to is looked at as it is.
    """
    from mindreader.blobs import BlobStore
    from mindreader.catalog import Catalog
    from mindreader.operations.doctor import diagnose
    from mindreader.photo_index import PhotoIndexes

    settings = load_settings()
    with _at_rest(settings, repair) as catalog_url, progress_bar("Looking at files") as progress:
        catalog, indexes, blobs = Catalog(catalog_url), PhotoIndexes(settings), BlobStore(settings.blobs_root)
        try:
            findings = diagnose(catalog, blobs, indexes, settings, repair=repair, content=content, progress=progress)
        finally:
            indexes.close()
            catalog.close()
    if as_json:
        click.echo(json.dumps({"findings": [f.as_json() for f in findings], "content_checked": content}, indent=2))
    else:
        click.echo("\n".join(map(_in_words, findings)) or "Everything agrees.")
        if not content:
            click.echo(_NOT_READ)
    sys.exit(1 if any(not finding.repaired for finding in findings) else 0)


def _in_words(finding: Finding) -> str:
    lines = [finding.sentence, *(f"  {name}" for name in finding.names[:_NAMES_SHOWN])]
    if more := len(finding.names) - _NAMES_SHOWN:
        lines += [f"  and {more:,} more, which --json names"] if more > 0 else []
    return "\n".join(lines)


@contextmanager
def _at_rest(settings: Settings, repair: bool) -> Iterator[str]:
    """Keep others out of the data folder; gives the URL of the catalog, or of a copy where nothing can be written.

    Raises:
        ConfigurationError: nothing can be written there, and something is to be repaired.
        ConflictError: another process is at work there.
    """
    from mindreader.host.locks import exclusive_lock

    if not settings.data_dir.exists() or os.access(settings.data_dir, os.W_OK):
        with exclusive_lock(settings):
            yield settings.catalog_url
        return
    if repair:
        raise ConfigurationError(f"Nothing can be written to {settings.data_dir}, so nothing can be repaired there.")
    click.echo(f"Nothing can be written to {settings.data_dir}: it is looked at as it is.", err=True)
    if settings.database_url:
        yield settings.catalog_url
        return
    with TemporaryDirectory(prefix="mindreader-") as folder:
        # With what is not in the file itself yet: SQLite cannot read that where it cannot write.
        for file in settings.data_dir.glob("catalog.sqlite3*"):
            shutil.copyfile(file, Path(folder, file.name))
        yield f"sqlite:///{folder}/catalog.sqlite3"
