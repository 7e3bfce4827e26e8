"""`mindreader migrate`: make the stores ready before anything else starts."""

from __future__ import annotations

import click

from mindreader.settings import load_settings

begin_anew_option = click.option(
    "--begin-anew",
    is_flag=True,
    help="Begin with an empty catalog although photos lie where it keeps them. Needed once; nobody's photos come back.",
)


@click.command()
@begin_anew_option
def migrate(begin_anew: bool) -> None:
    """Bring the catalog's tables up to date, and install the default model version where there is none.

    `serve` does the same when it starts; give this a service of its own where several servers and workers start at
    once. It changes nothing when all is there.
    """
    from mindreader_webui.server import prepare

    services = prepare(load_settings(), begin_anew=begin_anew)
    services.catalog.close()
    click.echo("The catalog is up to date.")
