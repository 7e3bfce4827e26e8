"""Whether a library seems to hold what was drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.answerability import CALIBRATIONS, Calibration, evidence, is_answerable
from mindreader.inference.schemes import schemes_for
from mindreader.inference.sketches.readings import find_readings


@pytest.fixture
def judged(monkeypatch):
    """Judges photos of this many dimensions by how near the first ten are."""
    monkeypatch.setitem(CALIBRATIONS, "space", Calibration((0, 1, 0, 0, 0, 0), 0.5))

    def judge(similarities, space_key="space"):
        query = np.eye(128, dtype=np.float32)[0]
        nearest = np.outer(similarities, query)
        nearest[np.arange(len(nearest)), 1 + np.arange(len(nearest))] = np.sqrt(1 - np.square(similarities))
        nearest = nearest.astype(np.float32)
        return is_answerable(space_key, query, nearest, find_readings(query, range(len(nearest)), nearest))

    return judge


def test_near_photos_say_there_is_something_and_far_ones_that_there_is_not(judged):
    assert judged(np.linspace(0.9, 0.2, 40)) is True
    assert judged(np.linspace(0.45, 0.2, 40)) is False


def test_of_few_photos_and_in_a_space_that_was_not_calibrated_nobody_can_tell(judged):
    assert judged(np.linspace(0.9, 0.2, 29)) is None
    assert judged(np.linspace(0.9, 0.2, 40), "another space") is None


def test_the_shipped_bundles_spaces_are_calibrated():
    """The one without regions, the one that new installations have, and that in int8."""
    space = read_bundle(default_bundle_folder()).space
    in_int8 = [scheme.name for scheme in schemes_for(space) if scheme.precision == "int8"]
    assert in_int8
    for regions in ("none", schemes_for(space)[0].name, *in_int8):
        assert len(CALIBRATIONS[replace(space, regions=regions).key].weights) == 6


def test_the_evidence_is_finite_even_where_all_photos_are_the_same():
    query = np.eye(8, dtype=np.float32)[0]
    same = np.repeat(query[None], 40, axis=0)
    assert np.isfinite(evidence(query, same, find_readings(query, range(40), same))).all()
