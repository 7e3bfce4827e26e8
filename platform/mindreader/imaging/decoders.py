"""Decode in processes of their own: within a budget of memory and time, and killed when a picture runs over it.

A hostile picture of thirty bytes can ask for gigabytes or a minute of a processor, and a broken one can take its
decoder down. Here it takes down a small process that nothing else depends on.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import signal
import subprocess  # nosec B404  # this interpreter, and one of our modules
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from queue import LifoQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.boxes import Box
from mindreader.dates import Dates, DateSource, Taken
from mindreader.errors import PhotoRejectedError, Sentence, SketchRejectedError
from mindreader.host.machine import processors
from mindreader.imaging import rejections
from mindreader.imaging.arrays import Corners
from mindreader.imaging.budget import MemoryBudget, default_budget
from mindreader.imaging.metadata.camera import Camera
from mindreader.imaging.sketches import Reading, Sketch

if TYPE_CHECKING:
    from mindreader.settings import Settings

Source = bytes | Path

_MOST_PROCESSES = 8
_SKETCH_PROCESSES = 2
"""For sketches alone: a search never waits behind photos."""
_MOST_SKETCH_SECONDS = 15
"""Of a processor: somebody waits for the answer."""
_LARGEST_ANSWER = 2**26
_LEAST_SIDE = 16
"""Pixels of a picture that nobody looks at."""
_WALL_SECONDS = 30
"""A decoder that has not answered after this many times its seconds waits for a disk or a network."""


@dataclass(frozen=True)
class PhotoFile:
    """What is known of a photo file once it was decoded."""

    width: int
    """Upright, in pixels."""
    height: int
    """Upright, in pixels."""
    media_type: str
    dates: Dates
    """What the file itself says of when it was taken, by who says so."""
    thumbnail: bytes
    """WebP."""
    fingerprint: bytes
    """What it looks like (`mindreader.imaging.fingerprints`)."""

    @property
    def taken_at(self) -> datetime | None:
        """The date to believe of those."""
        return Taken.best(self.dates).moment


@dataclass(frozen=True)
class DrawingPreview:
    """What was made of a picture of a drawing, to be looked at and corrected."""

    sketch: Sketch
    corners: Corners | None
    """Of the sheet of paper it was cut out by; None if it is the whole picture."""
    picture: bytes
    """The picture itself, upright; WebP."""


class Decoders:
    """Processes that decode, and the memory they share. Every method raises `PhotoRejectedError` or `OSError`:

    PhotoRejectedError: the file cannot become a photo; the sentence says why and what to do.
    OSError: the disk failed, which says nothing about the file.
    """

    def __init__(self, *, memory: int, seconds: int, processes: int, max_pixels: int) -> None:
        """Start nothing yet: a process is started when it is first needed.

        Args:
            memory: bytes for all pictures that are decoded at the same time.
            seconds: of a processor, for one picture.
            processes: photos decoded at the same time.
            max_pixels: larger photos are refused.
        """
        self._budget, self._max_pixels = MemoryBudget(memory), max_pixels
        self._photos = _Pool(self._budget, processes, seconds, "--polite")
        self._sketches = _Pool(self._budget, _SKETCH_PROCESSES, min(seconds, _MOST_SKETCH_SECONDS))

    def photo_file(self, source: Source, thumbnail_side: int) -> PhotoFile:
        """Decode a photo and make its thumbnail, whose longer side has at most so many pixels."""
        told, thumbnail = self._photos.run(source, name="thumbnail", side=thumbnail_side, max_pixels=self._max_pixels)
        dates = {DateSource(source): datetime.fromisoformat(moment) for source, moment in told["dates"].items()}
        looks = bytes.fromhex(told["fingerprint"])
        return PhotoFile(int(told["width"]), int(told["height"]), str(told["media_type"]), dates, thumbnail, looks)

    def photo_array(self, source: Source, side: int) -> NDArray[np.uint8]:
        """Decode a photo into the square array (side, side, 3), 0 to 255, that E2 takes (`imaging.photo_array`)."""
        _, pixels = self._photos.run(source, name="pixels", side=side, max_pixels=self._max_pixels)
        return np.frombuffer(pixels, dtype=np.uint8).reshape(side, side, 3)

    def photo_region(self, source: Source, box: Box, side: int) -> NDArray[np.uint8]:
        """Decode what lies in a box of a photo into a square array as of `photo_array`."""
        _, pixels = self._photos.run(source, name="region", side=side, box=box.sides, max_pixels=self._max_pixels)
        return np.frombuffer(pixels, dtype=np.uint8).reshape(side, side, 3)

    def photo_pixels(self, source: Source, shorter: int) -> NDArray[np.uint8]:
        """Decode a photo into an array (H, W, 3), 0 to 255, with its proportions (`imaging.photo_pixels`)."""
        told, pixels = self._photos.run(source, name="proportional pixels", side=shorter, max_pixels=self._max_pixels)
        height, width, _ = told["shape"]
        return np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3)

    def camera(self, source: Source) -> Camera:
        """What a photo's file says of how it was taken."""
        told, _ = self._photos.run(source, name="camera", side=_LEAST_SIDE, max_pixels=self._max_pixels)
        return Camera.of(told)

    def fingerprint(self, thumbnail: Source) -> bytes:
        """What a photo looks like, from its thumbnail, as `photo_file` says it of the photo."""
        return self._photos.run(thumbnail, name="fingerprint", max_pixels=self._max_pixels)[1]

    def sketch(self, data: bytes, max_bytes: int) -> Sketch:
        """Decode a drawing somebody sent.

        Raises:
            SketchRejectedError: as `mindreader.imaging.read_drawing`, or its decoder was stopped.
        """
        told, pixels = self._drawing(data, name="sketch", max_bytes=max_bytes, reading=Reading.AUTO, corners=None)
        return Sketch(Image.frombytes("L", tuple(told["size"]), pixels))

    def drawing_preview(
        self, data: bytes, *, max_bytes: int, side: int, reading: Reading, corners: Corners | None
    ) -> DrawingPreview:
        """What `sketch` would make of a drawing, or would if it were told more of it.

        Args:
            data: an image file.
            max_bytes: larger files are refused.
            side: most pixels of the longer side of the picture shown.
            reading: as what to read it.
            corners: of the sheet of paper, where a person says so.

        Raises:
            SketchRejectedError: as `mindreader.imaging.read_drawing`, or its decoder was stopped.
        """
        known = None if corners is None else corners.tolist()
        told, payload = self._drawing(
            data, name="drawing preview", max_bytes=max_bytes, side=side, reading=reading, corners=known
        )
        width, height = told["size"]
        sketch = Sketch(Image.frombytes("L", (width, height), payload[: width * height]))
        found = told["corners"]
        return DrawingPreview(sketch, None if found is None else np.array(found), payload[width * height :])

    def _drawing(self, data: bytes, **task: Any) -> tuple[dict[str, Any], bytes]:
        try:
            return self._sketches.run(data, max_pixels=self._max_pixels, **task)
        except PhotoRejectedError as error:
            raise SketchRejectedError(error.detail) from error

    def close(self) -> None:
        """End the processes; they are started again when needed."""
        self._photos.close()
        self._sketches.close()

    def forget(self) -> None:
        """Leave the processes to somebody else: in a forked process they are the parent's."""
        self._photos.forget()
        self._sketches.forget()


def decoders(settings: Settings) -> Decoders:
    """The decoders of this process: whoever has the same settings shares them and their memory."""
    # What the machine has is read when they are made, not for each picture.
    return _shared(
        settings.decode_memory, settings.decode_seconds, settings.decode_processes, settings.image_max_pixels
    )


def decode_processes(settings: Settings) -> int:
    """Photos decoded at the same time."""
    return settings.decode_processes or _default_processes()


def _default_processes() -> int:
    return min(max(processors(), 2), _MOST_PROCESSES)


@cache
def _shared(memory: int, seconds: int, processes: int, max_pixels: int) -> Decoders:
    memory, processes = memory or default_budget(), processes or _default_processes()
    made = Decoders(memory=memory, seconds=seconds, processes=processes, max_pixels=max_pixels)
    atexit.register(made.close)
    os.register_at_fork(after_in_child=made.forget)
    return made


class _KilledError(Exception):
    """Somebody killed a decoder at work."""


class _Pool:
    """So many decoders, the one used last first: it is warm."""

    def __init__(self, budget: MemoryBudget, processes: int, seconds: int, *options: str) -> None:
        self._budget, self._seconds = budget, seconds
        self._decoders: list[_Decoder] = [_Decoder(*options) for _ in range(processes)]
        self._free: LifoQueue[_Decoder] = LifoQueue()
        for decoder in self._decoders:
            self._free.put(decoder)

    def run(self, source: Source, **task: Any) -> tuple[dict[str, Any], bytes]:
        """Have a decoder do a task: what it says, and the bytes it made."""
        try:
            return self._run_once(source, task)
        except _KilledError:  # by somebody, or for the machine's want of memory: the picture may be innocent, once
            pass
        try:
            return self._run_once(source, task)
        except _KilledError:
            raise PhotoRejectedError(rejections.BREAKS_DECODER) from None

    def _run_once(self, source: Source, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        with self._one() as decoder:
            said = decoder.begin(source, self._seconds, {**task, "memory": self._budget.total})
            if "needs" not in said:
                return decoder.finish(said)
            with self._budget.taken(min(int(said["needs"]), self._budget.total)):
                return decoder.finish(decoder.go_on())

    @contextmanager
    def _one(self) -> Iterator[_Decoder]:
        decoder = self._free.get()
        try:
            yield decoder
        finally:
            self._free.put(decoder)

    def close(self) -> None:
        for decoder in self._decoders:
            decoder.kill()

    def forget(self) -> None:
        for decoder in self._decoders:
            decoder.forget()


class _Decoder:
    """One process; whatever goes wrong in it, the next picture finds a new one."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._seconds, self._deadline = 0, 0.0

    def begin(self, source: Source, seconds: int, task: dict[str, Any]) -> dict[str, Any]:
        """Send a task; the first thing the decoder says of it."""
        self._seconds, self._deadline = seconds, time.monotonic() + seconds * _WALL_SECONDS
        path = str(source.absolute()) if isinstance(source, Path) else None
        message = json.dumps({**task, "path": path, "seconds": seconds}).encode()
        with self._watched():
            self._send(message, source)
            return self._heard()

    def go_on(self) -> dict[str, Any]:
        """Let the decoder take the memory it asked for; what it then says."""
        self._deadline = time.monotonic() + self._seconds * _WALL_SECONDS
        with self._watched():
            self._open_connection().send_bytes(b"go on")
            return self._heard()

    def finish(self, said: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """What it made, if it made something."""
        with self._watched():
            payload = self._bytes()
        if "rejected" in said:
            raise PhotoRejectedError(Sentence.unpacked(said["rejected"]))
        if "no_memory" in said:
            raise PhotoRejectedError(rejections.NO_MEMORY)
        if "os_error" in said:
            raise OSError(*said["os_error"])
        return said, payload

    def kill(self) -> None:
        """End the process, whatever it is at."""
        process = self._process
        self.forget()
        if process is not None:
            process.kill()
            process.wait()

    def forget(self) -> None:
        """Have no process any more; one that there is ends when it has nothing left to do."""
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _send(self, message: bytes, source: Source) -> None:
        try:
            self._open_connection().send_bytes(message)
        except ConnectionError:  # it was ended while it had nothing to do, say for the machine's want of memory
            self.kill()
            self._open_connection().send_bytes(message)
        if isinstance(source, bytes):
            self._open_connection().send_bytes(source)

    def _open_connection(self) -> Connection:
        if self._connection is None:
            self._process, self._connection = _started(self._options)
        return self._connection

    def _heard(self) -> dict[str, Any]:
        said = json.loads(self._bytes())
        assert isinstance(said, dict)
        return said

    def _bytes(self) -> bytes:
        connection = self._open_connection()
        if not connection.poll(max(0.0, self._deadline - time.monotonic())):
            raise TimeoutError
        return connection.recv_bytes(_LARGEST_ANSWER)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """A decoder that fell silent is ended; who or what is to blame, its end says."""
        try:
            yield
        except TimeoutError:
            self.kill()
            raise OSError(None, "reading the file takes too long") from None
        except (EOFError, ConnectionError):
            code = self._process.wait() if self._process else 0
            self.kill()
            raise self._blame(code) from None
        except BaseException:
            self.kill()
            raise

    def _blame(self, code: int) -> Exception:
        if code == -signal.SIGKILL:
            return _KilledError()
        return PhotoRejectedError(
            rejections.too_slow(self._seconds) if code == -signal.SIGXCPU else rejections.BREAKS_DECODER
        )


def _started(options: tuple[str, ...]) -> tuple[subprocess.Popen[bytes], Connection]:
    ours, theirs = multiprocessing.Pipe()
    descriptor = theirs.fileno()
    # A single arena: the threads of the image libraries would reserve one each.
    environment = os.environ | {"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "mindreader.imaging.decoder_process", str(descriptor), *options]
    with theirs:
        process = subprocess.Popen(  # noqa: S603  # nosec B603  # our own program
            command, pass_fds=[descriptor], stdin=subprocess.DEVNULL, env=environment, start_new_session=True
        )
    return process, ours
