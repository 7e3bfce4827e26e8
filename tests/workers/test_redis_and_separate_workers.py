"""The same code with a Redis broker and a worker process of its own: only settings change."""

from __future__ import annotations

import subprocess
import sys

import pytest
from redis import Redis

from tests.support import programs
from tests.support.photos import write_photos
from tests.support.server import data_with, environment, server
from tests.support.services import wait_for_count, wait_until


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("separate")


@pytest.fixture(scope="module")
def worker(folder, redis_url, quick_bundle):
    """Reads and writes this data folder until the module is over."""
    data = data_with(folder, quick_bundle)
    # One process takes both queues: without a Qdrant server the photo index is a folder that one process opens.
    arguments = ["-A", "mindreader_workers.app", "worker", "--pool", "threads", "--concurrency", "2"]
    with (folder / "worker.log").open("w") as log:
        process = programs.start(
            [sys.executable, "-m", "celery", *arguments, "--queues", "embed,search"],
            env=environment(data, MINDREADER_BROKER_URL=redis_url),
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        yield data
        process.terminate()
        process.wait(timeout=300)


@pytest.fixture(scope="module")
def api(worker, redis_url):
    with server(worker, MINDREADER_BROKER_URL=redis_url) as web, web.api() as api:
        yield api


def test_an_upload_is_embedded_and_a_sketch_answered_by_the_other_process(api, tmp_path, sketch_png, redis_url):
    collection = api.post("/collections", json={"name": "Holidays"}).raise_for_status().json()["id"]
    paths = write_photos(tmp_path / "photos", 12)
    files = [("file", (path.name, path.read_bytes(), "image/jpeg")) for path in paths]
    api.post(f"/collections/{collection}/photos", files=files).raise_for_status()
    wait_for_count(lambda: _indexed(api, collection), 12, "embedding")
    answer = api.post("/searches", files={"sketch": sketch_png}, data={"limit": "5"}).raise_for_status().json()
    assert len(answer["results"]) == 5
    assert len(answer["readings"]) >= 1
    with Redis.from_url(redis_url) as redis:
        assert redis.keys("celery-task-meta-*") == [], "an answer is kept after it was read"


def test_the_id_of_a_request_stands_in_the_workers_log(api, folder, sketch_png):
    answer = api.post("/searches", files={"sketch": sketch_png}, headers={"X-Request-ID": "request-of-a-test"})
    assert answer.raise_for_status().headers["X-Request-ID"] == "request-of-a-test"
    log = folder / "worker.log"
    wait_until(lambda: "[request-of-a-test] mindreader.search: done" in log.read_text(), "the line")


def test_the_web_process_never_loads_torch_when_workers_run_elsewhere(tmp_path, redis_url):
    code = (
        "import sys; from mindreader.settings import load_settings; from mindreader_webui.server import prepare;"
        "from mindreader_webui.app import create_app; from mindreader_webui.commands.serve import workers_for;"
        "settings = load_settings(); create_app(prepare(settings)); assert workers_for(settings) is None;"
        "print('torch' in sys.modules)"
    )
    env = environment(tmp_path / "data", MINDREADER_BROKER_URL=redis_url)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def _indexed(api, collection) -> int:
    return int(api.get(f"/collections/{collection}").json()["embedding"]["indexed"])
