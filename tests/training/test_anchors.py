"""Anchors are made of training photos and of what E2's classifier knows, and of nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
from click.testing import CliRunner

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError
from mindreader.inference.anchors import Anchors
from mindreader.networks.descriptions import WeightsSource
from mindreader_training.anchors import PHOTOS_OF_A_CATEGORY, category_anchors, class_anchors
from mindreader_training.commands import bundle as bundle_commands


def test_an_anchor_of_a_category_is_the_mean_of_its_photos():
    vectors = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    ball, box = category_anchors(vectors, ["box", "ball", "box"])
    np.testing.assert_allclose(ball, [0, 1])
    np.testing.assert_allclose(box, np.array([1, 1]) / np.sqrt(2), atol=1e-6)


def test_the_shipped_file_has_what_the_classifier_knows():
    shipped = read_bundle(default_bundle_folder())
    found = class_anchors(shipped.space.encoder, shipped.weights(PROJECTION_FILE))
    assert shipped.space.projection is not None
    kept = Anchors.of_projection(shipped.space.projection.sha256)
    assert kept is not None
    assert (found * kept.kinds[1]).sum(axis=1).min() > 0.999


def test_random_weights_have_no_classifier():
    shipped = read_bundle(default_bundle_folder())
    untrained = replace(shipped.space.encoder, weights=WeightsSource(untrained_seed=0))
    with pytest.raises(InvalidInputError, match="hold no classifier"):
        class_anchors(untrained, shipped.weights(PROJECTION_FILE))


def test_the_command_writes_a_file_of_both_kinds(trained, drawn_data, tmp_path):
    made, out = read_bundle(trained / "bundle"), tmp_path / "anchors.safetensors"
    arguments = ["anchors", str(made.folder), "--data", str(drawn_data), "--out", str(out), "--device", "cpu"]
    result = CliRunner().invoke(bundle_commands, arguments)
    assert result.exit_code == 0, result.output
    tensors = safetensors.numpy.load_file(out)
    assert {name: values.shape for name, values in tensors.items()} == {"categories": (2, 64), "classes": (1000, 64)}
    assert PHOTOS_OF_A_CATEGORY > 8, "all training photos of a category are its mean"
    for values in tensors.values():
        np.testing.assert_allclose(np.linalg.norm(values.astype(np.float32), axis=1), 1, atol=2e-3)


def test_a_space_without_projection_has_no_anchors(quick_bundle, drawn_data, tmp_path):
    arguments = ["anchors", str(quick_bundle.folder), "--data", str(drawn_data), "--out", str(tmp_path / "a")]
    result = CliRunner().invoke(bundle_commands, arguments)
    assert isinstance(result.exception, InvalidInputError)
    assert "has no projection" in str(result.exception)
