"""Picture files that ask for gigabytes or minutes, sent to the real server: refused by name, and nobody notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from mindreader.settings import load_settings
from mindreader_webui.server import server_in_background
from tests.support import bombs
from tests.support.server import client

BUDGET = 96 * 2**20
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "photo.webp": (lambda: bombs.webp(14_000), "14000 × 14000 pixels"),
    "photo.png": (lambda: bombs.png(14_000, 14_000), "14000 × 14000 pixels"),
    "photo.gif": (lambda: bombs.gif(65_535, 3_000), "65535 × 3000 pixels"),
    "photo.tiff": (lambda: bombs.tiff_of_strips(5_000_000), "memory"),
    "photo.jpg": (lambda: bombs.jpeg_of_scans(1_000, 2_000), "1000 passes"),
}


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[httpx.Client]:
    settings = load_settings(
        {
            "MINDREADER_DATA_DIR": str(folder / "data"),
            "MINDREADER_PORT": "0",
            "MINDREADER_DECODE_MEMORY": str(BUDGET),
            **more,
        }
    )
    with server_in_background(settings, None) as url, client(url, settings.data_dir) as api:
        yield api


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("bombs")) as api:
        yield api


def new_collection(api: httpx.Client, name: str = "Photos") -> int:
    return int(api.post("/collections", json={"name": name}).json()["id"])


def outcomes(api: httpx.Client, collection: int, files: dict[str, bytes]) -> dict[str, dict]:
    sent = [("file", (name, data)) for name, data in files.items()]
    answer = api.post(f"/collections/{collection}/photos", files=sent)
    assert answer.status_code == 200, answer.text
    return {outcome["file"]: outcome for outcome in answer.json()["outcomes"]}


def test_each_bomb_is_refused_by_name_and_the_photo_beside_it_is_taken(api: httpx.Client) -> None:
    files = {name: make() for name, (make, _) in BOMBS.items()} | {"good.png": bombs.png(64, 48)}
    found = outcomes(api, new_collection(api), files)
    assert found.pop("good.png")["status"] == "created"
    assert {name for name, outcome in found.items() if outcome["status"] == "rejected"} == set(BOMBS)
    for name, (_, words) in BOMBS.items():
        assert words in found[name]["reason"]


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_no_sketch(api: httpx.Client, name: str) -> None:
    answer = api.post("/searches", files={"sketch": ("sketch", BOMBS[name][0]())})
    assert answer.status_code in (413, 422)
    assert answer.json()["detail"]


def test_a_flood_of_the_largest_waits_in_order_and_is_taken_whole(api: httpx.Client) -> None:
    """More than fit at the same time: 25 megapixels of grey in sixteen bits take half of the budget."""
    collection = new_collection(api, "Flood")
    large = bombs.png(5_000, 5_000, colour_type=0, depth=16)

    def upload(number: int) -> str:
        name = f"{number}.png"
        return str(outcomes(api, collection, {name: large + str(number).encode()})[name]["status"])

    with ThreadPoolExecutor(12) as people:
        waiting = [people.submit(upload, number) for number in range(12)]
        for _ in range(10):  # meanwhile everybody else is served
            assert api.get("/collections").status_code == 200
        assert [each.result() for each in waiting] == ["created"] * 12


def test_a_picture_that_outruns_its_seconds_is_refused_once(tmp_path: Path) -> None:
    with serving(tmp_path, MINDREADER_DECODE_SECONDS="1", MINDREADER_IMAGE_MAX_PIXELS=str(10**12)) as api:
        found = outcomes(api, new_collection(api), {"slow.jpg": bombs.jpeg_of_scans(4_000, 4_000)})
        assert found["slow.jpg"]["status"] == "rejected"
        assert "longer than 1 seconds" in found["slow.jpg"]["reason"]
