"""`mindreader health`: for the health checks of containers and supervisors."""

from __future__ import annotations

import socket
import sys

import click
import httpx
from sqlalchemy.exc import SQLAlchemyError

from mindreader.catalog import Catalog
from mindreader.operations.worker_status import is_alive, workers
from mindreader.settings import Settings, load_settings

_SECONDS = 4.0


@click.command()
@click.option(
    "--worker",
    "queue",
    type=click.Choice(["search", "embed", "learn"]),
    help="Ask about this machine's worker of a queue.",
)
def health(queue: str | None) -> None:
    """Whether this machine's web server answers, or its worker has done a task lately; exit status 0 or 1.

    The process of a worker that is stuck still exists: every worker is sent a small task twice a minute.
    """
    settings = load_settings()
    trouble = _of_worker(settings, queue) if queue else _of_web(settings)
    click.echo(trouble or "ok")
    sys.exit(1 if trouble else 0)


def _of_web(settings: Settings) -> str | None:
    try:
        answer = httpx.get(f"http://127.0.0.1:{settings.port}/healthz", timeout=_SECONDS)
    except httpx.HTTPError as error:
        return f"The web server does not answer: {error}"
    return None if answer.is_success else answer.text


def _of_worker(settings: Settings, queue: str) -> str | None:
    catalog = Catalog(settings.catalog_url)
    here = f"{queue}@{socket.gethostname()}:"
    try:
        with catalog.snapshot() as session:
            working = [worker for worker in workers(session) if worker.name.startswith(here) and is_alive(worker)]
    except SQLAlchemyError as error:
        return f"The catalog does not answer: {error}"
    finally:
        catalog.close()
    return None if working else f"No {queue} worker of this machine has done a task lately."
