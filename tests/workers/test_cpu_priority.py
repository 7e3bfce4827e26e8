"""Embedding and reading folders stand below searches on a processor, by as much as an administrator says."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from mindreader_workers.cpu_priority import lower_cpu_priority
from tests.support.server import data_with, server
from tests.support.services import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere priorities do not belong to threads")

NICE = 17


def own_nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def after(*steps: int) -> int:
    """The priority of a thread that was given these, one after the other."""

    def lowered() -> int:
        for step in steps:
            lower_cpu_priority(step)
        return own_nice()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lowered).result()


def test_a_thread_is_lowered_alone():
    before = own_nice()
    assert after(NICE) == max(NICE, before)
    assert own_nice() == before


def test_no_thread_is_raised_which_only_root_may_do():
    assert after(NICE, 3) == max(NICE, own_nice())
    assert after(0) == own_nice()


def test_some_threads_of_a_server_have_the_priority_that_is_set_and_all_others_its_own(tmp_path, quick_bundle):
    with server(data_with(tmp_path, quick_bundle), MINDREADER_EMBED_NICE=str(NICE)) as started:
        own = os.getpriority(os.PRIO_PROCESS, started.process.pid)
        wait_until(lambda: priorities(started.process.pid) == {own, NICE}, "threads of a low priority")


def priorities(process: int) -> set[int]:
    """Of all threads of a process, which come and go."""
    found = set()
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(ProcessLookupError):
            found.add(os.getpriority(os.PRIO_PROCESS, int(task.name)))
    return found
