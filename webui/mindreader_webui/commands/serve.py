"""`mindreader serve`, and the one place where the embedded workers join the web process."""

from __future__ import annotations

from pathlib import Path

import click

from mindreader.logs import configure
from mindreader.settings import Settings, load_settings
from mindreader_webui.server import Workers, WorkersFor, running_server, stop_on_signals
from mindreader_webui.services import Services


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of all data.")
def serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Start MindReader and print its address."""
    given = {"host": host, "port": port, "data_dir": data_dir}
    settings = load_settings().model_copy(update={k: v for k, v in given.items() if v is not None})
    configure(settings)
    stop_on_signals()
    with running_server(settings, workers_for(settings)) as running:
        click.echo(f"MindReader is ready at {running.url}")
        running.run()


def workers_for(settings: Settings) -> WorkersFor | None:
    """Embedded workers when the settings ask for them; else none, and torch is never loaded here."""
    return _embedded_workers if settings.embedded_workers else None


def _embedded_workers(services: Services) -> Workers:
    from mindreader_workers.embedded import EmbeddedWorkers

    return EmbeddedWorkers(services.celery, services.settings, services.catalog, services.blobs)
