"""What holds for every response: problem documents, security headers, health, the OpenAPI document, no torch."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from openapi_spec_validator import validate

from mindreader.catalog import Catalog
from mindreader.operations.worker_status import Heartbeat, forget_workers, workers
from mindreader_webui.app import OPENAPI_PATH, create_app
from mindreader_webui.services import Services
from mindreader_webui.uploads import clear_leftovers
from tests.support.web import given

PROBLEM = {"type", "title", "status", "detail", "instance", "request_id"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("PUT", "/collections", 405), ("GET", "/setup", 405), ("GET", "/photos/1", 401)],
)
def test_errors_of_the_api_are_problem_documents(nobody, method, path, status):
    answer = nobody.ask(method, path)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json.keys() == PROBLEM
    assert (answer.json["status"], answer.json["instance"]) == (status, f"/api/v1{path}")
    assert answer.json["type"].startswith("urn:mindreader:problem:")


def test_a_wrong_method_names_the_right_ones(nobody):
    assert set(re.split(", ?", nobody.ask("PUT", "/collections").headers["Allow"])) >= {"GET", "POST"}


def test_json_that_is_too_large_is_refused(nobody):
    answer = nobody.post("/session", json={"name": "x" * 100_000, "password": "y"})
    assert answer.status_code == 413
    assert answer.content_type == "application/problem+json"


def test_a_request_above_the_limit_is_refused(services, ann):
    tight = services.settings.model_copy(update={"request_max_bytes": 1000})
    collection = ann.collection()
    ann.client = create_app(Services(tight, services.catalog, services.blobs, services.celery)).test_client()
    answer = ann.post(f"/collections/{collection}/photos", data={"file": (__file__, "a.jpg"), "pad": "x" * 2000})
    assert answer.status_code == 413


def test_an_unexpected_error_tells_nothing_of_the_inside(app, ann):
    app.view_functions["models.status"] = lambda: 1 / 0
    answer = ann.get("/status")
    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert "division" not in answer.text


def test_a_catalog_that_is_away_is_said_so(services, ann, tmp_path):
    empty = Catalog(f"sqlite:///{tmp_path}/empty.sqlite3")
    client = create_app(Services(services.settings, empty, services.blobs, services.celery)).test_client()
    answer = client.get("/api/v1/status", headers=ann.headers)
    assert answer.status_code == 503
    assert "catalog" in given(answer)["detail"]
    empty.close()


def test_every_response_carries_the_security_headers(app, nobody):
    for answer in (nobody.get("/status"), app.test_client().get("/healthz"), app.test_client().get(OPENAPI_PATH)):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_answers_about_a_user_are_kept_nowhere(ann):
    assert ann.get("/collections").headers["Cache-Control"] == "no-store"


def test_healthy_means_the_catalog_answers(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_a_broken_catalog_is_not_healthy(services, tmp_path):
    (tmp_path / "broken.sqlite3").write_bytes(b"this is no database, however long it may be" * 100)
    broken = Catalog(f"sqlite:///{tmp_path}/broken.sqlite3")
    client = create_app(Services(services.settings, broken, services.blobs, services.celery)).test_client()
    assert client.get("/healthz").status_code == 503
    assert client.get("/readyz").status_code == 503
    broken.close()


def test_ready_means_a_model_version_is_active_and_a_search_worker_works(client, catalog, request):
    assert client.get("/readyz").text == "no model version is active"
    request.getfixturevalue("version")
    assert client.get("/readyz").status_code == 503
    Heartbeat("search", "cpu").record(catalog)
    assert client.get("/readyz").status_code == 200


def test_not_ready_while_searches_fail_in_every_worker_and_nobody_is_told_where_things_lie(client, catalog, version):
    first, second = Heartbeat("search", "cpu", "search@here:1"), Heartbeat("search", "cpu", "search@here:2")
    first.record(catalog, error="The photo index could not be opened. [/var/lib/mindreader/index/1: it panicked]")
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").text == "searches fail: the page Workers says why"
    second.record(catalog)
    assert client.get("/readyz").text == "ok"
    second.record(catalog, error="another")
    assert client.get("/readyz").status_code == 503
    first.record(catalog)
    assert client.get("/readyz").text == "ok"


def test_not_ready_while_the_disk_is_full(client, catalog, version, monkeypatch):
    Heartbeat("search", "cpu").record(catalog)
    full = shutil.disk_usage("/")._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, "the disk is full")


def test_not_ready_once_the_last_search_worker_of_an_embedded_server_is_gone(client, catalog, version):
    """The next server's own workers count, not those of the one that was killed."""
    Heartbeat("search", "cpu").record(catalog)
    assert client.get("/readyz").text == "ok"
    forget_workers(catalog)
    assert client.get("/readyz").status_code == 503
    with catalog.snapshot() as session:
        assert workers(session) == []


def test_the_openapi_document_is_valid_and_open(client):
    answer = client.get(OPENAPI_PATH)
    assert answer.status_code == 200
    validate(answer.json)


def test_the_openapi_document_names_every_route_of_the_api(app, client):
    paths = client.get(OPENAPI_PATH).json["paths"]
    documented = {(path, method.upper()) for path, operations in paths.items() for method in operations}
    served = {
        (re.sub(r"<[^>]*:(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert documented == served


def test_the_openapi_document_says_how_errors_look_and_who_may_ask(client):
    for path, operations in client.get(OPENAPI_PATH).json["paths"].items():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["422"]["content"], path
            assert operation["summary"], path
            assert operation["security"], path


def test_the_command_line_loads_no_server_and_the_web_never_loads_torch(tmp_path):
    code = """
import sys
import mindreader_webui.commands
print([name for name in ("flask", "celery") if name in sys.modules])

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog
from mindreader.settings import load_settings
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from mindreader_webui.uploads import clear_leftovers
from mindreader_workers.celery_app import make_celery

settings = load_settings()
catalog = Catalog(settings.catalog_url)
catalog.migrate()
app = create_app(Services(settings, catalog, BlobStore(settings.blobs_root), make_celery(settings)))
assert app.test_client().get("/healthz").status_code == 200
print([name for name in ("torch", "torchvision", "timm") if name in sys.modules])
"""
    environment = {"MINDREADER_DATA_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["[]", "[]"]


@pytest.mark.parametrize(("broker", "left"), [("memory://", []), ("redis://localhost", ["new"])])
def test_what_a_killed_server_left_is_cleared_away(services, broker, left):
    """All of it, where no other process shares the folder."""
    folders = [services.settings.data_dir / name for name in ("uploads", "blobs/.temporary")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "old").write_bytes(b"left over")
        (folder / "new").write_bytes(b"perhaps arriving now in another process")
        os.utime(folder / "old", (0, 0))
    (folders[0] / "bundle").mkdir()
    os.utime(folders[0] / "bundle", (0, 0))
    clear_leftovers(services.settings.model_copy(update={"broker_url": broker}), services.blobs)
    assert [[file.name for file in folder.iterdir()] for folder in folders] == [left, left]
