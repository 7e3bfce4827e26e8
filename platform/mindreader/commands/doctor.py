"""`mindreader doctor`: compare catalog, blobs and indexes, and repair what differs."""

from __future__ import annotations

import json
import sys

import click

from mindreader.settings import load_settings


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor_command(repair: bool, as_json: bool) -> None:
    """Compare catalog, stored files and photo index, and say what differs. Exit status 1 when something does."""
    from mindreader.blobs import BlobStore
    from mindreader.catalog import Catalog
    from mindreader.locks import exclusive_lock
    from mindreader.operations.doctor import diagnose
    from mindreader.photo_index import PhotoIndexes

    settings = load_settings()
    catalog, indexes = Catalog(settings.catalog_url), PhotoIndexes(settings)
    catalog.migrate()
    try:
        with exclusive_lock(settings):
            findings = diagnose(catalog, BlobStore(settings.blobs_root), indexes, settings, repair=repair)
    finally:
        indexes.close()
        catalog.close()
    if as_json:
        click.echo(json.dumps({"findings": [finding.as_json() for finding in findings]}, indent=2))
    else:
        click.echo("\n".join(finding.sentence for finding in findings) or "Everything agrees.")
    sys.exit(1 if any(not finding.repaired for finding in findings) else 0)
