from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import update

from mindreader.catalog import WorkerProcess
from mindreader.catalog.models import now
from mindreader.operations.worker_status import Heartbeat, is_alive, queue_is_served, workers


def test_tasks_at_once_in_one_worker_are_all_counted(any_catalog):
    heartbeat = Heartbeat("embed", "cpu", "embed@here")
    heartbeat.record(any_catalog)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: heartbeat.record(any_catalog, photos=2), range(8)))
    with any_catalog.snapshot() as session:
        (row,) = workers(session)
    assert (row.tasks, row.photos) == (9, 16)


def test_first_tasks_at_once_make_one_row(any_catalog):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Heartbeat("embed", "cpu", "embed@here").record(any_catalog), range(4)))
    with any_catalog.snapshot() as session:
        assert len(workers(session)) == 1


def test_a_worker_lives_while_tasks_run_in_it(catalog):
    Heartbeat("search", "cpu", "search@here").record(catalog, error="x" * 5000)
    with catalog.snapshot() as session:
        assert queue_is_served(session, "search")
        assert not queue_is_served(session, "embed")
        assert len(workers(session)[0].last_error or "") == 1000
    with catalog.transaction() as session:
        session.execute(update(WorkerProcess).values(last_task_at=now() - timedelta(minutes=3)))
    with catalog.snapshot() as session:
        assert not is_alive(workers(session)[0])
        assert not queue_is_served(session, "search")


def test_workers_gone_for_a_day_are_forgotten(catalog):
    Heartbeat("search", "cpu", "search@old").record(catalog)
    with catalog.transaction() as session:
        session.execute(update(WorkerProcess).values(last_task_at=now() - timedelta(days=2)))
    Heartbeat("search", "cpu", "search@new").record(catalog)
    with catalog.snapshot() as session:
        assert [row.name for row in workers(session)] == ["search@new"]
