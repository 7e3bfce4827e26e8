"""A random run of `make chaos`, and that a seed means what it says."""

from __future__ import annotations

import math
from itertools import islice

import pytest

from tests.faults import chaos

SEED = 26
SHORT = 2576
"""Its first eleven actions upload, change, search and break: what 30 of another seed did at three times the price."""


@pytest.mark.parametrize("stores", ["embedded", "services"])
def test_the_same_seed_gives_the_same_actions(stores):
    first, again, other = (list(islice(chaos.plan(seed, stores), 200)) for seed in (SEED, SEED, SEED + 1))
    assert first == again != other


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("stores", "seed", "actions"),
    [
        ("embedded", SHORT, 11),
        pytest.param("embedded", SEED, 200, marks=pytest.mark.slow),
        pytest.param("services", SEED, 120, marks=pytest.mark.slow),
    ],
)
def test_nothing_is_lost_duplicated_or_stuck(tmp_path, stores, seed, actions):
    """So many actions, however long they take: a slow machine does the same ones."""
    outcome = chaos.chaos(stores, seed, math.inf, tmp_path, actions)
    assert outcome.wrong == []
    assert sum(outcome.actions.values()) == actions
    assert {"upload", "delete", "search", "kill_server", "damage_index", "send_bomb"} <= outcome.actions.keys()
