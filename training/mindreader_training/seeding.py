"""Seeds of a run's random draws: each kind of draw has its own stream, derived from (seed, step, rank).

`numpy.random.SeedSequence` mixes them so that neighbouring seeds, steps and processes share nothing.
"""

from __future__ import annotations

from enum import Enum

import numpy as np


class Stream(Enum):
    """What is drawn. The value is the spawn key of the stream's seeds: draws of two kinds are independent."""

    BATCHES = ()
    """Which rows a batch holds, and how they are augmented."""
    TRAINING = (1,)
    """Noise of G, dropout, random views: all that torch draws in a step."""
    BATCH_NORM = (2,)
    """The same while batch statistics are recalibrated."""


def seed_sequence(stream: Stream, seed: int, step: int, rank: int = 0) -> np.random.SeedSequence:
    """The seeds of one step of one process.

    Args:
        seed: of the run, not negative.
        step: counted over the whole run.
        rank: number of the process among those that train together.
    """
    return np.random.SeedSequence([seed, step, rank], spawn_key=stream.value)


def numpy_generator(stream: Stream, seed: int, step: int, rank: int = 0) -> np.random.Generator:
    """A numpy generator for one step of one process."""
    return np.random.default_rng(seed_sequence(stream, seed, step, rank))


def torch_seed(stream: Stream, seed: int, step: int, rank: int = 0) -> int:
    """A seed of 64 bits for `torch.manual_seed`."""
    return int(seed_sequence(stream, seed, step, rank).generate_state(1, np.uint64)[0])
