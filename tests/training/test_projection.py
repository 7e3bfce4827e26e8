import numpy as np
import torch

from mindreader.networks.compute import choose_compute
from mindreader_training.data.layouts import read_dataset
from mindreader_training.evaluation.metrics import retrieval_scores
from mindreader_training.photo_bank import build_photo_bank
from mindreader_training.presets import preset
from mindreader_training.projection import fit_projection


def _photos(random, classes=8, each=30, size=24):
    """Unit vectors that differ within a class along two loud directions, and between classes elsewhere."""
    centres = random.normal(size=(classes, size))
    centres[:, :2] = 0
    x = np.repeat(centres, each, axis=0) + random.normal(size=(classes * each, size)) * 0.5
    x[:, :2] += random.normal(size=(classes * each, 2)) * 8
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("f4"), np.repeat(np.arange(classes), each)


def _precision(vectors, labels):
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4")
    return retrieval_scores(unit, labels, unit, labels, leave_self_out=True).values["map"].mean()


def test_what_differs_within_a_class_counts_for_less():
    x, labels = _photos(np.random.default_rng(0))
    fitted = fit_projection(x, labels, dimension=8, shrinkage=0.1)
    projected = x @ fitted.weight.T + fitted.bias
    assert projected.shape == (len(x), 8)
    assert _precision(projected, labels) > _precision(x, labels) + 0.1


def test_full_shrinkage_and_dimension_keep_every_distance():
    x, labels = _photos(np.random.default_rng(1))
    fitted = fit_projection(x, labels, dimension=24, shrinkage=1.0)
    projected = x @ fitted.weight.T + fitted.bias
    ours, theirs = (np.linalg.norm(v[:50, None] - v[None, :50], axis=2) for v in (projected, x))
    np.testing.assert_allclose(ours / ours.max(), theirs / theirs.max(), atol=1e-4)


def test_the_photo_bank_is_embedded_once_for_a_run(drawn_data, tmp_path, monkeypatch):
    dataset = read_dataset(drawn_data, "train")
    first = build_photo_bank(dataset, preset("tiny"), choose_compute("cpu", "float32"), tmp_path)
    monkeypatch.setattr("mindreader_training.photo_bank.PhotoEncoder", None)
    again = build_photo_bank(dataset, preset("tiny"), choose_compute("cpu", "float32"), tmp_path)
    assert torch.equal(first.embeddings, again.embeddings)
    torch.testing.assert_close(first.embeddings.norm(dim=1), torch.ones(16))
    assert first.centroids.shape == (2, 64)


def test_fewer_photos_than_dimensions_still_fill_the_space():
    x, labels = _photos(np.random.default_rng(2), classes=3, each=3)
    fitted = fit_projection(x, labels, dimension=20, shrinkage=0.5)
    assert fitted.weight.shape == (20, 24)
    assert np.linalg.matrix_rank(fitted.weight) == 20
