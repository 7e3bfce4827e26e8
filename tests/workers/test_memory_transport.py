import threading
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection, Queue

from mindreader_workers.memory_transport import NAME, wake_consumers
from tests.support.services import wait_until


@pytest.fixture
def queue():
    return Queue(uuid.uuid4().hex)


@pytest.fixture
def taken(queue):
    """What a consumer of the queue has got, how often it has looked, and how often it was sent away."""
    taken = SimpleNamespace(tasks=[], looks=0, in_vain=0)
    stopping = threading.Event()

    def consume():
        with (
            Connection("memory://", transport=NAME) as connection,
            connection.Consumer([queue], callbacks=[lambda body, _message: taken.tasks.append(body)]),
        ):
            cycle: Any = connection.transport.cycle  # type: ignore[attr-defined]
            look = cycle.get

            def counted(*arguments, **named):
                taken.looks += 1
                return look(*arguments, **named)

            cycle.get = counted
            while not stopping.is_set():
                try:
                    connection.drain_events(timeout=600)
                except TimeoutError:
                    taken.in_vain += 1

    thread = threading.Thread(target=consume)
    thread.start()
    wait_until(lambda: taken.looks, "the first look")
    yield taken
    stopping.set()
    while thread.is_alive():  # it may be about to fall asleep
        wake_consumers()
        thread.join(0.05)


def test_a_consumer_sleeps_until_there_is_a_task(taken, queue):
    with Connection("memory://", transport=NAME) as connection:
        for number in range(3):
            connection.SimpleQueue(queue.name).put(number)
            wait_until(lambda: len(taken.tasks) > number, "the task")  # noqa: B023  # waited for here
    assert taken.tasks == [0, 1, 2]
    assert taken.looks < 20  # not one every few milliseconds


def test_a_consumer_that_is_to_stop_is_woken(taken):
    wait_until(lambda: wake_consumers() or taken.in_vain, "the consumer")
    assert taken.tasks == []


def test_who_waits_for_so_long_and_no_longer_is_told_that_there_is_nothing():
    with Connection("memory://", transport=NAME) as connection, pytest.raises(TimeoutError):
        connection.drain_events(timeout=0.01)
