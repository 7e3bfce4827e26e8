"""A running MindReader in this process: migrations, default model version, workers, WSGI server."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from mindreader.accounts.tokens import local_token
from mindreader.blobs import BlobStore
from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.catalog import Catalog
from mindreader.host.locks import exclusive_lock
from mindreader.model_versions.registry import bundle_store, install
from mindreader.operations.first_start import check_not_forgotten
from mindreader.settings import Settings, keep_private
from mindreader_webui.access import AppGate
from mindreader_webui.app import create_app
from mindreader_webui.connections import Listening, Patience, listen
from mindreader_webui.services import Services
from mindreader_webui.uploads import clear_leftovers
from mindreader_workers.celery_app import make_celery

log = logging.getLogger(__name__)


class Workers(Protocol):
    """Workers inside this process."""

    def start(self) -> None:
        """Take up work."""

    def stop(self) -> None:
        """Finish what is running."""


WorkersFor = Callable[[Services], Workers]


@dataclass(frozen=True)
class RunningServer:
    """A server that answers."""

    url: str
    server: Listening

    def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        self.server.run()


@contextmanager
def running_server(
    settings: Settings, workers_for: WorkersFor | None, patience: Patience | None = None
) -> Iterator[RunningServer]:
    """Prepare everything and listen; on leaving, workers and connections are closed in order."""
    with exclusive_lock(settings), _listening(settings, workers_for, patience or Patience()) as running:
        yield running


@contextmanager
def _listening(settings: Settings, workers_for: WorkersFor | None, patience: Patience) -> Iterator[RunningServer]:
    services = prepare(settings)
    app = create_app(services)
    clear_leftovers(settings, services.blobs)
    workers = workers_for(services) if workers_for else None
    if workers:
        workers.start()
    server = listen(
        app,
        AppGate(app),
        patience,
        host=settings.host,
        port=settings.port,
        threads=settings.web_threads,
        **_proxies(settings.trusted_proxies),
    )
    url = f"http://{settings.host}:{server.port}"
    _publish_address(settings, url)
    try:
        yield RunningServer(url, server)
    finally:
        settings.address_file.unlink(missing_ok=True)
        server.close()
        if workers:
            workers.stop()
        services.catalog.close()


def _proxies(count: int) -> dict[str, Any]:
    """What waitress believes of the headers of reverse proxies, counted from the last; of nobody else's, nothing."""
    if count == 0:
        return {"clear_untrusted_proxy_headers": True}
    headers = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
    return {
        "trusted_proxy": "*",  # who reaches the port at all: deployment.md has the proxy alone do that
        "trusted_proxy_count": count,
        "trusted_proxy_headers": headers,
        "clear_untrusted_proxy_headers": True,
    }


@contextmanager
def server_in_background(
    settings: Settings, workers_for: WorkersFor | None, patience: Patience | None = None
) -> Iterator[str]:
    """A server in a thread for as long as the context lasts; gives its URL."""
    with running_server(settings, workers_for, patience) as running:
        Thread(target=running.run, name="web", daemon=True).start()
        yield running.url


def prepare(settings: Settings, *, begin_anew: bool = False) -> Services:
    """Data folder, migrated catalog, blobs, queue; on the very first start also the default model version.

    Args:
        begin_anew: also where photos lie that the catalog knows nothing of.

    Raises:
        ConflictError: the catalog is empty, and photos lie beside it.
    """
    keep_private(settings)
    catalog = Catalog(settings.catalog_url)
    services = Services(settings, catalog, BlobStore(settings.blobs_root), make_celery(settings))
    if not begin_anew:
        check_not_forgotten(catalog, services.blobs, settings)
    catalog.migrate()
    install(catalog, bundle_store(settings, services.blobs), read_bundle(default_bundle_folder()), settings.regions)
    with catalog.transaction() as session:
        _write_secret(settings.secrets_dir / "local_token", local_token(session))
    return services


def stop_on_signals() -> None:
    """SIGTERM ends the server as Ctrl-C does."""

    def leave(_signal: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)


def _publish_address(settings: Settings, url: str) -> None:
    """Where commands on the same machine find this server."""
    settings.address_file.write_text(json.dumps({"url": url, "pid": os.getpid()}))


def _write_secret(path: Path, secret: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
