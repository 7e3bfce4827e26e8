"""What no client library sends, byte by byte to the real server: refused, nothing forged, and the next is answered."""

from __future__ import annotations

import contextlib
import re
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from mindreader.settings import load_settings
from mindreader_webui.server import server_in_background

PATHS = ("/", "/healthz", "/api/v1/session", "/api/v1/photos/1/thumbnail", "/static/app.js", "/nothing")
LONG = 300_000


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    settings = {
        "MINDREADER_DATA_DIR": str(tmp_path_factory.mktemp("raw") / "data"),
        "MINDREADER_PORT": "0",
        "MINDREADER_LOGIN_RATE": "100000/minute",
    }
    with server_in_background(load_settings(settings), None) as url:
        yield url


@pytest.fixture(autouse=True)
def still_there(url):
    yield
    assert httpx.get(f"{url}/healthz").text == "ok"


def say(url: str, request: bytes) -> bytes:
    """Everything the server answers until it ends the connection, or says nothing more."""
    where = urlsplit(url)
    assert where.hostname
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        answer = bytearray()
        with contextlib.suppress(ConnectionError):  # it may end the connection before all was said
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                answer += piece
        return bytes(answer)


def request(url: str, line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    host = b"Host: " + urlsplit(url).netloc.encode()
    return b"\r\n".join([line, host, b"Connection: close", *headers, b"", body])


def statuses(answer: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"^HTTP/1\.[01] (\d{3})", answer, re.MULTILINE)]


def refused(answer: bytes) -> bool:
    """No answer, or one that says what is wrong with the request; 501 is a coding the server does not know."""
    return all(400 <= status < 500 or status == 501 for status in statuses(answer))


@pytest.mark.parametrize(
    "method", [b"TRACE", b"TRACK", b"CONNECT", b"PROPFIND", b"DEBUG", b"get", b"GETT", b"X" * 5000, b"\x00"]
)
def test_methods_nobody_serves(url, method):
    for path in PATHS:
        answer = say(url, request(url, b"%s %s HTTP/1.1" % (method, path.encode()), b"X-Secret: nobody-may-see-this"))
        assert refused(answer), answer[:200]
        assert b"nobody-may-see-this" not in answer  # TRACE would repeat the headers, cookies among them


@pytest.mark.parametrize(
    "target",
    [
        b"/" + b"a" * LONG,
        b"/?" + b"a" * LONG,
        b"/" + b"%2e%2e/" * 5000,
        b"/?" + b"&a=b" * 30_000,
        b"/static/../../../../../../etc/passwd",
        b"/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        b"/static/..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
        b"/static/..%5c..%5c..%5cetc%5cpasswd",
        b"/static//etc/passwd",
        b"/static/%00",
        b"/static/app.js%00.png",
        b"/static/\xff\xfe",
        b"/%ff%fe%00",
        b"/\x00",
        b"/api/v1/photos/../../../healthz/x",
        b"nothing",
        b"*",
        b"",
        b"//",
        b"http://",
        b"http://[::1",
        b"http://evil.example:99999/",
        b"/\r\nX-Evil: 1",
        b"/%0d%0aX-Evil:%201",
        b"/library//1%0d%0aX-Evil:%201",
    ],
    ids=range(25),
)
def test_addresses_that_are_none_or_lead_elsewhere(url, target):
    answer = say(url, request(url, b"GET %s HTTP/1.1" % target))
    assert all(status < 500 or status == 501 for status in statuses(answer)), answer[:200]
    assert b"root:" not in answer
    assert b"\r\nx-evil" not in answer.lower()


HEADERS = {
    "cookies of great size": b"Cookie: mindreader_session=" + b"a" * 60_000,
    "many cookies": b"Cookie: " + b"; ".join(b"c%d=1" % number for number in range(5000)),
    "cookies that are none": b"Cookie: ;;=;mindreader_session=\xff\xfe;remember_token=1|\xff; \x00=\x00",
    "a remembered person": b"Cookie: remember_token=1|" + b"0" * 128,
    "a session of another kind": b"Cookie: mindreader_session=.eJw" + b"A" * 4000 + b".aAAAAA.AAAA",
    "a token of great size": b"Authorization: Bearer " + b"a" * 60_000,
    "a token that is none": b"Authorization: Bearer \xff\xfe\x00",
    "a token without an end": b"Authorization: Bearer",
    "another scheme": b'Authorization: Digest username="a", nonce=',
    "a basic one": b"Authorization: Basic \xff",
    "languages": b"Accept-Language: " + b",".join(b"x%d;q=0.%d" % (n, n) for n in range(3000)),
    "languages that are none": b"Accept-Language: ;q=NaN,*;q=1e400,de-\xff,\x00;q=-1",
    "a tag": b"If-None-Match: " + b'"a",' * 10_000,
    "a date": b"If-Modified-Since: Thu, 99 Foo 99999999999999999999 99:99:99 GMT",
    "a date beyond the calendar": b"If-Modified-Since: Fri, 31 Dec 9999 23:59:59 -2359",
    "a range": b"Range: bytes=-99999999999999999999999999",
    "many ranges": b"Range: bytes=" + b",".join(b"%d-%d" % (n, n) for n in range(5000)),
    "a range that is none": b"Range: bytes=5-1,\xff-",
    "what is taken": b"Accept: " + b"*/*;q=NaN," * 3000,
    "an id of a request": b"X-Request-ID: " + b"a" * 60_000,
    "a trace": b"traceparent: 00-" + b"f" * 5000 + b"-\xff-01",
    "a page's token": b"X-CSRFToken: \xff\xfe" + b"a" * 5000,
    "a referrer": b"Referer: http://[::1\xff",
    "another method": b"X-HTTP-Method-Override: TRACE",
    "a line that goes on": b"X-A: 1\r\n b\r\n\tc",
    "no name": b": value",
    "no colon": b"nonsense",
    "a space before the colon": b"X-A : 1",
    "NUL": b"X-A: \x00",
    "a bare CR": b"X-A: 1\rX-Evil: 1",
    "a great many": b"\r\n".join(b"X-%d: 1" % number for number in range(20_000)),
    "great size": b"X-A: " + b"a" * LONG,
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_headers(url, header):
    for path in PATHS:
        answer = say(url, request(url, b"GET %s HTTP/1.1" % path.encode(), header))
        assert all(status < 500 for status in statuses(answer)), answer[:300]
        assert len(statuses(answer)) <= 1
        assert b"\r\nx-evil" not in answer.lower()


JSON = b"Content-Type: application/json"
BODIES = {
    "two lengths": [b"Content-Length: 2", b"Content-Length: 50"],
    "a length and chunks": [b"Content-Length: 4", b"Transfer-Encoding: chunked"],
    "a negative length": [b"Content-Length: -1"],
    "a length that is none": [b"Content-Length: abc"],
    "a length with a sign": [b"Content-Length: +2"],
    "a length beyond 64 bits": [b"Content-Length: " + b"9" * 40],
    "a length of many digits": [b"Content-Length: " + b"9" * 5000],
    "another coding": [b"Transfer-Encoding: gzip, chunked"],
    "a hidden coding": [b"Transfer-Encoding: xchunked"],
    "a hidden line": [b"Transfer-Encoding:\x0bchunked"],
    "chunks of no size": [b"Transfer-Encoding: chunked"],
}
SMUGGLED = b"2\r\n{}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"


@pytest.mark.parametrize("headers", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("body", [SMUGGLED, b"zz\r\n{}\r\n", b"-1\r\n{}", b"f" * 100 + b"\r\n", b""], ids=range(5))
def test_bodies_that_end_in_two_places(url, headers, body):
    """A proxy that sees another end than the server does would hand somebody's request to somebody else."""
    answer = say(url, request(url, b"POST /api/v1/session HTTP/1.1", JSON, *headers, body=body))
    assert refused(answer), answer[:300]
    assert b"\r\n\r\nok" not in answer


NO_REQUESTS = {
    "lines": b"\r\n" * 1000,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "NUL": b"\x00" * 5000,
    "no end": b"GET /",
    "HTTP 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP 9": b"GET / HTTP/9.9\r\n\r\n",
    "spaces": b"GET  /  HTTP/1.1\r\n\r\n",
    "noise": b"\xff" * 5000,
}


@pytest.mark.parametrize("raw", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request(url, raw):
    assert all(status < 500 or status == 505 for status in statuses(say(url, raw)))


@pytest.mark.parametrize("token", [b"Bearer \xff", b"Basic \xff", b"Bearer", b"Bearer " + b"a" * 60_000, b"\xff \xff"])
def test_a_token_for_metrics_that_is_none(tmp_path, token):
    settings = {"MINDREADER_DATA_DIR": str(tmp_path / "data"), "MINDREADER_PORT": "0", "MINDREADER_METRICS_TOKEN": "x"}
    with server_in_background(load_settings(settings), None) as url:
        answer = say(url, request(url, b"GET /metrics HTTP/1.1", b"Authorization: " + token))
        assert statuses(answer) == [401]
