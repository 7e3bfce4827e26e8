"""The Celery app of a separate worker process.

    celery -A mindreader_workers.app worker --pool solo --queues embed
    celery -A mindreader_workers.app worker --pool threads --concurrency 8 --queues search
    celery -A mindreader_workers.app worker --pool solo --queues learn

Never Celery's prefork, which CUDA does not survive; start one process for each GPU. Embedding is one long task at a
time; searches that wait at the same time go through the networks together.
"""

from __future__ import annotations

from typing import Any

from celery.signals import setup_logging, worker_ready, worker_shutdown, worker_shutting_down

from mindreader.observability.logs import configure
from mindreader.settings import keep_private, load_settings
from mindreader_workers.beat import Beat
from mindreader_workers.celery_app import EMBED_QUEUE, LEARN_QUEUE, SEARCH_QUEUE, make_celery
from mindreader_workers.cpu_priority import lower_cpu_priority
from mindreader_workers.folder_scans import FolderScans
from mindreader_workers.tasks import add_tasks
from mindreader_workers.worker import Worker

_settings = load_settings()
keep_private(_settings)
app = make_celery(_settings)
_worker = Worker.from_settings(_settings)
_beats: list[Beat] = []
_scans: list[FolderScans] = []
add_tasks(app, _worker)


@setup_logging.connect
def _log_as_the_settings_say(**_: object) -> None:
    configure(_settings)


@worker_ready.connect
def _take_up_work(sender: Any, **_: object) -> None:
    queues = sender.task_consumer.queues
    names = {queue.name for queue in queues}
    if SEARCH_QUEUE in names:
        _worker.searcher.warm_up()
    elif _worker.engine.device == "cpu":
        lower_cpu_priority(_settings.embed_nice)
    _beats.append(Beat(app, names & {SEARCH_QUEUE, EMBED_QUEUE, LEARN_QUEUE}))
    _beats[-1].start()
    if EMBED_QUEUE in names:  # these see the originals
        yields = _worker.engine.device == "cpu"
        _scans.append(FolderScans(app, _settings, _worker.catalog, _worker.blobs, yields=yields))
        _scans[-1].start()


@worker_shutting_down.connect
def _end_embedding_soon(**_: object) -> None:
    _worker.stopping.set()


@worker_shutdown.connect
def _close(**_: object) -> None:
    for beat in _beats:
        beat.stop()
    for scans in _scans:
        scans.stop()
    _worker.close()
