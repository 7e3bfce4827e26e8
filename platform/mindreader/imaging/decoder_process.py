"""The program that decodes: one picture at a time, in a process that may be killed without anybody else noticing.

`mindreader.imaging.decoders` starts it with the descriptor of a socket and sends a task as JSON, followed by the
picture's bytes unless it names a file. The answers are JSON too, for a decoder that a picture has taken over must not
be believed: first the memory the picture takes; then, once told to go on, what was made of it and its bytes.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from mindreader.boxes import Box
from mindreader.errors import InvalidInputError, PhotoRejectedError
from mindreader.host.machine import give_memory_back
from mindreader.imaging import rejections
from mindreader.imaging.arrays import photo_array, photo_pixels
from mindreader.imaging.costs import Size
from mindreader.imaging.decode import DecodedPhoto, Reserve, decode_photo
from mindreader.imaging.fingerprints import fingerprint
from mindreader.imaging.sketches import ReadDrawing, Reading, read_drawing, shrunk
from mindreader.imaging.thumbnails import encoded, make_thumbnail, small_copy

FREE_BYTES = 48 * 2**20
"""Memory a picture may take without asking, header and tables included."""
_SLACK_BYTES = 64 * 2**20
_KEPT_BYTES = 8 * 2**20
"""Kept for the next picture: giving it back, and getting it again, takes a third of the time of a small one."""
_POLITE = 5
"""Steps of priority below the processes people wait for."""

Made = tuple[dict[str, Any], bytes]


def main() -> None:
    """Decode until the other end of the socket is closed."""
    for sent_to_all in (signal.SIGINT, signal.SIGTERM):  # a server finishes its pictures before it stops
        signal.signal(sent_to_all, signal.SIG_IGN)
    if "--polite" in sys.argv:
        os.nice(_POLITE)
    with suppress(EOFError, ConnectionError), Connection(int(sys.argv[1])) as connection:
        while True:
            _serve(connection)


def _serve(connection: Connection) -> None:
    task = json.loads(connection.recv_bytes())
    source = Path(task["path"]) if task["path"] else connection.recv_bytes()
    _limit_seconds(task["seconds"])
    _limit_memory(FREE_BYTES)
    reserve = _Reserve(connection, task["memory"])
    answer, payload = _done(reserve, task, source)
    _limit_memory(None)
    connection.send_bytes(json.dumps(answer).encode())
    connection.send_bytes(payload)
    del source, payload
    if reserve.needed > _KEPT_BYTES:
        give_memory_back()


class _Reserve:
    """Asks for the memory a picture needs, where it is much."""

    def __init__(self, connection: Connection, most: int) -> None:
        self.needed = 0
        self._connection, self._most = connection, most

    def __call__(self, needed: int, size: Size) -> None:
        self.needed = max(self.needed, needed)
        if needed <= FREE_BYTES:
            return
        if needed > self._most:
            raise PhotoRejectedError(rejections.too_much_memory(needed, self._most, size))
        self._connection.send_bytes(json.dumps({"needs": needed}).encode())
        self._connection.recv_bytes()
        _limit_memory(needed)


def _done(reserve: Reserve, task: dict[str, Any], source: bytes | Path) -> Made:
    try:
        return _TASKS[task["name"]](source, task, reserve)
    except InvalidInputError as error:
        return {"rejected": error.detail.packed()}, b""
    except MemoryError:
        return {"no_memory": True}, b""
    except OSError as error:
        return {"os_error": [error.errno, error.strerror or str(error)]}, b""


def _thumbnail(source: bytes | Path, task: dict[str, Any], reserve: Reserve) -> Made:
    side = task["side"]
    photo = decode_photo(source, max_pixels=task["max_pixels"], min_side=side, reserve=reserve)
    small = small_copy(photo.image, side)
    return _told(photo) | {"fingerprint": fingerprint(small).hex()}, encoded(small)


def _told(photo: DecodedPhoto) -> dict[str, Any]:
    dates = {source: moment.isoformat() for source, moment in photo.dates.items()}
    return {"width": photo.width, "height": photo.height, "media_type": photo.media_type, "dates": dates}


def _pixels(source: bytes | Path, task: dict[str, Any], reserve: Reserve) -> Made:
    side = task["side"]
    photo = decode_photo(source, max_pixels=task["max_pixels"], min_side=side, reserve=reserve)
    return {}, photo_array(photo.image, side).tobytes()


def _region(source: bytes | Path, task: dict[str, Any], reserve: Reserve) -> Made:
    box, side = Box(*task["box"]), task["side"]
    least = math.ceil(side / min(box.right - box.left, box.bottom - box.top))
    photo = decode_photo(source, max_pixels=task["max_pixels"], min_side=least, reserve=reserve)
    return {}, photo_array(photo.image, side, box).tobytes()


def _proportional(source: bytes | Path, task: dict[str, Any], reserve: Reserve) -> Made:
    side = task["side"]
    photo = decode_photo(source, max_pixels=task["max_pixels"], min_side=side, reserve=reserve)
    pixels = photo_pixels(photo.image, side)
    return {"shape": pixels.shape}, pixels.tobytes()


def _camera(source: bytes | Path, task: dict[str, Any], reserve: Reserve) -> Made:
    photo = decode_photo(source, max_pixels=task["max_pixels"], min_side=task["side"], reserve=reserve)
    return asdict(photo.camera), b""


def _fingerprint(source: bytes | Path, task: dict[str, Any], reserve: Reserve) -> Made:
    photo = decode_photo(source, max_pixels=task["max_pixels"], reserve=reserve)
    return {}, fingerprint(photo.image)


def _sketch(source: bytes | Path, task: dict[str, Any], reserve: Reserve) -> Made:
    image = shrunk(_drawing(source, task, reserve).strokes)
    return {"size": image.size}, image.tobytes()


def _drawing_preview(source: bytes | Path, task: dict[str, Any], reserve: Reserve) -> Made:
    """The strokes' pixels, and behind them the picture as WebP."""
    read = _drawing(source, task, reserve)
    strokes, corners = shrunk(read.strokes), None if read.corners is None else read.corners.tolist()
    return {"size": strokes.size, "corners": corners}, strokes.tobytes() + make_thumbnail(read.picture, task["side"])


def _drawing(source: bytes | Path, task: dict[str, Any], reserve: Reserve) -> ReadDrawing:
    assert isinstance(source, bytes)
    return read_drawing(
        source,
        max_bytes=task["max_bytes"],
        max_pixels=task["max_pixels"],
        reserve=reserve,
        reading=Reading(task["reading"]),
        corners=None if task["corners"] is None else np.array(task["corners"]),
    )


_TASKS: dict[str, Callable[[bytes | Path, dict[str, Any], Reserve], Made]] = {
    "thumbnail": _thumbnail,
    "pixels": _pixels,
    "region": _region,
    "proportional pixels": _proportional,
    "camera": _camera,
    "fingerprint": _fingerprint,
    "sketch": _sketch,
    "drawing preview": _drawing_preview,
}


def _limit_seconds(seconds: int) -> None:
    """End this process when it has computed for so many seconds from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    at = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (at, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _limit_memory(more: int | None) -> None:
    """Let this process take so much more memory than it has now; systems that cannot limit it, do not."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = hard if more is None else _data_bytes() + more + _SLACK_BYTES
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _data_bytes() -> int:
    """Bytes of this process that count towards the limit."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[5]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    main()
