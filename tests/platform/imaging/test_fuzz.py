"""Damaged files of every taken format end as a photo or as a named refusal: no other exception, hang or hunger.

They go through the decoders of the product, so that a picture which takes its process down shows as what is then made
of it. `bench/fuzzing.py` does the same for as long as one likes, and gives figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import Decoders, decode_photo, rejections
from mindreader.imaging.budget import default_budget
from tests.support.damaged_files import damaged_files, whole_files

MAX_PIXELS = 200_000_000
SECONDS = 10
"""Of a processor: a decoder that takes longer is stopped, and the test fails."""
MOST_BYTES = 2**30
SIDES = st.sampled_from([64, 512, 2048])
BOUNDED = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(memory=default_budget(), seconds=SECONDS, processes=1, max_pixels=MAX_PIXELS)
    yield made
    made.close()


def peak_bytes(decoders: Decoders) -> int:
    process = decoders._photos._decoders[0]._process
    if process is None:
        return 0
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def test_what_is_to_be_damaged_is_sound() -> None:
    sizes = {kind: sorted(decode_photo(data, max_pixels=10**6).image.size) for kind, data in whole_files().items()}
    assert {tuple(size) for size in sizes.values()} == {
        (36, 48),
        (480, 640),
        (18, 24),
    }  # previews of cameras, and a sensor developed


def ends_well(decoders: Decoders, data: bytes, side: int) -> None:
    try:
        photo = decoders.photo_file(data, side)
    except PhotoRejectedError as error:
        assert error.detail.endswith(".")
        assert "seconds of a processor" not in error.detail
        assert error.detail != rejections.BREAKS_DECODER  # a refusal as well, but one worth a look
    else:
        assert 0 < photo.width * photo.height <= MAX_PIXELS
        with Image.open(BytesIO(photo.thumbnail)) as thumbnail:
            assert max(thumbnail.size) <= side
    assert peak_bytes(decoders) < MOST_BYTES


@settings(BOUNDED, max_examples=400, derandomize=True)
@given(damaged=damaged_files(), side=SIDES)
def test_damaged_files_end_as_a_photo_or_a_refusal(decoders: Decoders, damaged: tuple[str, bytes], side: int) -> None:
    ends_well(decoders, damaged[1], side)


@pytest.mark.slow
@settings(BOUNDED, max_examples=5000)
@given(damaged=damaged_files(), side=SIDES)
def test_many_damaged_files_end_so(decoders: Decoders, damaged: tuple[str, bytes], side: int) -> None:
    ends_well(decoders, damaged[1], side)
