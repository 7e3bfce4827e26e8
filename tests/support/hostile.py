"""Values that nobody's form sends, for every place of a request that the OpenAPI document names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

DEEP = 20_000

# As they stand in JSON, which has no NaN, and in which Python cannot write most of these.
JSON_VALUES = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0", "-0.0", "0", "-1", "1.5", "1e3"),
    *("2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616"),
    *("9" * 400, "9" * 5000, "-" + "9" * 5000, "1." + "0" * 5000, "true", "false", "null"),
    *('""', '" "', r'"\u0000"', r'"a\u0000b"', r'"\ud800"', r'"\udfff\ud800"', r'"\u202e"', r'"\u200b"', r'"\r\n"'),
    *(json.dumps("x" * 40_000), json.dumps("💥" * 3000), json.dumps("é" * 300), '"\\ufeff"', '"\\uffff"'),
    *("[]", "{}", "[[]]", "[{}]", "[null]", "[NaN]", "[1e400]", r'["\ud800"]', r'["\u0000"]', "[9223372036854775808]"),
    *("[" * DEEP + "]" * DEEP, '{"a":' * 5000 + "1" + "}" * 5000, "[" + "1," * 5000 + "1]", '{"a": 1, "a": 2}'),
    *('"2024-13-45"', '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"9e99"', '"-62135596801"'),
    *('"../../etc/passwd"', '"\' OR 1=1 --"', '"%s%n{0}{name}"', '"<script>alert(1)</script>"', '"1_000"'),
)
# Within a list or an object, where pydantic looks at each as it does at a field.
INNER_VALUES = ("NaN", "1e400", "9" * 400, "-1", "null", "{}", r'"\u0000"', r'"\ud800"', "[" * 5000 + "]" * 5000)
WHOLE_BODIES = (
    *(b"", b"{", b"}", b"{}", b"[]", b"null", b"NaN", b'"text"', b"1", b'{"": 1}', b'{"__proto__": {"a": 1}}'),
    *(b'\xef\xbb\xbf{"name": "a"}', b'{"name": "\xff"}', b'{"name": "\xed\xa0\x80"}', '{"name": "a"}'.encode("utf-16")),
    *(b'{"name": "a"}{"name": "b"}', b"// a\n{}", b"\0" * 100, b"[" * 60_000, b'{"a":' * 10_000, b'{"n": "\\ud8"}'),
    *(b'{"name": "' + b"a" * 60_000, b"\xff\xfe\xfd" * 1000),
)
# As they stand in an address.
QUERY_VALUES = (
    *("", "%20", "NaN", "Infinity", "-Infinity", "1e400", "-1", "0", "1.5", "1e3", "2147483648", "9223372036854775808"),
    *("9" * 400, "9" * 5000, "%00", "1%00", "%FF", "%ED%A0%80", "%E2%80%AE", "%", "%zz", "%u0041", "%0d%0aX-Evil:1"),
    *("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z"),
    *("2024-02-30", "2024-06-30T23:59:60Z", "2024-01-01T00:00:00%2B99:99", "253402300800", "-62135596801", "9e99"),
    *(
        "%D9%A1%D9%A2",
        "%EF%BC%91",
        "1_000",
        "%201",
        "%2B1",
        "0x10",
        "true",
        "null",
        "[]",
        "%7B%7D",
        "1,2",
        "1-2147483647",
    ),
    *("1-" + "9" * 10, ",".join(["1"] * 3000), "x" * 20_000, "'%20OR%201=1%20--", "..%2F..%2Fetc%2Fpasswd"),
)
PATH_VALUES = (
    *("0", "-1", "1.0", "1e3", "NaN", "2147483648", "9223372036854775808", "9" * 5000, "00001", "+1", "1_0", "0x1"),
    *("%00", "1%00", "%FF", "%ED%A0%80", "1%2F..%2F2", "..", "%2e%2e", "..%2F..%2Fetc%2Fpasswd", "..%5c..%5c", "1;x"),
    *("%D9%A3", "%EF%BC%91", "%0d%0aX-Evil:1", "%E2%80%AE1", "1%20", "%", "'", "x" * 5000),
)
FORM_VALUES = (
    *(
        b"",
        b" ",
        b"\0",
        b"a\0b",
        b"\xff",
        b"\xed\xa0\x80",
        "\u202e".encode(),
        "\u200b".encode(),
        b"\r\n",
        b"x" * 100_000,
    ),
    *(b"NaN", b"Infinity", b"1e400", b"-1", b"1.5", b"9223372036854775808", b"9" * 5000, b"2147483647", b"true", b"[]"),
    *(b"0001-01-01", b"9999-12-31", b"10000-01-01", b"2024-02-30", b"253402300800", b"-62135596801", b"9e99"),
)
FILES = (b"", b"\0", b"not an image", b"\x89PNG\r\n\x1a\n", b"PK\x05\x06" + b"\0" * 18, b"\xff\xd8\xff\xe0", b"<svg/>")


class Shares:
    """Deals values to places, a share to each: the first place gets other ones than the second."""

    def __init__(self, share: int) -> None:
        """Deal every so manieth value; 1 is all of them."""
        self._share, self._dealt = share, 0

    def of(self, values: Sequence[T]) -> Sequence[T]:
        """For the next place."""
        self._dealt += 1
        return values[self._dealt % self._share :: self._share]


@dataclass(frozen=True)
class Part:
    """Of a multipart body."""

    head: bytes
    content: bytes


@dataclass(frozen=True)
class Operation:
    """One of the OpenAPI document, as far as its places are concerned."""

    method: str
    path: str
    in_path: tuple[str, ...]
    in_query: tuple[str, ...]
    fields: dict[str, Any] = field(hash=False)
    """Of a JSON body: name and schema."""
    form: dict[str, Any] = field(hash=False)
    """Of a multipart body: name and schema."""


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            parameters = described.get("parameters", ())
            content = described.get("requestBody", {}).get("content", {})
            yield Operation(
                method.upper(),
                path,
                tuple(each["name"] for each in parameters if each["in"] == "path"),
                tuple(each["name"] for each in parameters if each["in"] == "query"),
                _properties(document, content.get("application/json", {}).get("schema", {})),
                _properties(document, content.get("multipart/form-data", {}).get("schema", {})),
            )


def _properties(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    properties: dict[str, Any] = schema.get("properties", {})
    return properties


def json_bodies(sound: dict[str, Any], fields: dict[str, Any], shares: Shares) -> Iterator[bytes]:
    """The sound body with one hostile value at each place: each field, each thing in it, and a field nobody knows."""
    for name in [*fields, "unknown"]:
        for number, around in enumerate(_around(sound.get(name))):
            body = json.dumps(sound | {name: around("@hostile@")})
            for value in shares.of(INNER_VALUES if number else JSON_VALUES):
                yield body.replace('"@hostile@"', value).encode()
    yield from shares.of(WHOLE_BODIES)


def _around(sound: Any) -> Iterator[Any]:
    """The places in a sound value: itself, and wherever something stands in it."""
    yield lambda value: value
    if isinstance(sound, list):
        for number, each in enumerate(sound):
            for inner in _around(each):
                yield lambda value, n=number, i=inner: [*sound[:n], i(value), *sound[n + 1 :]]
    if isinstance(sound, dict):
        for name, each in sound.items():
            for inner in _around(each):
                yield lambda value, n=name, i=inner: sound | {n: i(value)}


def form_bodies(sound: dict[str, bytes], form: dict[str, Any], shares: Shares) -> Iterator[list[Part]]:
    """The sound parts with one hostile value in each field."""
    for name in [*form, "unknown"]:
        others = [part(other, content) for other, content in sound.items() if other != name]
        for value in FILES if name in ("file", "sketch", "bundle") else shares.of(FORM_VALUES):
            yield [*others, part(name, value)]
        yield others
        yield [*others, *[part(name, b"1")] * 30]


def part(name: str, content: bytes) -> Part:
    """A field, or a file where the field is one."""
    filename = b'; filename="a.png"' if name in ("file", "sketch", "bundle") else b""
    return Part(f'form-data; name="{name}"'.encode() + filename, content)


def multipart(parts: list[Part], boundary: bytes = b"sep") -> bytes:
    """The body; what the parts hold goes in as it is."""
    written = [b"--%s\r\nContent-Disposition: %s\r\n\r\n%s\r\n" % (boundary, each.head, each.content) for each in parts]
    return b"".join([*written, b"--%s--\r\n" % boundary])
