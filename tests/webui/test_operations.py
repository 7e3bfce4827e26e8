"""What operators look at: metrics, request ids, logs."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from mindreader.catalog import Embedding, Job
from mindreader.catalog.models import now
from mindreader.observability.logs import TextLines, configure, json_lines, request_id
from mindreader.operations.worker_status import Heartbeat
from mindreader.settings import load_settings
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from tests.support.library import jpeg

TOKEN = {"Authorization": "Bearer a long token"}
DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def client(settings, services):
    """Of an app whose metrics may be read."""
    open_to_us = load_settings(
        {"MINDREADER_DATA_DIR": str(settings.data_dir), "MINDREADER_METRICS_TOKEN": "a long token"}
    )
    return create_app(Services(open_to_us, services.catalog, services.blobs, services.celery)).test_client()


def samples(client) -> dict[tuple, float]:
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_without_a_token_in_the_settings_there_are_no_metrics(app):
    assert app.test_client().get("/metrics", headers=TOKEN).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer another"}, {"Authorization": "Basic YTpi"}])
def test_with_another_token_they_stay_closed(client, headers):
    assert client.get("/metrics", headers=headers).status_code == 401


def test_a_persons_token_does_not_open_them(client, admin):
    assert client.get("/metrics", headers=admin.headers).status_code == 401


def test_they_agree_with_the_catalog(client, ann, finder, catalog):
    collection = ann.collection("Photos")
    photos = [ann.photo(collection, seed) for seed in (1, 2, 3)]
    with catalog.transaction() as session:
        session.execute(update(Embedding).where(Embedding.photo_id == photos[0]).values(state="indexed"))
        session.execute(update(Embedding).where(Embedding.photo_id == photos[1]).values(state="failed", error="broken"))
        session.add(Job(space_id=finder.version.space_id, last_photo_id=photos[-1]))
    Heartbeat("embed", "cpu", "embed@here:1").record(catalog, photos=2, seconds={"decode": 0.5, "infer": 1.25})
    found = samples(client)
    space = ("space", finder.version.space.key)
    assert found["mindreader_photos",] == 3
    assert found["mindreader_urgent_photos",] == 1
    assert [found["mindreader_embeddings", space, ("state", s)] for s in ("indexed", "failed", "pending")] == [1, 1, 1]
    assert found["mindreader_jobs", ("state", "running")] == 1
    assert found["mindreader_active_model", ("name", "first")] == 1
    worker = (("queue", "embed"), ("worker", "embed@here:1"))
    assert found["mindreader_worker_alive", *worker] == 1
    assert found["mindreader_worker_photos_total", *worker] == 2
    assert found["mindreader_embed_stage_seconds_total", ("queue", "embed"), ("stage", "infer"), worker[1]] == 1.25


def test_a_workers_seconds_add_up(client, catalog):
    heartbeat = Heartbeat("embed", "cpu", "embed@here:1")
    for _ in range(3):
        heartbeat.record(catalog, seconds={"decode": 0.5})
    labels = (("queue", "embed"), ("stage", "decode"), ("worker", "embed@here:1"))
    assert samples(client)["mindreader_embed_stage_seconds_total", *labels] == 1.5


def test_requests_and_searches_are_counted(client, ann, finder, sketch_png):
    for _ in range(2):
        sent = {"sketch": (io.BytesIO(sketch_png), "sketch.png")}
        assert client.post("/api/v1/searches", data=sent, headers=ann.headers).status_code == 200
    client.get("/api/v1/collections")
    found = samples(client)
    search = (("endpoint", "searches.search"), ("method", "POST"), ("status", "200"))
    assert found["mindreader_http_request_seconds_count", *search] == 2
    refused = (("endpoint", "collections.list_collections"), ("method", "GET"), ("status", "401"))
    assert found["mindreader_http_request_seconds_count", *refused] == 1
    assert found["mindreader_search_stage_seconds_count", ("stage", "total")] == 2


def test_the_dashboard_and_the_alerts_ask_for_metrics_there_are(client, ann, finder, catalog, sketch_png):
    Heartbeat("search", "cpu", "search@here:1").record(catalog, seconds={"decode": 1.0})
    with catalog.transaction() as session:
        session.add(Job(space_id=finder.version.space_id, last_photo_id=0, created_at=now()))
    ann.photo(ann.collection("Photos"))
    client.post("/api/v1/searches", data={"sketch": (io.BytesIO(sketch_png), "a.png")}, headers=ann.headers)
    there = {name for name, *_ in samples(client)}
    asked = set(re.findall(r"mindreader_\w+", (DEPLOY / "grafana" / "mindreader.json").read_text()))
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    asked |= {name for rule in rules for name in re.findall(r"mindreader_\w+", rule["expr"])}
    assert len(asked) > 10
    assert asked <= there


def test_a_request_has_an_id_everywhere(app, ann, caplog):
    given = {**ann.headers, "X-Request-ID": "from-the-browser-1"}
    with caplog.at_level(logging.DEBUG, "mindreader_webui.requests"):
        answer = app.test_client().get("/api/v1/photos/999", headers=given)
    assert answer.headers["X-Request-ID"] == answer.json["request_id"] == "from-the-browser-1"
    assert "GET /api/v1/photos/999: 404" in caplog.text


@pytest.mark.parametrize("given", [None, "short", "x" * 65, "with space in it", "<script>alert(1)</script>"])
def test_an_id_that_cannot_stand_in_a_log_is_replaced(app, given):
    headers = {} if given is None else {"X-Request-ID": given}
    answers = [app.test_client().get("/healthz", headers=headers) for _ in range(2)]
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)
    assert ids[0] != ids[1]


def test_a_line_of_json_says_what_which_request_and_what_went_wrong():
    held = request_id.set("request-1234")
    try:
        raise ValueError("an umlaut: ä, and a\nsecond line")
    except ValueError:
        record = logging.getLogger("mindreader.test").makeRecord(
            "mindreader.test", logging.ERROR, __file__, 1, "It %s", ("failed",), sys.exc_info()
        )
    record.request_id = request_id.get()
    line = json_lines().format(record)
    request_id.reset(held)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"]) == ("ERROR", "mindreader.test", "It failed")
    assert said["request_id"] == "request-1234"
    assert "ValueError: an umlaut: ä" in said["exception"]
    assert said["time"].endswith("+00:00")


@pytest.mark.parametrize("path", ["a%0a2026-01-01 ERROR forged", "a\r\nERROR", "\x1b[31mred", "a\u2028b"])
def test_nobody_writes_a_line_of_the_log(path):
    record = logging.getLogger("mindreader.test").makeRecord(
        "mindreader.test", logging.INFO, __file__, 1, "%s %s: 404", ("GET", unquote(path)), None
    )
    record.request = ""
    line = TextLines("%(levelname)s%(request)s %(message)s").format(record)
    assert line.isprintable()
    assert line.startswith("INFO GET ")


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_settings_say_how_lines_look(form, capsys, settings):
    before = logging.root.handlers[:], logging.root.level
    try:
        configure(load_settings({"MINDREADER_DATA_DIR": str(settings.data_dir), "MINDREADER_LOG_FORMAT": form}))
        held = request_id.set("request-1234")
        logging.getLogger("mindreader.test").info("hello")
        logging.getLogger("mindreader.test").debug("too much")
        request_id.reset(held)
        (line,) = capsys.readouterr().err.splitlines()
    finally:
        logging.root.handlers[:], logging.root.level = before
    if form == "json":
        assert json.loads(line)["message"] == "hello"
    else:
        assert line.endswith("INFO mindreader.test [request-1234] hello")


def test_no_secret_is_logged(ann, caplog):
    with caplog.at_level(logging.DEBUG):
        ann.upload(ann.collection("Photos"), jpeg(1))
    assert ann.headers["Authorization"].split()[1] not in caplog.text
