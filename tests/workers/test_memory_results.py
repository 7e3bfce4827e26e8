"""Results within one process: callers sleep until theirs is there, and nothing is kept after it was read."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery.exceptions import TimeoutError as CeleryTimeoutError

from mindreader.settings import load_settings
from mindreader_workers import client, memory_results
from mindreader_workers.celery_app import make_celery


@pytest.fixture
def celery():
    return make_celery(load_settings({}))


@pytest.fixture
def looks(celery, monkeypatch):
    """How often each task was asked for."""
    looks: list[str] = []
    look = memory_results.MemoryResults.get_task_meta

    def counted(self, task_id, cache=True):
        looks.append(task_id)
        return look(self, task_id, cache)

    monkeypatch.setattr(memory_results.MemoryResults, "get_task_meta", counted)
    return looks


def test_one_process_has_this_backend_and_others_keep_celerys():
    assert isinstance(make_celery(load_settings({})).backend, memory_results.MemoryResults)
    redis = make_celery(load_settings({"MINDREADER_BROKER_URL": "redis://127.0.0.1:1/0"}))
    assert type(redis.backend).__name__ == "RedisBackend"


def test_each_caller_sleeps_until_its_own_result_is_there(celery, looks):
    tasks = [uuid.uuid4().hex for _ in range(8)]
    with ThreadPoolExecutor(8) as callers:
        answers = callers.map(lambda task: celery.AsyncResult(task).get(timeout=60), tasks)
        while len(set(looks)) < len(tasks):
            time.sleep(0.01)
        time.sleep(0.3)
        for task in reversed(tasks):
            celery.backend.store_result(task, {"answer": task}, "SUCCESS")
        assert list(answers) == [{"answer": task} for task in tasks]
    # Once at the start and once for each result that came meanwhile; not every few milliseconds.
    assert all(looks.count(task) <= 1 + len(tasks) for task in tasks)


def test_a_result_that_is_there_already_is_not_waited_for(celery, looks):
    task = uuid.uuid4().hex
    celery.backend.store_result(task, 7, "SUCCESS")
    assert celery.AsyncResult(task).get(timeout=0) == 7
    assert looks.count(task) == 1


def test_an_error_of_a_task_is_raised_where_it_is_waited_for(celery):
    task = uuid.uuid4().hex
    celery.backend.store_result(task, ValueError("no"), "FAILURE")
    with pytest.raises(ValueError, match="no"):
        celery.AsyncResult(task).get(timeout=60)


def test_a_task_that_only_says_that_it_began_is_waited_for_further(celery):
    task = uuid.uuid4().hex
    celery.backend.store_result(task, None, "STARTED")
    threading.Timer(0.1, celery.backend.store_result, (task, 3, "SUCCESS")).start()
    assert celery.AsyncResult(task).get(timeout=60) == 3


def test_a_result_that_does_not_come_in_time_is_an_error(celery):
    with pytest.raises(CeleryTimeoutError):
        celery.AsyncResult(uuid.uuid4().hex).get(timeout=0.05)


def test_what_nobody_reads_is_kept_until_its_time_is_over(celery, monkeypatch):
    old, new = uuid.uuid4().hex, uuid.uuid4().hex
    monkeypatch.setattr(celery.backend, "expires", 0.01)
    celery.backend.store_result(old, 1, "SUCCESS")
    monkeypatch.undo()
    time.sleep(0.02)
    celery.backend.store_result(new, 2, "SUCCESS")
    assert celery.AsyncResult(old).state == "PENDING"
    assert celery.AsyncResult(new).get(timeout=0) == 2
    celery.AsyncResult(new).forget()
    assert celery.AsyncResult(new).state == "PENDING"


def test_an_answer_is_not_kept_after_it_was_read(celery, monkeypatch):
    task = uuid.uuid4().hex
    monkeypatch.setattr(celery, "send_task", lambda *_, **__: celery.AsyncResult(task))
    celery.backend.store_result(task, {"answer": "all the images"}, "SUCCESS")
    client.warm_up(celery, 1, timeout=1)
    assert celery.AsyncResult(task).state == "PENDING"
