"""Bodies are bounded before they are read: by the endpoint, and by who sends them."""

from __future__ import annotations

import re
import socket
import tempfile
from pathlib import Path

import httpx
import pytest

from mindreader_webui.access import SMALL_BODY
from mindreader_webui.connections import BoundedRequest
from tests.security.conftest import Target, answer_on
from tests.support.library import jpeg
from tests.support.photos import write_photos

MANY = 300 * 2**20
PIECE = bytes(2**20)


@pytest.fixture
def target(attacked):
    with attacked() as started:
        yield started


@pytest.fixture
def taken(monkeypatch) -> list[int]:
    """Bytes of each body at the moment when it was refused."""
    refused, refuse = [], BoundedRequest.refuse

    def noted(request: BoundedRequest) -> None:
        refused.append(request.body_bytes_received)
        refuse(request)

    monkeypatch.setattr(BoundedRequest, "refuse", noted)
    return refused


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def send(connection: socket.socket, total: int) -> int:
    """Sends so many bytes, unless the server ends it; returns how many went."""
    sent = 0
    try:
        while sent < total:
            sent += connection.send(PIECE)
    except ConnectionError:
        pass
    return sent


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/session", 413),
        ("POST", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/session", 405),
        ("POST", "/api/v1/collections/1/photos", 401),
        ("POST", "/api/v1/searches", 401),
        ("GET", "/healthz", 413),
        ("POST", "/nothing", 404),
    ],
)
def test_a_body_of_anybody_is_refused_by_its_length(target, taken, method, path, status):
    with target.connect() as connection:
        connection.sendall(head(method, path, f"Content-Length: {MANY}"))
        answer = answer_on(connection)  # without having sent any of it
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"100 Continue" not in answer
    if path.startswith("/api/"):
        assert b"application/problem+json" in answer
    assert taken == [0]


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/nothing", "/api/v1/collections/1/photos"])
def test_a_body_of_unknown_length_is_ended_at_the_limit(target, taken, path):
    with target.connect() as connection:
        connection.sendall(head("POST", path, "Transfer-Encoding: chunked") + f"{MANY:x}\r\n".encode())
        send(connection, MANY)
        answer = answer_on(connection)
    assert answer.split()[1] in (b"413", b"404", b"401")
    (bytes_taken,) = taken
    assert bytes_taken <= 3 * SMALL_BODY
    target.serves_others()


@pytest.mark.parametrize("endless", [b"0;" + b"a" * 2**20, b"1\r\na\r\n0\r\nX: " + b"a" * 2**20])
def test_a_chunk_line_without_end_is_refused(target, endless):
    headers = head("POST", "/api/v1/collections", f"Authorization: Bearer {target.token}", "Transfer-Encoding: chunked")
    with target.connect() as connection:
        connection.sendall(headers + endless[: 2 * SMALL_BODY])
        assert answer_on(connection).startswith(b"HTTP/1.1 400 ")


def test_whoever_waits_for_the_word_is_refused_before(target):
    with target.connect() as connection:
        connection.sendall(head("POST", "/api/v1/session", f"Content-Length: {MANY}", "Expect: 100-continue"))
        assert answer_on(connection).startswith(b"HTTP/1.1 413 ")
    with target.connect() as connection:
        connection.sendall(head("POST", "/api/v1/nothing", "Content-Length: 3", "Expect: 100-continue"))
        assert answer_on(connection).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "path", ["/api/v1/models", "/api/v1/collections/1/photos"], ids=["bundles beyond a gibibyte", "photos"]
)
def test_whoever_may_is_told_to_go_on(target, path):
    size = 3 * 2**30 if path.endswith("models") else 2**29
    token = f"Authorization: Bearer {target.token}"
    with target.connect() as connection:
        connection.sendall(head("POST", path, token, f"Content-Length: {size}", "Expect: 100-continue"))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_token_that_may_only_look_brings_nothing(target, taken):
    with target.api() as api:
        look = api.post("/tokens", json={"name": "look", "scope": "read"}).raise_for_status().json()["token"]
    with target.connect() as connection:
        token = f"Authorization: Bearer {look}"
        connection.sendall(head("POST", "/api/v1/collections/1/photos", token, f"Content-Length: {2**29}"))
        assert answer_on(connection).startswith(b"HTTP/1.1 403 ")
    assert taken == [0]


def test_nothing_is_left_of_what_was_refused(target):
    before = set(Path(tempfile.gettempdir()).iterdir())
    with target.connect() as connection:
        connection.sendall(head("POST", "/api/v1/nothing", f"Content-Length: {MANY}"))
        send(connection, MANY)
    assert not [path for path in set(Path(tempfile.gettempdir()).iterdir()) - before if path.stat().st_size > MANY]
    assert list((target.settings.data_dir / "uploads").iterdir()) == []


def test_who_sends_on_without_listening_still_gets_the_sentence(target):
    """As a browser does, and `mindreader import`: the whole body first, then the answer."""
    with target.connect() as connection:
        connection.sendall(head("POST", "/api/v1/session", f"Content-Length: {64 * 2**20}"))
        assert send(connection, 64 * 2**20) == 64 * 2**20
        assert b"larger than this server takes" in answer_on(connection)


def test_an_upload_beyond_the_limit_gets_the_sentence(attacked, tmp_path):
    with attacked(request_max_bytes=2**20) as target, target.api() as api:
        collection = api.post("/collections", json={"name": "Photos"}).raise_for_status().json()["id"]
        refused = api.post(f"/collections/{collection}/photos", files={"file": bytes(20 * 2**20)})
        assert (refused.status_code, "larger than this server takes" in refused.json()["detail"]) == (413, True)
        assert api.get("/collections").is_success


def test_a_large_upload_is_taken(target, tmp_path):
    photo = write_photos(tmp_path / "photos", 1)[0].read_bytes() + bytes(20 * 2**20)
    with target.api() as api:
        collection = api.post("/collections", json={"name": "Photos"}).raise_for_status().json()["id"]
        sent = api.post(f"/collections/{collection}/photos", files={"file": ("a.jpg", photo)}).raise_for_status()
    assert [outcome["status"] for outcome in sent.json()["outcomes"]] == ["created"]


def test_a_chunked_upload_is_taken(target):
    body, kind = httpx.Request("POST", "http://x", files={"file": ("a.jpg", jpeg(1) + bytes(2**20))}), "Content-Type"
    content = body.read()
    with target.api() as api:
        collection = api.post("/collections", json={"name": "Photos"}).raise_for_status().json()["id"]
        pieces = (content[start : start + 10_000] for start in range(0, len(content), 10_000))
        headers = {kind: body.headers[kind]}
        sent = api.post(f"/collections/{collection}/photos", content=pieces, headers=headers).raise_for_status()
    assert [outcome["status"] for outcome in sent.json()["outcomes"]] == ["created"]


def test_connections_are_kept_and_pipelines_answered_in_order(target):
    token = f"Authorization: Bearer {target.token}"
    requests = [
        head("GET", "/healthz"),
        head("POST", "/api/v1/collections", token, "Content-Type: application/json", "Content-Length: 12")
        + b'{"name":"x"}',
        head("GET", "/static/style.css"),
        head("GET", "/healthz", "Connection: close"),
    ]
    with target.connect() as connection:
        for _ in range(2):
            connection.sendall(head("GET", "/healthz"))
            heard = b""
            while not heard.endswith(b"\r\n\r\nok"):
                heard += connection.recv(65536)
        connection.sendall(b"".join(requests))
        answers = answer_on(connection)
    assert re.findall(rb"HTTP/1.1 (\d+) .*?\r\nContent-Type: ([a-z/]+)", answers, re.DOTALL) == [
        (b"200", b"text/plain"),
        (b"201", b"application/json"),
        (b"200", b"text/css"),
        (b"200", b"text/plain"),
    ]
    assert answers.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("line", ["Content-Length: " + "9" * 5000, "Content-Length: -1", "Host: ["])
def test_headers_that_say_nonsense_are_refused(target: Target, line):
    with target.connect() as connection:
        connection.sendall(f"GET http://[ HTTP/1.1\r\n{line}\r\n\r\n".encode())
        assert answer_on(connection).startswith(b"HTTP/1.1 400 ")
    target.serves_others()
