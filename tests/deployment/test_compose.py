"""docker-compose.yml fits its specification, and what it would start is known to start.

No container engine is needed: every service's own command runs as a plain process with the service's own environment;
only the names of the other hosts, the paths of secrets and the data folder are those of this machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.services import PostgresServer, RedisServer, free_port, postgres_programs, wait_for_count, wait_until
from tests.support.temporary import compiled_models

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COMPOSE = ROOT / "docker-compose.yml"
OURS = ("migrate", "web", "search", "embed", "embed-gpu", "learn")


@pytest.fixture(scope="module")
def compose() -> dict:
    text, count = COMPOSE.read_text(), 1
    while count:  # a default may itself be a variable
        text, count = re.subn(r"\$\{\w+:-([^${}]*)\}", r"\1", text)
    read: dict = yaml.safe_load(text)
    return read


def run(*command: object, **options: Any) -> subprocess.CompletedProcess:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, **options)


def test_it_fits_the_compose_specification():
    done = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_has_no_known_flaw():
    done = run(BIN / "hadolint", "--failure-threshold", "info", ROOT / "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_images_are_pinned_and_ours_run_as_nobody_special(compose):
    images = {name: service["image"] for name, service in compose["services"].items()}
    assert all(":" in image and not image.endswith(":latest") for image in images.values()), images
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "USER 10001:10001" in dockerfile
    assert re.findall(r"^FROM (\S*[:/]\S*)", dockerfile, re.MULTILINE) == ["python:${PYTHON}"]
    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-", dockerfile, re.MULTILINE)
    for name in OURS:
        service = compose["services"][name]
        assert service["image"].startswith("mindreader:")
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]


def test_only_the_web_server_and_the_proxy_can_be_reached_from_outside(compose):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8765:8765"], "proxy": ["80:80", "443:443"]}


def test_the_gpu_worker_does_what_the_other_one_does_on_a_gpu(compose):
    gpu, cpu = compose["services"]["embed-gpu"], compose["services"]["embed"]
    assert gpu["command"] == cpu["command"]
    assert gpu["profiles"] == ["gpu"]
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    decoding = {"MINDREADER_DECODE_PROCESSES": "8", "MINDREADER_DECODE_MEMORY": str(4 * 2**30)}
    more = {"MINDREADER_DEVICE": "cuda", **decoding}
    assert gpu["environment"] == {**cpu["environment"], **more}


def test_secrets_are_made_once_and_fit_each_other(compose, tmp_path):
    folder = tmp_path / "secrets"
    assert run("sh", ROOT / "deploy" / "make_secrets.sh", folder).returncode == 0
    made = {path.name: path.read_text() for path in folder.iterdir()}
    wanted = {Path(secret["file"]).name for secret in compose["secrets"].values()}
    assert made.keys() == wanted
    assert f":{made['postgres_password']}@postgres:5432/" in made["database_url"]
    assert yaml.safe_load(made["qdrant_config.yaml"]) == {"service": {"api_key": made["qdrant_api_key"]}}
    assert folder.stat().st_mode & 0o077 == 0
    run("sh", ROOT / "deploy" / "make_secrets.sh", folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


@pytest.fixture
def hosts(tmp_path, qdrant_server):
    """The servers that compose would start, here; by the environment variables that lead to them."""
    if not postgres_programs():
        pytest.skip("PostgreSQL is not installed: `make system-packages`")
    redis, postgres = RedisServer(), PostgresServer(postgres_programs())
    secrets = {"database_url": postgres.url, "qdrant_api_key": qdrant_server.key, "s3_credentials": ""}
    for name, content in secrets.items():
        (tmp_path / name).write_text(content + "\n")
    yield {"redis://redis:6379/0": redis.url, "http://qdrant:6333": qdrant_server.url}
    redis.close()
    postgres.close()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(compose, hosts, port, tmp_path):
    """Starts a service's command as it stands in the file."""
    started: list[subprocess.Popen] = []
    image = {
        "MINDREADER_DATA_DIR": str(tmp_path / "data"),
        "MINDREADER_PORT": str(port),
        # Beside all other tests a low priority would get next to nothing, and making models takes longest.
        "MINDREADER_EMBED_NICE": "0",
        "MINDREADER_COMPILED_MODELS": str(compiled_models()),
    }

    def environment(service: dict) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MINDREADER_", "AWS_"))}
        given = {name: str(value) for name, value in service["environment"].items() if value is not None}
        here = {name: hosts.get(value, value.replace("/run/secrets", str(tmp_path))) for name, value in given.items()}
        return clean | image | here | {"PATH": f"{BIN}:{os.environ['PATH']}"}

    def start_service(name: str, *command: str) -> subprocess.Popen:
        service = compose["services"][name]
        with (tmp_path / f"{name}.log").open("a") as log:
            started.append(
                subprocess.Popen(
                    command or service["command"], env=environment(service), cwd=tmp_path, stdout=log, stderr=log
                )
            )
        return started[-1]

    yield start_service
    for process in reversed(started):
        process.terminate()
    for process in started:
        process.wait(timeout=300)


@pytest.mark.slow
def test_what_it_starts_takes_a_photo_and_finds_it(start, port, tmp_path, sketch_png):
    assert start("migrate").wait(timeout=300) == 0, (tmp_path / "migrate.log").read_text()
    for name in ("web", "search", "embed"):
        start(name)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: _is_ok(f"{url}/readyz"), "a search worker that works")
    token = (tmp_path / "data" / "secrets" / "local_token").read_text()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=300) as api:
        patron = Patron(api)
        assert patron.upload(write_photos(tmp_path / "photos", 12))
        wait_for_count(patron.indexed, 12, "embedding")
        assert patron.found(sketch_png) == set(patron.record.created)
    for name, service in (("web", []), ("search", ["--worker", "search"]), ("embed", ["--worker", "embed"])):
        assert start(name, "mindreader", "health", *service).wait(timeout=300) == 0


@pytest.mark.slow
def test_a_worker_that_is_not_there_is_not_healthy(start):
    assert start("migrate").wait(timeout=300) == 0
    assert start("embed", "mindreader", "health", "--worker", "embed").wait(timeout=300) == 1
    assert start("web", "mindreader", "health").wait(timeout=300) == 1


def _is_ok(address: str) -> bool:
    try:
        return httpx.get(address).is_success
    except httpx.HTTPError:
        return False
