"""Memory for decoding is never given out twice, and comes in the order of asking."""

from __future__ import annotations

import threading

from mindreader.imaging.budget import MemoryBudget, default_budget
from tests.support.services import wait_until


class Takers:
    """Threads that hold some of a budget until they are told to let go."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self.holding: list[str] = []

    def begin(self, name: str, amount: int) -> threading.Event:
        end = threading.Event()

        def hold() -> None:
            with self.budget.taken(amount):
                self.holding.append(name)
                end.wait()

        threading.Thread(target=hold, daemon=True).start()
        return end


def waiting(budget: MemoryBudget, count: int) -> None:
    wait_until(lambda: len(budget._waiting) == count, f"{count} threads that wait for memory")


def test_who_must_wait_waits_in_order() -> None:
    takers = Takers(MemoryBudget(100))
    first = takers.begin("first", 60)
    wait_until(lambda: takers.holding == ["first"], "the first")
    large = takers.begin("large", 90)
    waiting(takers.budget, 1)
    takers.begin("small", 10)  # would fit now, but the large one asked before it
    waiting(takers.budget, 2)
    assert takers.holding == ["first"]
    first.set()
    wait_until(lambda: takers.holding == ["first", "large", "small"], "the other two")
    large.set()


def test_no_more_is_out_than_there_is() -> None:
    budget, most, now, lock = MemoryBudget(100), 0, 0, threading.Lock()

    def use(amount: int) -> None:
        nonlocal most, now
        for _ in range(20):
            with budget.taken(amount):
                with lock:
                    now += amount
                    most = max(most, now)
                with lock:
                    now -= amount

    threads = [threading.Thread(target=use, args=(amount,)) for amount in (10, 30, 60, 100, 45)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert now == 0
    assert most <= 100
    with budget.taken(100):  # all of it has come back
        pass


def test_the_default_is_a_share_of_this_machine_within_bounds() -> None:
    assert 192 * 2**20 <= default_budget() <= 640 * 2**20
