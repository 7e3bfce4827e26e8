"""What waits for something slow gives up when it stands still, not before."""

from __future__ import annotations

import time

import pytest

from tests.support.services import wait_for_count, wait_until

LIMIT = 0.5


def test_what_gets_further_may_take_any_time():
    began = time.monotonic()
    wait_for_count(lambda: min(7, int((time.monotonic() - began) / (LIMIT / 2))), 7, "steps", LIMIT)
    assert time.monotonic() - began > 3 * LIMIT


def test_what_stands_still_is_given_up():
    with pytest.raises(TimeoutError, match=r"steps took longer than 0\.5 seconds, and stands still at 3"):
        wait_for_count(lambda: 3, 7, "steps", LIMIT)


def test_what_says_nothing_of_its_progress_has_one_limit():
    with pytest.raises(TimeoutError, match=r"something took longer than 0\.5 seconds$"):
        wait_until(lambda: False, "something", LIMIT)
