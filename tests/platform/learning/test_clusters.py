"""Kinds of things in a library, on vectors whose kinds are known."""

import numpy as np
import pytest

from mindreader.learning.clusters import NO_CLASS, classes_of, clusters_for, spherical_k_means
from mindreader.vectors import unit


def vectors(*directions, noise=0.02):
    random = np.random.default_rng(1)
    made = np.eye(16)[list(directions)] + random.normal(scale=noise, size=(len(directions), 16))
    return unit(made.astype(np.float32))


def parts(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@pytest.mark.parametrize("seed", range(5))
def test_clusters_are_the_kinds_there_are(seed):
    found = spherical_k_means(vectors(*([0] * 9 + [1] * 7 + [2] * 5)), 3, np.random.default_rng(seed))
    assert parts(found) == {frozenset(range(9)), frozenset(range(9, 16)), frozenset(range(16, 21))}


def test_more_clusters_than_different_vectors_are_no_trouble():
    same = np.repeat(vectors(0), 6, axis=0)
    found = spherical_k_means(same, 3, np.random.default_rng(0))
    assert len(found) == 6


def test_categories_are_classes_and_what_has_none_is_clustered():
    names = ["dog"] * 6 + [None] * 9
    found = classes_of(vectors(*([0] * 6 + [1] * 9)), names, np.random.default_rng(0))
    assert set(found[:6]) == {0}
    assert 0 not in set(found[6:])
    assert NO_CLASS not in set(found.tolist())


def test_a_photo_that_lies_in_a_category_belongs_to_it():
    names = ["dog"] * 9 + [None] * 2 + ["cat"] * 6
    there = vectors(*([0] * 11 + [1] * 6), noise=0.1)
    there[9] = there[:9].mean(axis=0) / np.linalg.norm(there[:9].mean(axis=0))
    there[10] = unit(np.eye(16, dtype=np.float32)[5])
    found = classes_of(there, names, np.random.default_rng(0))
    assert found[9] == found[0]
    assert found[10] == NO_CLASS  # alone, and like nothing else


def test_a_category_of_few_photos_is_none():
    found = classes_of(vectors(0, 0, 0), ["dog"] * 3, np.random.default_rng(0))
    assert found.tolist() == [NO_CLASS] * 3


def test_there_are_as_many_clusters_as_photos_in_each():
    assert (clusters_for(3), clusters_for(400), clusters_for(10**6)) == (2, 20, 200)
