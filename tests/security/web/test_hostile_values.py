"""A hostile value at every place of every request the OpenAPI document describes: each is refused or answered.

On SQLite and on PostgreSQL, which stores less. The answer is a problem document or the usual one, never a fault.
`make test` sends to every place a quarter of the values, to the next place another quarter; `make test-all` sends all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mindreader_webui.app import OPENAPI_PATH
from tests.support.databases import TEMPLATE, postgres_database
from tests.support.endpoints import BODIES, IDS, World, filled
from tests.support.hostile import (
    PATH_VALUES,
    QUERY_VALUES,
    Operation,
    Part,
    Shares,
    form_bodies,
    json_bodies,
    multipart,
    operations,
)
from tests.support.library import jpeg
from tests.support.web import Finder, given

SOUND_FIELDS = {
    ("POST", "/session"): {"name": "Ann", "password": "a wrong password"},
    ("POST", "/setup"): {"name": "Ann", "password": "a good password"},
}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory, migrated_file, celery, search_worker):
    yield from a_world(tmp_path_factory.mktemp("attacked"), celery, search_worker, template=migrated_file)


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory, postgres_url, celery, search_worker):
    with postgres_database(postgres_url, TEMPLATE) as url:
        yield from a_world(tmp_path_factory.mktemp("attacked"), celery, search_worker, database_url=url)


@pytest.fixture(
    params=[
        pytest.param(("attacked", 4), id="a quarter"),
        pytest.param(("attacked", 1), id="SQLite", marks=pytest.mark.slow),
        pytest.param(("on_postgres", 1), id="PostgreSQL", marks=pytest.mark.slow),
    ]
)
def attack(request):
    """With a share of the values, on a database."""
    world, share = request.param
    return Attack(request.getfixturevalue(world), share)


def a_world(folder, celery, search_worker, **where) -> Iterator[World]:
    world = World(folder, celery, "other, private", **where)
    search_worker.append(Finder(world.version))
    yield world
    world.close()


class Attack:
    """Sends requests as an administrator, and remembers those that were a fault of the server."""

    def __init__(self, world: World, share: int) -> None:
        """Attack a world with every so manieth value."""
        self.world, self.share, self.shares, self.sent = world, share, Shares(share), 0
        self.faults: dict[tuple[str, str], list[tuple[int, str]]] = {}

    def send(self, operation: Operation, address: str, **more) -> None:
        answer = self.world.admin.client.open(
            address, method=operation.method, headers=self.world.admin.headers, **more
        )
        self.sent += 1
        refused = answer.status_code >= 400 and answer.content_type != "application/problem+json"
        if answer.status_code >= 500 or refused:
            self.faults.setdefault((operation.method, operation.path), []).append((answer.status_code, str(more)[:200]))
        answer.close()

    def check(self, least: int) -> None:
        """Nothing was a fault, and no fewer were sent than a share of these."""
        assert self.faults == {}
        assert self.sent * self.share > least
        assert self.world.admin.get("/session").status_code == 200, "what was refused for want of a token says nothing"

    def address(self, operation: Operation, **instead: str) -> str:
        things = {name: str(self.world.ids[IDS[name]]) for name in operation.in_path}
        return operation.path.format(**things | instead)


def all_of(world: World) -> list[Operation]:
    """What removes things comes last: the others find them."""
    found = operations(given(world.app.test_client().get(OPENAPI_PATH)))
    return sorted(found, key=lambda each: each.method == "DELETE" or "delete" in each.path or "remove" in each.path)


def sound_fields(world: World, operation: Operation) -> dict:
    key = (operation.method, key_of(operation))
    return SOUND_FIELDS.get(key) or filled(BODIES[key], world.ids)


def key_of(operation: Operation) -> str:
    return operation.path.removeprefix("/api/v1").format(**{name: f"{{{IDS[name]}}}" for name in operation.in_path})


def sound_form(world: World, operation: Operation, sketch_png: bytes) -> dict[str, bytes]:
    versions = str(world.ids["m"]).encode()
    known = {"sketch": sketch_png, "file": jpeg(77), "bundle": b"PK", "name": b"new", "model_version_id": versions}
    return {name: content for name, content in known.items() if name in operation.form}


def test_in_json(attack):
    for operation in all_of(attack.world):
        if operation.fields:
            sound = sound_fields(attack.world, operation)
            for body in json_bodies(sound, operation.fields, attack.shares):
                attack.send(operation, attack.address(operation), data=body, content_type="application/json")
    attack.check(1200)


def queries(name: str) -> list[str]:
    """With one hostile value, or hostile in itself."""
    more = f"{name}=1&{name}=2", f"{name}[]=1", name, f"{name}==", f"&&{name}=1&", f"{name}%00=1"
    return [*(f"{name}={value}" for value in QUERY_VALUES), *more]


def test_in_queries(attack):
    for operation in all_of(attack.world):
        for name in operation.in_query:
            for query in attack.shares.of(queries(name)):
                attack.send(operation, attack.address(operation), query_string=query)
    attack.check(500)


def test_in_addresses(attack):
    for operation in all_of(attack.world):
        for name in operation.in_path:
            for value in attack.shares.of(PATH_VALUES):
                attack.send(operation, attack.address(operation, **{name: value}))
    attack.check(500)


def test_in_forms(attack, sketch_png):
    for operation in all_of(attack.world):
        if operation.form:
            sound = sound_form(attack.world, operation, sketch_png)
            for parts in form_bodies(sound, operation.form, attack.shares):
                kind = "multipart/form-data; boundary=sep"
                attack.send(operation, attack.address(operation), data=multipart(parts), content_type=kind)
    attack.check(200)


def broken_forms() -> Iterator[tuple[str, bytes]]:
    """Kind and body of forms that are none."""
    sound = multipart([Part(b'form-data; name="file"; filename="a.png"', b"x")])
    kind = "multipart/form-data; boundary=sep"
    for wrong in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=other"):
        yield wrong, sound
    yield "multipart/form-data; boundary=" + "x" * 5000, sound
    yield 'multipart/form-data; boundary="sep\\""', sound
    yield "multipart/mixed; boundary=sep", sound
    for body in (b"", b"--sep", b"--sep--", sound[:-8], sound.replace(b"\r\n", b"\n"), b"\0" * 1000, sound * 3):
        yield kind, body
    heads = (
        *(
            b"",
            b"form-data",
            b"form-data; name",
            b'form-data; name="',
            b"attachment",
            b'form-data; name="file"; filename=',
        ),
        *(b"form-data; name=\"file\"; filename*=utf-16''%ff", b"form-data; name*=x''%00", b'form-data; name="\xff"'),
        *(b'form-data; name="file"; filename*0="a"; filename*1="b"', b'form-data; name="' + b"n" * 70_000 + b'"'),
        b'form-data; name="file"; filename="a"\r\nContent-Type: text/plain; charset=nonsense',
        b'form-data; name="file"\r\nContent-Transfer-Encoding: base64',
        b'form-data; name="limit"\r\nContent-Type: text/plain; charset=utf-7',
        b'form-data; name="file"; filename="a"\r\nX: ' + b"y" * 100_000,
    )
    for head in heads:
        yield kind, multipart([Part(head, b"x")])
    for count in (500, 5000):
        yield kind, multipart([Part(b'form-data; name="f%d"' % number, b"x") for number in range(count)])
        yield kind, multipart([Part(b'form-data; name="file"; filename="a"', b"x")] * count)


def test_forms_that_are_none(attack):
    for operation in all_of(attack.world):
        if operation.form:
            for kind, body in attack.shares.of(list(broken_forms())):
                attack.send(operation, attack.address(operation), content_type=kind, data=body)
    attack.check(100)


KINDS = ["", "application/json; charset=nonsense", "application/json; charset=utf-7", "text/xml", "x" * 9000]


def test_bodies_of_another_kind(attack):
    for operation in all_of(attack.world):
        body = json.dumps(sound_fields(attack.world, operation)).encode() if operation.fields else b'{"a": 1}'
        sent = [(kind, each) for kind in KINDS for each in (body, body.decode().encode("utf-16"), b"+ADw-")]
        for kind, each in attack.shares.of(sent) if operation.method != "DELETE" else ():
            attack.send(operation, attack.address(operation), content_type=kind, data=each)
    attack.check(500)


@pytest.mark.parametrize("before", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z"])
def test_moments_beyond_the_calendar_are_its_first_and_its_last(attacked, before):
    attacked.restore()
    answer = attacked.ann.get(f"/collections/{attacked.ids['o']}/photos", query_string={"before": before})
    assert answer.status_code == 200
