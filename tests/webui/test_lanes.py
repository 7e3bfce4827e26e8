"""Request threads by lanes: what takes long holds its share, in order, and never the rest."""

from __future__ import annotations

import threading

import pytest

from mindreader_webui.access import AppGate
from mindreader_webui.lanes import Lane, LaneDispatcher, shares
from tests.support.services import wait_until
from tests.support.web import access_of

LARGE = 64 * 2**20  # a sketch is none: who sends one waits for a search worker


class Errand:
    """Begins, and ends when told."""

    def __init__(self, name: str, begun: list[str]) -> None:
        self.name, self.begun, self.end = name, begun, threading.Event()

    def service(self) -> None:
        self.begun.append(self.name)
        assert self.end.wait(300)

    def cancel(self) -> None:
        raise AssertionError("nothing is cancelled here")


@pytest.fixture
def begun() -> list[str]:
    return []


@pytest.fixture
def dispatcher():
    made = LaneDispatcher(8)
    yield made
    made.shutdown()


def send(dispatcher, begun, lane: Lane, count: int) -> list[Errand]:
    errands = [Errand(f"{lane.name} {number}", begun) for number in range(count)]
    for errand in errands:
        dispatcher.add_task(errand, lane)
    return errands


@pytest.mark.parametrize(
    ("threads", "expected"), [(2, (2, 2, 1, 1)), (4, (4, 4, 2, 1)), (8, (8, 7, 4, 2)), (16, (16, 14, 8, 4))]
)
def test_shares(threads, expected):
    assert shares(threads) == expected


def test_each_lane_holds_its_share_with_those_below(dispatcher, begun):
    errands = [errand for lane in reversed(Lane) for errand in send(dispatcher, begun, lane, 10)]
    wait_until(lambda: len(begun) == 8, "all threads to be busy")
    held = {lane: sum(name.startswith(lane.name) for name in begun) for lane in Lane}
    assert held == {Lane.DOWNLOAD: 2, Lane.LONG: 2, Lane.WORKER: 3, Lane.QUICK: 1}
    for errand in errands:
        errand.end.set()
    wait_until(lambda: len(begun) == 40, "all errands to begin")
    for lane in Lane:
        assert [name for name in begun if name.startswith(lane.name)] == [f"{lane.name} {n}" for n in range(10)]


def test_an_errand_that_fails_makes_room_too(dispatcher, begun):
    class Failing(Errand):
        def service(self) -> None:
            self.begun.append(self.name)
            raise RuntimeError("as a view that fails")

    for number in range(10):
        dispatcher.add_task(Failing(str(number), begun), Lane.DOWNLOAD)
    wait_until(lambda: len(begun) == 10, "all of them to have been tried")


def test_whatever_takes_large_bodies_is_long(app, settings):
    large = {name for name in app.view_functions if access_of(app, name).body_limit(settings) > LARGE}
    assert large == {name for name in large if access_of(app, name).lane >= Lane.LONG}
    assert large


@pytest.mark.parametrize(
    ("method", "path", "lane"),
    [
        ("GET", "/api/v1/photos/archive", Lane.DOWNLOAD),
        ("POST", "/api/v1/collections/1/photos", Lane.LONG),
        ("POST", "//api/v1/collections/1/photos", Lane.LONG),
        ("GET", "/api/v1/collections/1/photos", Lane.QUICK),
        ("POST", "/api/v1/models", Lane.LONG),
        ("POST", "/api/v1/searches", Lane.WORKER),
        ("GET", "/healthz", Lane.QUICK),
        ("GET", "/nothing", Lane.QUICK),
        ("BREW", "/api/v1/models", Lane.QUICK),
        ("GET", "/library//1", Lane.QUICK),
    ],
)
def test_the_lane_of_a_request(app, method, path, lane):
    assert AppGate(app).lane(method, path) == lane
