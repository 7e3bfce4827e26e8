"""What pictures cost to decode, and whether a flood of the largest leaves the server standing.

    .venv/bin/python bench/decoding.py
    .venv/bin/python bench/decoding.py --flood --sketch ../shared/data/sketches/….png

First, for each format: bytes a pixel at the peak of a decoder, and what was reckoned from the header. With `--flood`: a
server of its own, thirty uploads at once of the largest picture its budget takes, and searches before and meanwhile.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
import numpy as np
from PIL import Image

from mindreader.imaging import Decoders, decode_photo
from mindreader.imaging.budget import default_budget
from tests.support import bombs, raw_files
from tests.support.server import server
from tests.support.sketches import house_png

SIDE = 4000
KINDS: list[tuple[str, str, dict[str, object]]] = [
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    ("PNG", "L", {}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True, "method": 0}),
    ("GIF", "RGB", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("BMP", "RGB", {}),
    ("HEIF", "RGB", {}),
    ("AVIF", "RGB", {"speed": 10}),
    ("JXL", "L", {"effort": 3}),
    ("JXL", "RGB", {"effort": 3}),
    ("JXL", "RGB", {"effort": 1, "lossless": True}),
    ("JXL", "RGBA", {"effort": 3}),
    ("JXL", "I;16", {"effort": 1, "lossless": True}),
]
OFTEN = {"MINDREADER_SEARCH_RATE": "1000000/minute"}
UPLOADS = 30
SEARCHES = 20
MAX_PIXELS = 10**9


def main() -> None:
    """Read the command line; measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flood", action="store_true", help="Thirty uploads at once, in place of the formats.")
    parser.add_argument("--sketch", type=Path, help="Sketch to search with; without it, a drawn house.")
    asked = parser.parse_args()
    if asked.flood:
        flood(asked.sketch.read_bytes() if asked.sketch else house_png())
    else:
        formats()


def formats() -> None:
    """Bytes a pixel of each kind."""
    coarse = np.random.default_rng(0).integers(0, 255, (SIDE // 16, SIDE // 16, 4), np.uint8)
    picture = Image.fromarray(coarse, "RGBA").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    for name, mode, options in KINDS:
        measure({"format": name, "mode": mode, **options}, bombs.saved(_in_mode(picture, mode), name, **options))
    sensor = raw_files.sensor_values(picture)
    measure({"format": "DNG", "developed": True}, raw_files.raw_tiff(picture, is_dng=True, values=sensor))
    colours = np.asarray(picture.convert("RGB")).astype(np.uint16) << 6
    measure({"format": "DNG", "linear": True}, raw_files.raw_tiff(picture, is_dng=True, values=colours))


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    if mode != "I;16":
        return picture.convert(mode)
    return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) << 8)


def measure(kind: dict[str, object], data: bytes) -> None:
    """Print what a picture of `SIDE` pixels a side takes."""
    peak, reckoned = peak_bytes(data) / SIDE**2, reckoned_bytes(data) / SIDE**2
    print(json.dumps({**kind, "peak": round(peak, 2), "reckoned": round(reckoned, 2)}))


def reckoned_bytes(data: bytes) -> int:
    """What the header says."""
    told: list[int] = []
    decode_photo(data, max_pixels=MAX_PIXELS, min_side=512, reserve=lambda needed, _: told.append(needed))
    return told[0]


def peak_bytes(data: bytes) -> int:
    """What a decoder really takes, beside what an idle one has."""
    decoders = Decoders(memory=4 * 2**30, seconds=600, processes=1, max_pixels=MAX_PIXELS)
    try:
        decoders.photo_file(bombs.png(8, 8), 512)
        process = decoders._photos._decoders[0]._process
        assert process is not None
        before = memory_of(process.pid, "VmHWM")
        decoders.photo_file(data, 512)
        return memory_of(process.pid, "VmHWM") - before
    finally:
        decoders.close()


def memory_of(pid: int, field: str, file: str = "status") -> int:
    """Bytes of a process, as /proc tells them; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0)


def flood(sketch: bytes) -> None:
    """Thirty uploads of the largest picture at once, with searches meanwhile."""
    largest = largest_png(default_budget())
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "data", **OFTEN) as running:
        api = running.api()
        collection = api.post("/collections", json={"name": "Flood"}).json()["id"]
        searches(api, sketch, 5)
        quiet = searches(api, sketch, SEARCHES)
        watch = Watch(running.process.pid)
        with ThreadPoolExecutor(UPLOADS) as pool:
            started = time.monotonic()
            uploads = [pool.submit(upload, running.api(), collection, largest, n) for n in range(UPLOADS)]
            busy: list[float] = []
            while not all(each.done() for each in uploads):
                busy += searches(api, sketch, 1)
            seconds = time.monotonic() - started
        answers = [each.result() for each in uploads]
        print(
            json.dumps(
                {
                    "megapixels": round(largest[0] / 1e6, 1),
                    "uploads": len(answers),
                    "created": answers.count("created"),
                    "seconds": round(seconds, 1),
                    "peak_mb": round(watch.stop() / 2**20),
                    "search_ms_quiet": round(1000 * statistics.median(quiet)),
                    "search_ms_meanwhile": round(1000 * statistics.median(busy)),
                    "searches_meanwhile": len(busy),
                    "ratio": round(statistics.median(busy) / statistics.median(quiet), 2),
                }
            )
        )


def largest_png(budget: int) -> tuple[int, bytes]:
    """Pixels and bytes of a PNG with transparency that just fits."""
    side = 100 * int((budget / 4) ** 0.5 / 100)
    while reckoned_bytes(picture := bombs.png(side, side)) > budget:
        side -= 100
    return side * side, picture


def upload(api: httpx.Client, collection: int, picture: tuple[int, bytes], number: int) -> str:
    """Upload the picture, each time with other bytes behind it; the outcome."""
    files = {"file": (f"{number}.png", io.BytesIO(picture[1] + str(number).encode()), "image/png")}
    answer = api.post(f"/collections/{collection}/photos", files=files)
    return str(answer.json()["outcomes"][0]["status"]) if answer.status_code == 200 else str(answer.status_code)


def searches(api: httpx.Client, sketch: bytes, count: int) -> list[float]:
    """Seconds each of so many searches took."""
    seconds = []
    for _ in range(count):
        started = time.monotonic()
        answer = api.post("/searches", files={"sketch": ("sketch.png", sketch, "image/png")})
        assert answer.status_code == 200, answer.text
        seconds.append(time.monotonic() - started)
    return seconds


class Watch:
    """The most memory a process and its children took together: resident, pages they share counted once (Pss)."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._stop = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(0.1):
            family = [self._pid, *children(self._pid)]
            self._most = max(self._most, sum(memory_of(pid, "Pss:", "smaps_rollup") for pid in family))

    def stop(self) -> int:
        """Bytes."""
        self._stop.set()
        self._thread.join()
        return self._most


def children(pid: int) -> list[int]:
    """Processes a process has started."""
    found = []
    for task in Path(f"/proc/{pid}").glob("task/*"):
        with suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


if __name__ == "__main__":
    main()
