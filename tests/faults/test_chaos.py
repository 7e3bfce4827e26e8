"""A random run of `make chaos`, and that a seed means what it says."""

from __future__ import annotations

import math
from itertools import islice

import pytest

from tests.faults import chaos

SEED = 26


@pytest.mark.parametrize("stores", ["embedded", "services"])
def test_the_same_seed_gives_the_same_actions(stores):
    first, again, other = (list(islice(chaos.plan(seed, stores), 200)) for seed in (SEED, SEED, SEED + 1))
    assert first == again != other


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("stores", "actions"),
    [
        ("embedded", 30),
        pytest.param("embedded", 200, marks=pytest.mark.slow),
        pytest.param("services", 120, marks=pytest.mark.slow),
    ],
)
def test_nothing_is_lost_duplicated_or_stuck(tmp_path, stores, actions):
    """So many actions, however long they take: a slow machine does the same ones."""
    outcome = chaos.chaos(stores, SEED, math.inf, tmp_path, actions)
    assert outcome.wrong == []
    assert sum(outcome.actions.values()) == actions
    assert {"upload", "delete", "search", "kill_server", "damage_index", "send_bomb"} <= outcome.actions.keys()
