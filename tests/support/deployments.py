"""A whole MindReader of real processes that a test may break.

Embedded; or with a PostgreSQL and a Redis of its own; or also with S3, an index that processes share, and several
embed workers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from mindreader.bundles import Bundle
from mindreader.settings import Settings, load_settings
from tests.support import programs
from tests.support.bundles import install_bundle
from tests.support.qdrant_server import QdrantServer
from tests.support.server import Server, client, environment, start_server
from tests.support.services import (
    PostgresServer,
    RedisServer,
    S3Server,
    answers,
    free_port,
    postgres_programs,
    wait_until,
)

Running = programs.Program | subprocess.Popen

# Small batches and short leases, so that a fault always falls into the middle of something; no trash, so that what
# was deleted has to be gone.
IMPATIENT = {
    "MINDREADER_EMBED_BATCH_SIZE": "4",
    "MINDREADER_EMBED_SLICE_SECONDS": "3",
    "MINDREADER_LEASE_SECONDS": "10",
    "MINDREADER_TRASH_DAYS": "0",
    "MINDREADER_SEARCH_TIMEOUT": "120",
    "MINDREADER_SEARCH_RATE": "1000000/minute",
    "MINDREADER_INFERENCE_THREADS": "1",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}
LOOK_EVERY = ("-m", "tests.support.brisk", "3")


class Embedded:
    """One process: SQLite, the in-memory queue, Qdrant Edge, worker threads."""

    stores = "embedded"

    def __init__(self, folder: Path, *, python: tuple[str, ...] = (sys.executable,), **variables: str) -> None:
        self.folder, self.data_dir = folder, folder / "data"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.python, self.variables = (*python, *LOOK_EVERY), IMPATIENT | variables
        self._port = free_port()
        self._web: Server | None = None

    @property
    def settings(self) -> Settings:
        return load_settings(environment(self.data_dir, **self.variables))

    def install(self, bundle: Bundle) -> None:
        """Let a bundle answer other than the one that ships with MindReader."""
        install_bundle(self.settings, bundle)

    def start(self) -> None:
        self.start_worker()
        self.start_web()

    def start_web(self) -> None:
        if self._web is None:
            command = [*self.python, "-m", "mindreader.commands.main", "serve", "--port", str(self._port)]
            self._web = start_server(self.data_dir, command, **self.variables)

    def start_worker(self) -> None:
        """The server has its own."""

    def api(self) -> httpx.Client:
        """Also while the server is away: whoever has its address goes on asking."""
        return client(f"http://127.0.0.1:{self._port}", self.data_dir)

    def kill_web(self) -> None:
        if self._web is not None:
            self._web.kill()
            self._web = None
            # A decoder it was just starting holds its sockets until that is another program.
            wait_until(lambda: not answers(self._port), "the port of a killed server")

    def kill_worker(self) -> None:
        self.kill_web()

    def stop(self) -> None:
        """As a person stops it: everything gets a chance to tidy up."""
        if self._web is not None:
            _end(self._web.process)
            self._web = None

    def close(self) -> None:
        self.stop()


class Services(Embedded):
    """PostgreSQL, Redis, a web process and a worker process; the index is a folder the worker has open."""

    stores = "services"

    def __init__(self, folder: Path, *, python: tuple[str, ...] = (sys.executable,), **variables: str) -> None:
        self.redis, self.postgres = RedisServer(), PostgresServer(postgres_programs())
        urls = {"MINDREADER_BROKER_URL": self.redis.url, "MINDREADER_DATABASE_URL": self.postgres.url}
        super().__init__(folder, python=python, **urls, **variables)
        self._worker: Running | None = None

    def start_worker(self) -> None:
        if self._worker is not None:
            return
        # One process takes both queues: without a Qdrant server the photo index belongs to one process.
        arguments = ["worker", "--pool", "threads", "--concurrency", "2", "--queues", "embed,search"]
        with (self.folder / "worker.log").open("a") as log:
            self._worker = programs.start(
                [*self.python, "-m", "celery", "-A", "mindreader_workers.app", *arguments],
                env=environment(self.data_dir, **self.variables),
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def kill_worker(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker.wait()
            self._worker = None

    def stop(self) -> None:
        if self._worker is not None:
            _end(self._worker)
            self._worker = None
        super().stop()

    def close(self) -> None:
        self.stop()
        self.redis.close()
        self.postgres.close()


class Cluster(Services):
    """PostgreSQL, Redis, S3, a shared photo index, a web process, a search worker and several embed workers."""

    stores = "cluster"

    def __init__(self, folder: Path, *, embed_workers: int = 3, module: str = "celery", **variables: str) -> None:
        self.qdrant, self.s3 = QdrantServer(), S3Server()
        self.module, self.embed_workers = module, embed_workers
        variables |= {
            "MINDREADER_QDRANT_URL": self.qdrant.url,
            "MINDREADER_QDRANT_API_KEY": self.qdrant.key,
            "MINDREADER_BLOBS_URL": f"s3://{self.s3.bucket}/blobs",
            **self.s3.environment,
        }
        self._workers: dict[str, Running] = {}
        self._before: dict[str, str | None] = {}
        super().__init__(folder, python=(sys.executable,), **variables)

    def install(self, bundle: Bundle) -> None:
        """As the others; this process reaches the S3 server too."""
        self._before = {name: os.environ.get(name) for name in self.s3.environment}
        os.environ.update(self.s3.environment)
        super().install(bundle)

    def start_worker(self) -> None:
        """Start those that do not run."""
        for name in ("search", *(f"embed-{number}" for number in range(self.embed_workers))):
            if name not in self._workers:
                self._workers[name] = self._start(name, name.partition("-")[0])

    def kill_embed_worker(self, number: int) -> None:
        """SIGKILL one, which is not started again by itself."""
        worker = self._workers.pop(f"embed-{number}", None)
        if worker is not None:
            worker.kill()
            worker.wait()

    def kill_worker(self) -> None:
        for number in range(self.embed_workers):
            self.kill_embed_worker(number)

    def stop(self) -> None:
        for worker in self._workers.values():
            worker.send_signal(signal.SIGTERM)
        for worker in self._workers.values():
            _end(worker)
        self._workers = {}
        super().stop()

    def close(self) -> None:
        super().close()
        self.qdrant.close()
        self.s3.close()
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    def _start(self, name: str, queue: str) -> Running:
        module = self.module if queue == "embed" else "celery"
        arguments = ["-A", "mindreader_workers.app", "worker", "--pool", "solo", "--queues", queue]
        with (self.folder / f"{name}.log").open("a") as log:
            return programs.start(
                [*self.python, "-m", module, *arguments],
                env=environment(self.data_dir, **self.variables),
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )


DEPLOYMENTS = {kind.stores: kind for kind in (Embedded, Services)}


def _end(process: Running) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=300)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
