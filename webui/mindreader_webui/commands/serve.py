"""`mindreader serve`, and the one place where the embedded workers join the web process."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mindreader.errors import ConfigurationError
from mindreader.host.locks import exclusive_lock
from mindreader.observability.logs import configure
from mindreader.settings import Settings, load_settings
from mindreader_webui.commands.migrate import begin_anew_option

if TYPE_CHECKING:
    from mindreader_webui.server import Workers, WorkersFor
    from mindreader_webui.services import Services


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of all data.")
@begin_anew_option
def serve(host: str | None, port: int | None, data_dir: Path | None, begin_anew: bool) -> None:
    """Start MindReader and print its address."""
    from mindreader_webui.server import prepare, running_server, stop_on_signals

    given = {"host": host, "port": port, "data_dir": data_dir}
    settings = load_settings().model_copy(update={k: v for k, v in given.items() if v is not None})
    configure(settings)
    stop_on_signals()
    _check_port(settings)
    if begin_anew:
        with exclusive_lock(settings):
            prepare(settings, begin_anew=True).catalog.close()
    with running_server(settings, workers_for(settings)) as running:
        click.echo(f"MindReader is ready at {running.url}")
        running.run()


def _check_port(settings: Settings) -> None:
    """See that the port is free, before anything takes seconds to start.

    Raises:
        ConfigurationError: it is not, or the address is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        reason = "is in use, by another MindReader perhaps" if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise ConfigurationError(
            f"Port {settings.port} of {settings.host} cannot be listened on: {reason}. Stop what uses it, or choose "
            "another with --port or MINDREADER_PORT (0 picks a free one); --host says which address."
        ) from None


def workers_for(settings: Settings) -> WorkersFor | None:
    """Embedded workers when the settings ask for them; else none, and torch is never loaded here."""
    return _embedded_workers if settings.embedded_workers else None


def _embedded_workers(services: Services) -> Workers:
    from mindreader_workers.embedded import EmbeddedWorkers

    return EmbeddedWorkers(services.celery, services.settings, services.catalog, services.blobs)
