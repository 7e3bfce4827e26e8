"""Clients that send or read slowly, or not at all: they are let go in time, and everybody else is served meanwhile."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from mindreader_webui.api.collections import upload_photos
from mindreader_webui.connections import Patience
from mindreader_workers import client
from tests.security.conftest import Target, is_closed
from tests.support.library import jpeg

SHORT = Patience(headers=2, body=2, reading=2, idle=2, farewell=2, pace=1000)
LARGE = 20 * 2**20
ATTACKERS = 40


def head(target: Target, method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {target.token}", *headers, "", ""]
    return "\r\n".join(lines).encode()


@contextlib.contextmanager
def connections(target: Target, count: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(target.connect(receive_buffer=4096)) for _ in range(count)]
        for connection in opened:
            with contextlib.suppress(ConnectionError):  # it may have been let go already
                connection.sendall(sent)
        yield opened


@contextlib.contextmanager
def trickle(opened: list[socket.socket], piece: bytes) -> Iterator[None]:
    """Sends a piece on each connection twice a second."""
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.5):
            for connection in opened:
                with contextlib.suppress(OSError):
                    connection.send(piece)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def open_files(part: str) -> int:
    """How many files with this in their path the server has open."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += part in str(link.readlink())
    return found


def collection_of(api: httpx.Client) -> int:
    return int(api.post("/collections", json={"name": "Photos"}).raise_for_status().json()["id"])


def upload(target: Target, collection: int, seed: int, size: int = 0) -> str:
    with target.api() as api:
        sent = api.post(f"/collections/{collection}/photos", files={"file": (f"{seed}.jpg", jpeg(seed) + bytes(size))})
    return str(sent.raise_for_status().json()["outcomes"][0]["status"])


def archive_of(target: Target, count: int) -> str:
    """The address of a zip file with so many large photos."""
    with target.api() as api:
        collection = collection_of(api)
    assert {upload(target, collection, seed, LARGE) for seed in range(count)} == {"created"}
    with target.api() as api:  # the connection above may have waited too long
        photos = api.get(f"/collections/{collection}/photos").json()["photos"]
    return "/api/v1/photos/archive?ids=" + ",".join(str(photo["id"]) for photo in photos)


def test_headers_that_never_end(attacked):
    with (
        attacked(SHORT) as target,
        connections(target, ATTACKERS, b"GET / HTTP/1.1\r\nX: ") as opened,
        trickle(opened, b"a"),
    ):
        target.serves_others()
        assert all(map(is_closed, opened))


def test_a_body_that_comes_byte_by_byte(attacked):
    with attacked(SHORT) as target:
        start = head(target, "POST", "/api/v1/collections/1/photos", "Content-Length: 10000000")
        with connections(target, ATTACKERS, start) as opened, trickle(opened, b"a"):
            target.serves_others()
            assert all(map(is_closed, opened))


def test_connections_on_which_nothing_is_asked(attacked):
    with attacked(SHORT) as target, connections(target, ATTACKERS) as opened:
        target.serves_others()
        assert all(map(is_closed, opened))


def test_more_connections_than_there_are(attacked):
    """Those that have waited longest make room, whatever their time; who is known and sends goes last."""
    with attacked(Patience(connections=50)) as target:
        start = head(target, "POST", "/api/v1/collections/1/photos", "Content-Length: 10000000")
        with (
            connections(target, 1, start + bytes(100_000)) as known,
            connections(target, 3 * ATTACKERS, b"GET") as opened,
        ):
            for _ in range(5):
                target.serves_others()
            assert all(map(is_closed, opened[:ATTACKERS]))
            known[0].settimeout(0.1)
            with pytest.raises(TimeoutError):
                known[0].recv(1)


@pytest.mark.slow
def test_zip_files_that_nobody_reads(attacked, sketch_png):
    """They hold their share of the threads, and that not for ever."""
    with attacked(SHORT, workers=True) as target:
        path = archive_of(target, 3)
        with connections(target, 17, head(target, "GET", path)) as opened:
            target.serves_others()
            with target.api() as api:
                api.post("/searches", files={"sketch": sketch_png}).raise_for_status()
            assert all(map(is_closed, opened))
        with target.api() as api:
            assert len(api.get(target.url + path).raise_for_status().content) > 3 * LARGE
        assert open_files("/originals/") == 0


def test_originals_that_nobody_reads(attacked):
    with attacked(SHORT) as target:
        archive_of(target, 1)
        start = head(target, "GET", "/api/v1/photos/1/original")
        with connections(target, ATTACKERS, start) as opened:
            target.serves_others()
            assert all(map(is_closed, opened))
        assert open_files("/originals/") == 0


def test_many_requests_at_once_whose_answers_nobody_reads(attacked):
    """One answer of a connection is under way at a time: they pile up neither in threads nor as open files."""
    with attacked(Patience()) as target:
        start = head(target, "GET", "/static/style.css") * 300
        with connections(target, ATTACKERS, start):
            for _ in range(5):
                target.serves_others()
            assert open_files("style.css") <= ATTACKERS


# How fast somebody reads is looked at in the same place, whatever is sent.
@pytest.mark.parametrize("count", [pytest.param(1, id="original", marks=pytest.mark.slow), pytest.param(2, id="zip")])
def test_a_slow_reader_gets_everything(attacked, count):
    with attacked(SHORT) as target:
        archive = archive_of(target, count)
        start = head(target, "GET", "/api/v1/photos/1/original" if count == 1 else archive, "Connection: close")
        with target.connect() as connection:
            connection.sendall(start)
            received = 0
            for _ in range(30):  # for half as long again as one that takes nothing is waited for
                received += len(connection.recv(20_000))
                time.sleep(0.1)
            while piece := connection.recv(2**20):
                received += len(piece)
    assert received > count * LARGE


def test_a_slow_sender_is_heard(attacked):
    with attacked(SHORT) as target:
        body = b'{"name": "' + b"x" * 30 + b'"}'
        padded = b" " * 14_000 + body
        with target.connect() as connection:
            kind, length = "Content-Type: application/json", f"Content-Length: {len(padded)}"
            connection.sendall(head(target, "POST", "/api/v1/collections", kind, length))
            for start in range(0, len(padded), 1000):  # for longer than one that brings nothing is heard
                time.sleep(0.2)
                connection.sendall(padded[start : start + 1000])
            assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_uploads_that_wait_keep_nobody_from_anything(attacked, monkeypatch):
    """As for memory to decode their pictures in: they wait, and in the end each is taken."""
    go_on = threading.Event()
    module = sys.modules[upload_photos.__module__]
    add_photo = module.add_photo

    def wait_first(*arguments, **more):
        assert go_on.wait(300)
        return add_photo(*arguments, **more)

    monkeypatch.setattr(module, "add_photo", wait_first)
    with attacked() as target, ThreadPoolExecutor(30) as people, target.api() as api:
        collection = collection_of(api)
        waiting = [people.submit(upload, target, collection, seed) for seed in range(30)]
        try:
            for _ in range(5):
                target.serves_others()
            assert not any(each.done() for each in waiting)
        finally:
            go_on.set()
        assert [each.result() for each in waiting] == ["created"] * 30


def test_searches_that_nobody_answers_keep_nobody_from_anything(attacked, sketch_png, monkeypatch):
    """Whoever works in this process for other tests does not look into that queue."""
    monkeypatch.setattr(client, "SEARCH_QUEUE", "nobody")
    with attacked(search_timeout=2) as target, ThreadPoolExecutor(30) as people:

        def search(_: int) -> int:
            with target.api() as api:
                return int(api.post("/searches", files={"sketch": sketch_png}).status_code)

        waiting = [people.submit(search, number) for number in range(30)]
        target.serves_others()
        assert not all(each.done() for each in waiting)
        assert {each.result() for each in waiting} == {503}
