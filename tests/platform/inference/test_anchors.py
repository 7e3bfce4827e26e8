"""Vectors are drawn to the anchors near them, and stay between those that are equally far."""

from __future__ import annotations

import numpy as np
import pytest

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.anchors import Anchors
from mindreader.vectors import unit

AXES = np.eye(8, dtype=np.float32)


def test_what_is_near_one_anchor_moves_to_it():
    near = unit(np.array([[0.7, 0.1, 0, 0, 0, 0, 0, 0.7]], np.float32))
    (moved,) = Anchors((AXES[:4],)).attract(near)
    assert np.linalg.norm(moved) == pytest.approx(1)
    assert moved[0] > near[0, 0]
    assert moved[1] < near[0, 1]


def test_what_is_equally_far_from_all_keeps_its_direction():
    between = unit(np.array([[1, 1, 1, 1, 0, 0, 0, 0]], np.float32))
    np.testing.assert_allclose(Anchors((AXES[:4],)).attract(between), between, atol=1e-6)


def test_each_kind_draws_as_strongly_however_many_it_has():
    (moved,) = Anchors((AXES[:1], AXES[1:4])).attract(AXES[7:])
    assert moved[0] == pytest.approx(moved[1:4].sum(), abs=1e-6)


def test_vectors_beside_it_change_nothing():
    vectors = unit(np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32))
    anchors = Anchors((AXES,))
    np.testing.assert_allclose(anchors.attract(vectors)[2:3], anchors.attract(vectors[2:3]), atol=1e-6)


def test_the_shipped_space_has_anchors_of_its_own_and_others_have_none():
    space = read_bundle(default_bundle_folder()).space
    assert space.projection is not None
    anchors = Anchors.of_projection(space.projection.sha256)
    assert anchors is not None
    assert [kind.shape for kind in anchors.kinds] == [(139, space.dimension), (1000, space.dimension)]
    for kind in anchors.kinds:
        np.testing.assert_allclose(np.linalg.norm(kind, axis=1), 1, atol=1e-5)
    assert Anchors.of_projection("0" * 64) is None
