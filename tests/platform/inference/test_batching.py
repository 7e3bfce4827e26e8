"""Searches that wait together are answered together; the batch a device is fastest with is found by trying."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mindreader.inference.batching import MicroBatcher
from mindreader.inference.engines import torch_engine
from mindreader.inference.engines.torch_engine import TorchEngine, TorchPhotoEncoder, fastest_batch
from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import ENCODERS

LITE = ENCODERS["efficientnet-lite0"]


class Work:
    """Doubles numbers; remembers the batches; waits for leave to begin. 13 cannot be doubled."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.leave = Event(), Event()

    def __call__(self, numbers):
        self.batches.append(list(numbers))
        self.begun.set()
        assert self.leave.wait(300)
        if 13 in numbers:
            raise ValueError("unlucky")
        return [2 * number for number in numbers]


def asked_while_one_is_at_work(batcher: MicroBatcher, work: Work, numbers: list[int]) -> list:
    """Ask for 1, and while it is at work for the others; gives what each got, or raised."""
    with ThreadPoolExecutor(len(numbers) + 1) as pool:
        first = pool.submit(batcher, 1)
        assert work.begun.wait(300)
        rest = []
        for count, number in enumerate(numbers, start=1):
            rest.append(pool.submit(batcher, number))
            while len(batcher._waiting) < count:
                pass
        work.leave.set()
        return [future.exception() or future.result() for future in (first, *rest)]


def test_nobody_waits_for_company_and_those_who_wait_go_together():
    work = Work()
    batcher = MicroBatcher(work, most=8)
    assert asked_while_one_is_at_work(batcher, work, [2, 3, 4]) == [2, 4, 6, 8]
    assert work.batches == [[1], [2, 3, 4]]


def test_no_more_than_so_many_at_once_first_come_first_served():
    work = Work()
    batcher = MicroBatcher(work, most=2)
    assert asked_while_one_is_at_work(batcher, work, [2, 3, 4, 5, 6]) == [2, 4, 6, 8, 10, 12]
    assert work.batches == [[1], [2, 3], [4, 5], [6]]


def test_what_cannot_be_answered_spoils_nobody_elses_answer():
    work = Work()
    batcher = MicroBatcher(work, most=8)
    two, four, unlucky, eight = asked_while_one_is_at_work(batcher, work, [2, 13, 4])
    assert [two, four, eight] == [2, 4, 8]
    assert isinstance(unlucky, ValueError)


def test_the_batch_is_doubled_while_that_pays():
    assert fastest_batch(lambda size: 1 + size / 100, 16, 1024) == 512  # 1 024 are 9 % faster only
    assert fastest_batch(lambda size: 0.01 * size, 16, 1024) == 16, "no faster with more: no more are taken"
    assert fastest_batch(lambda size: 1.0, 16, 1024) == 1024


def test_the_batch_is_as_large_as_the_memory_lets_it():
    def seconds(size: int) -> float:
        if size > 100:
            raise torch.OutOfMemoryError
        return 1.0

    assert fastest_batch(seconds, 16, 1024) == 64


@pytest.fixture(scope="module")
def encoder() -> TorchPhotoEncoder:
    return TorchEngine.on("cpu", "float32").photo_encoder(LITE, None)


def test_a_processor_takes_a_few(encoder, monkeypatch):
    seen = []
    embed = encoder._embed_at_once

    def seen_and_embedded(images):
        seen.append(len(images))
        return embed(images)

    monkeypatch.setattr(encoder, "_embed_at_once", seen_and_embedded)
    side = LITE.input_size
    photos = np.random.default_rng(0).integers(0, 256, (10, side, side, 3), dtype=np.uint8)
    vectors = encoder.embed(photos)
    assert (encoder.tune(), seen) == (8, [8, 2])
    np.testing.assert_allclose(vectors[9], encoder.embed(photos[9:])[0], atol=1e-5)


def test_a_gpu_is_tried_with_real_batches(encoder, monkeypatch):
    """On no device at all (`meta`), whose memory holds 70 photos and that takes as long for one as for all."""
    tried = []

    def forward(images):
        tried.append(len(images))
        if len(images) > 70:
            raise torch.OutOfMemoryError
        return torch.zeros(len(images), LITE.dimension)

    monkeypatch.setattr(encoder._network, "forward", forward)
    ticks = count()
    monkeypatch.setattr(torch_engine, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    monkeypatch.setattr(encoder, "_compute", Compute(torch.device("meta"), bfloat16=False))
    assert encoder.tune() == 64
    assert tried == [32, 32, 64, 64, 128]
