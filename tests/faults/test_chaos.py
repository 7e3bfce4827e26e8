"""A short random run of `make chaos`, and that a seed means what it says."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import chaos

SEED = 26


@pytest.mark.parametrize("stores", ["embedded", "services"])
def test_the_same_seed_gives_the_same_actions(stores):
    first, again, other = (list(islice(chaos.plan(seed, stores), 200)) for seed in (SEED, SEED, SEED + 1))
    assert first == again != other


def test_nothing_is_lost_duplicated_or_stuck(tmp_path):
    outcome = chaos.chaos("embedded", SEED, 25.0, tmp_path)
    assert outcome.wrong == []
    assert {"upload", "delete", "search", "kill_server"} <= outcome.actions.keys()
