"""Whether memory and file descriptors of a server level off: photos uploaded and deleted, sketches searched, for long.

    .venv/bin/python bench/soak.py --uploads 500 --searches 1000

The embedded server is a process of its own. Each photo is uploaded, embedded, deleted and purged (no trash); searches
go on between. At intervals it is looked at from outside: resident memory and open files of the server and of all
processes it started. What is said last: the highest of the second quarter and of the last quarter, for the first
quarter is warming up. `--json` prints the same as one JSON object.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TypedDict

import httpx
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from search import png

from tests.support.server import server

MEMORY_ROOM = 1.1
"""The last quarter may hold so many times the memory of the second."""
FILES_ROOM = 8
"""Open files it may hold beside those of the second: connections come and go."""
_AT_ONCE = 10
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Look:
    """The server and its children at one moment."""

    uploads: int
    searches: int
    seconds: float
    resident_mb: float
    open_files: int
    processes: int


class Verdict(TypedDict):
    """The highest of the second quarter, and of the last one."""

    resident_mb: list[float]
    open_files: list[int]
    levels_off: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=500)
    parser.add_argument("--searches", type=int, default=1000)
    parser.add_argument("--looks", type=int, default=20, help="How often the server is looked at.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        looks = list(soak(Path(folder) / "data", asked.uploads, asked.searches, asked.looks, aloud=not asked.json))
    found = verdict(looks)
    if asked.json:
        print(json.dumps({"looks": [asdict(look) for look in looks], **found}))
    else:
        say(found)
    sys.exit(not found["levels_off"])


def soak(data: Path, uploads: int, searches: int, looks: int, *, aloud: bool) -> Iterator[Look]:
    """Rounds of uploads, searches and deletions, and a look after each that is due."""
    data.mkdir()
    with server(data, MINDREADER_SEARCH_RATE="1000000/minute") as running, running.api() as api:
        collection = api.post("/collections", json={"name": "soak"}).raise_for_status().json()["id"]
        upload(api, collection, range(1_000_000, 1_000_000 + _AT_ONCE))  # searches find something throughout
        started, done = time.monotonic(), (0, 0)
        rounds = list(zip_longest(parts(uploads, looks), parts(searches, looks), fillvalue=range(0)))
        for some_uploads, some_searches in rounds:
            for start in range(some_uploads.start, some_uploads.stop, _AT_ONCE):
                photos = upload(api, collection, range(start, min(start + _AT_ONCE, some_uploads.stop)))
                api.post("/photos/delete", json={"photo_ids": photos}).raise_for_status()
            for seed in some_searches:
                api.post("/searches", files={"sketch": png(seed)}, data={"limit": "20"}).raise_for_status()
            settle(api)
            done = (done[0] + len(some_uploads), done[1] + len(some_searches))
            yield looked(running.process.pid, *done, time.monotonic() - started, aloud=aloud)


def parts(count: int, most: int) -> list[range]:
    """The numbers below `count` in at most so many ranges of nearly the same length."""
    number = min(most, max(count, 1))
    edges = [count * each // number for each in range(number + 1)]
    return [range(first, last) for first, last in pairwise(edges)]


def upload(api: httpx.Client, collection: int, numbers: range) -> list[int]:
    """Upload photos that nobody has uploaded before, and wait until they are embedded; their ids."""
    files = [("file", (f"{number}.jpg", photo(number))) for number in numbers]
    answer = api.post(f"/collections/{collection}/photos", files=files).raise_for_status().json()
    settle(api)
    return [each["photo_id"] for each in answer["outcomes"]]


def photo(number: int) -> bytes:
    """A JPEG of 960 × 720 pixels."""
    coarse = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((960, 720), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def settle(api: httpx.Client) -> None:
    """Wait until no photo waits to be embedded."""
    while True:
        counts = api.get("/status").raise_for_status().json()["embedding"]
        if counts["pending"] + counts["leased"] == 0:
            return
        time.sleep(0.05)


def looked(pid: int, uploads: int, searches: int, seconds: float, *, aloud: bool) -> Look:
    """What the operating system says of the process and those it started."""
    family = [pid, *descendants(pid)]
    memory = sum(resident_pages(each) for each in family) * _PAGE / 2**20
    look = Look(uploads, searches, round(seconds, 1), round(memory, 1), sum(map(open_files, family)), len(family))
    if aloud:
        print(
            f"{look.uploads:6} uploads {look.searches:6} searches {look.seconds:8.1f} s {look.resident_mb:9.1f} MB "
            f"{look.open_files:5} files {look.processes:3} processes",
            flush=True,
        )
    return look


def descendants(pid: int) -> Iterator[int]:
    """Processes that it started, and those that they started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it has ended
        return
    for child in children:
        yield child
        yield from descendants(child)


def resident_pages(pid: int) -> int:
    """Pages of memory it holds, without those it shares: every child shares the libraries."""
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    except OSError:
        return 0
    return resident - shared


def open_files(pid: int) -> int:
    """How many files and connections it has open."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0


def verdict(looks: Sequence[Look]) -> Verdict:
    """The second quarter against the last one."""
    quarter = max(1, len(looks) // 4)
    early, late = looks[quarter : 2 * quarter] or looks[:1], looks[-quarter:]
    memory = [max(look.resident_mb for look in part) for part in (early, late)]
    files = [max(look.open_files for look in part) for part in (early, late)]
    levels_off = memory[1] <= memory[0] * MEMORY_ROOM and files[1] <= files[0] + FILES_ROOM
    return {"resident_mb": memory, "open_files": files, "levels_off": levels_off}


def say(found: Verdict) -> None:
    """The same for people."""
    for name, (early, late) in (("MB of memory", found["resident_mb"]), ("open files", found["open_files"])):
        print(f"{name:12} at most {early:8} in the second quarter, {late:8} in the last")
    print("levels off" if found["levels_off"] else "does NOT level off")


if __name__ == "__main__":
    main()
