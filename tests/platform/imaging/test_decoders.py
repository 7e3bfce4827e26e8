"""Decoding in processes of their own: the same pictures as here, and nothing a picture does reaches anybody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mindreader.errors import PhotoRejectedError, Sentence, SketchRejectedError
from mindreader.imaging import Decoders, decode_photo, make_thumbnail, photo_array, photo_pixels
from mindreader.imaging.decoder_process import FREE_BYTES
from mindreader.imaging.sketches import Sketch
from tests.support import bombs, colours, raw_files
from tests.support.heics import coded_heic
from tests.support.services import wait_until
from tests.support.tiffs import Page, tiff

MB = 2**20
MAX_PIXELS = 200_000_000
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF", "JXL"]


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(memory=320 * MB, seconds=60, processes=2, max_pixels=MAX_PIXELS)
    yield made
    made.close()


@pytest.fixture
def alone() -> Iterator[Decoders]:
    """With a single process, so that it is known which one."""
    made = Decoders(memory=320 * MB, seconds=60, processes=1, max_pixels=MAX_PIXELS)
    yield made
    made.close()


def process_of(decoders: Decoders) -> int:
    (decoder,) = decoders._photos._decoders
    assert decoder._process is not None
    return decoder._process.pid


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_photo_is_the_same_as_decoded_here(decoders, encode, photo, name, tmp_path) -> None:
    data = encode(photo.resize((900, 600)), name)
    here = decode_photo(data, max_pixels=MAX_PIXELS, min_side=128)
    (tmp_path / "photo").write_bytes(data)
    for source in (data, tmp_path / "photo"):
        told = decoders.photo_file(source, 128)
        assert (told.width, told.height, told.media_type) == (900, 600, here.media_type)
        assert told.thumbnail == make_thumbnail(here.image, 128)
        assert np.array_equal(decoders.photo_array(source, 128), photo_array(here.image, 128))
        assert np.array_equal(decoders.photo_pixels(source, 128), photo_pixels(here.image, 128))


def test_a_sketch_is_the_same_as_decoded_here(decoders, sketch_png) -> None:
    here = Sketch.read(sketch_png, max_bytes=MB)
    assert decoders.sketch(sketch_png, MB).sha256 == here.sha256


def test_the_moment_a_photo_was_taken_comes_along(decoders, encode, photo) -> None:
    exif = Image.Exif()
    exif[306] = "2024:05:31 18:22:03"
    assert str(decoders.photo_file(encode(photo, "JPEG", exif=exif), 64).taken_at) == "2024-05-31 18:22:03"


def test_sentences_come_through_whole(decoders) -> None:
    with pytest.raises(PhotoRejectedError) as refused:
        decoders.photo_file(b"Dear diary", 64)
    assert refused.value.detail.template.startswith("This file is {kind}.")
    kind = refused.value.detail.values["kind"]
    assert isinstance(kind, Sentence)
    assert kind.template == "a text"
    with pytest.raises(SketchRejectedError, match="Draw something first"):
        decoders.sketch(bombs.saved(Image.new("L", (64, 64), 255), "PNG"), MB)


def test_a_failing_disk_is_not_the_photos_fault(decoders, tmp_path) -> None:
    (tmp_path / "photo.jpg").symlink_to("/proc/self/mem")  # opens, and answers EIO where it is read
    with pytest.raises(OSError, match="Input/output error"):
        decoders.photo_file(tmp_path / "photo.jpg", 64)


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "WebP of 34 bytes": (lambda: bombs.webp(14_000), "14000 × 14000 pixels"),
    "PNG with transparency": (lambda: bombs.png(14_000, 14_000), "14000 × 14000 pixels"),
    "GIF with a huge canvas": (lambda: bombs.gif(65_535, 3_000), "65535 × 3000 pixels"),
    "TIFF of ten million strips": (lambda: bombs.tiff_of_strips(10_000_000), "memory"),
    "JPEG XL of a hundred bytes": (lambda: bombs.jpeg_xl(14_000), "14000 × 14000 pixels"),
    "DNG of a huge sensor": (lambda: bombs.dng(14_000), "14000 × 14000 pixels"),
    "NEF with a preview of hundreds of scans": (
        lambda: raw_files.raw_tiff(raw_files.quarters(64, 64), preview=bombs.jpeg_of_scans(900, 2000)),
        "900 passes",
    ),
    "JPEG of hundreds of scans": (lambda: bombs.jpeg_of_scans(900, 2000), "900 passes"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_name_and_takes_little(alone, name) -> None:
    make, words = BOMBS[name]
    with pytest.raises(PhotoRejectedError, match=words):
        alone.photo_file(make(), 512)
    assert peak_bytes(process_of(alone)) < FREE_BYTES + 256 * MB  # the file of strips alone has 80 MB
    assert alone.photo_file(bombs.png(8, 8), 64).width == 8


def test_a_large_picture_that_fits_is_taken(alone) -> None:
    """Grey of sixteen bits: 128 MB of pixels, and no more than the little beside them."""
    told = alone.photo_file(bombs.png(8_000, 8_000, colour_type=0, depth=16), 512)
    assert (told.width, told.height) == (8_000, 8_000)
    assert peak_bytes(process_of(alone)) < 320 * MB


def noise(side: int, mode: str) -> Image.Image:
    if mode == "P":  # quickly; as Pillow does it for a GIF it takes seconds
        return noise(side, "RGB").quantize(method=Image.Quantize.FASTOCTREE)
    channels = {"L": (), "RGB": (3,), "RGBA": (4,), "CMYK": (4,)}[mode]
    coarse = np.random.default_rng(0).integers(0, 255, (side // 16, side // 16, *channels), np.uint8)
    return Image.fromarray(coarse, mode).resize((side, side), Image.Resampling.BICUBIC)


KINDS: list[tuple[str, str, dict[str, Any]]] = [
    *[(name, "RGB", {}) for name in FORMATS if name not in ("PNG", "GIF", "HEIF", "AVIF", "JXL")],
    ("PNG", "RGB", {"compress_level": 1}),
    ("JXL", "RGB", {"effort": 1}),
    ("GIF", "P", {}),
    ("HEIF", "RGB", {"enc_params": {"preset": "ultrafast"}}),
    ("AVIF", "RGB", {"speed": 10}),
]
FURTHER_KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("JPEG", "L", {}),
    ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    ("PNG", "RGBA", {}),
    ("PNG", "L", {}),
    ("WEBP", "RGBA", {"lossless": True, "method": 0}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("AVIF", "RGBA", {"speed": 10}),
    ("JPEG", "CMYK", {"icc_profile": colours.cmyk_profile()}),
    ("TIFF", "CMYK", {"compression": "tiff_lzw", "icc_profile": colours.cmyk_profile()}),
    ("PNG", "RGB", {"icc_profile": colours.rgb_profile("P3", colours.P3, None)}),
    ("MPO", "RGB", {"save_all": True}),
    ("JXL", "L", {}),
    ("JXL", "RGBA", {}),
    ("JXL", "RGB", {"lossless": True}),
]


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [*KINDS, *(pytest.param(*kind, marks=pytest.mark.slow) for kind in FURTHER_KINDS)],
    ids=lambda value: str(value)[:40],
)
def test_no_picture_takes_more_memory_than_was_reckoned(encode, alone, name, mode, options) -> None:
    assert_reckoned(alone, lambda side: encode(noise(side, mode), name, **options))


def numbers(side: int) -> np.ndarray:
    return np.asarray(noise(side, "RGB")).astype(np.uint16) * 257


BY_HAND: dict[str, Callable[[int], bytes]] = {
    "HEIC in PQ": lambda side: coded_heic(numbers(side), (9, 16), quality=20),
    "JPEG without its end": lambda side: bombs.saved(noise(side, "RGB"), "JPEG")[:-2],
    "progressive JPEG without its end": lambda side: bombs.saved(noise(side, "RGB"), "JPEG", progressive=True)[:-2],
    "TIFF of 16 bits in planes": lambda side: tiff(Page(numbers(side), planar=True)),
    "compressed TIFF of 16 bits in planes": lambda side: tiff(Page(numbers(side), planar=True, deflate=True)),
    "floating TIFF": lambda side: tiff(Page((numbers(side) / 65535).astype(np.float32))),
    "compressed floating TIFF": lambda side: tiff(Page((numbers(side) / 65535).astype(np.float32), deflate=True)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BY_HAND)
def test_no_picture_of_another_kind_does_either(alone, kind) -> None:
    assert_reckoned(alone, BY_HAND[kind])


@pytest.mark.parametrize("channels", [1, 3])
def test_no_raw_file_takes_more_memory_than_was_reckoned(alone, channels) -> None:
    def raw(side: int) -> bytes:
        seen = np.asarray(noise(side, "RGB" if channels == 3 else "L")).astype(np.uint16) << 6
        return raw_files.raw_tiff(noise(64, "RGB"), maker="Test", is_dng=True, values=seen)

    assert_reckoned(alone, raw)


def assert_reckoned(alone: Decoders, picture: Callable[[int], bytes]) -> None:
    """A picture of some megapixels takes no more than it was said to; one that is tiny has loaded the libraries."""
    alone.photo_file(picture(64), 1024)
    before = peak_bytes(process_of(alone))
    reckoned: list[int] = []
    data = picture(1600)
    decode_photo(data, max_pixels=MAX_PIXELS, min_side=1024, reserve=lambda needed, _: reckoned.append(needed))
    alone.photo_file(data, 1024)
    assert len(reckoned) == 1
    assert peak_bytes(process_of(alone)) - before <= reckoned[0]


def test_a_decoder_that_runs_over_its_seconds_is_stopped() -> None:
    hasty = Decoders(memory=320 * MB, seconds=1, processes=1, max_pixels=10**12)
    try:
        with pytest.raises(PhotoRejectedError, match="longer than 1 seconds"):
            hasty.photo_file(bombs.jpeg_of_scans(4000, 4000), 512)
        assert hasty.photo_file(bombs.png(8, 8), 64).width == 8
    finally:
        hasty.close()


def begun(decoders: Decoders, pipe: Path) -> tuple[threading.Thread, list[BaseException]]:
    """A decoder in the middle of a picture that never comes: its file is a pipe nobody writes to."""
    failures: list[BaseException] = []

    def decode() -> None:
        try:
            decoders.photo_file(pipe, 64)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=decode, daemon=True)
    thread.start()
    return thread, failures


def reading(decoders: Decoders, besides: int | None = None) -> int:
    """The process that waits for the pipe."""

    def waits() -> bool:
        process = decoders._photos._decoders[0]._process
        if process is None or process.pid == besides:
            return False
        return "fifo" in Path(f"/proc/{process.pid}/wchan").read_text() or _is_opening(process.pid)

    wait_until(waits, "a decoder that waits for its file")
    return process_of(decoders)


def _is_opening(pid: int) -> bool:
    syscall = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    return syscall in {"2", "257", "56"}  # open, openat on x86-64, openat on arm64


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_picture_that_breaks_its_decoder_is_refused_at_once(alone, pipe) -> None:
    thread, failures = begun(alone, pipe)
    os.kill(reading(alone), signal.SIGSEGV)
    thread.join(timeout=60)
    assert isinstance(failures[0], PhotoRejectedError)
    assert "made the decoder stop" in str(failures[0])
    assert alone.photo_file(bombs.png(8, 8), 64).width == 8


def test_a_picture_whose_decoder_somebody_killed_is_tried_once_more(alone, pipe) -> None:
    thread, failures = begun(alone, pipe)
    first = reading(alone)
    os.kill(first, signal.SIGKILL)
    os.kill(reading(alone, besides=first), signal.SIGKILL)
    thread.join(timeout=60)
    assert isinstance(failures[0], PhotoRejectedError)


def test_a_decoder_killed_while_idle_is_not_missed(alone) -> None:
    alone.photo_file(bombs.png(8, 8), 64)
    os.kill(process_of(alone), signal.SIGKILL)
    assert alone.photo_file(bombs.png(8, 8), 64).width == 8


def test_a_signal_for_the_whole_group_leaves_a_picture_at_hand_alone(alone) -> None:
    alone.photo_file(bombs.png(8, 8), 64)
    before = process_of(alone)
    for sent_to_all in (signal.SIGTERM, signal.SIGINT):
        os.kill(before, sent_to_all)
    assert alone.photo_file(bombs.png(8, 8), 64).width == 8
    assert process_of(alone) == before


LEAVES_A_DECODER = """
import os
from mindreader.imaging import Decoders
from tests.support import bombs, raw_files
decoders = Decoders(memory=2**28, seconds=60, processes=1, max_pixels=10**6)
decoders.photo_file(bombs.png(8, 8), 64)
print(decoders._photos._decoders[0]._process.pid, flush=True)
os._exit(0)
"""


def test_decoders_end_with_the_process_they_belong_to() -> None:
    made = subprocess.run([sys.executable, "-c", LEAVES_A_DECODER], capture_output=True, text=True, check=True)
    wait_until(lambda: not Path(f"/proc/{int(made.stdout)}").exists(), "the end of the decoder")


def test_threads_share_the_processes_and_get_their_own_pictures(decoders: Decoders) -> None:
    def width(side: int) -> int:
        return decoders.photo_file(bombs.png(side, 8), 64).width

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(width, range(1, 60))) == list(range(1, 60))


def test_the_memory_of_a_large_picture_is_given_back(alone) -> None:
    alone.photo_file(bombs.png(7_000, 7_000, colour_type=2), 512)
    alone.photo_file(bombs.png(8, 8), 64)
    pages = int(Path(f"/proc/{process_of(alone)}/statm").read_text().split()[1])
    assert pages * os.sysconf("SC_PAGE_SIZE") < 120 * MB


def test_a_sketch_does_not_wait_behind_photos(pipe) -> None:
    busy = Decoders(memory=320 * MB, seconds=60, processes=1, max_pixels=MAX_PIXELS)
    try:
        begun(busy, pipe)
        reading(busy)
        started = time.monotonic()
        drawing = Image.new("L", (64, 64), 255)
        drawing.paste(0, (10, 10, 20, 50))
        assert busy.sketch(bombs.saved(drawing, "PNG"), MB).image.size == (64, 64)
        assert time.monotonic() - started < 60  # the photo will never come
    finally:
        busy.close()


def test_a_decoded_picture_is_as_large_as_the_array_says(decoders) -> None:
    buffer = BytesIO()
    Image.new("RGB", (300, 200), "red").save(buffer, "PNG")
    array = decoders.photo_array(buffer.getvalue(), 32)
    assert array.shape == (32, 32, 3)
    assert (array == (255, 0, 0)).all()
