"""Readings: photos near a sketch become the distinct things it may show."""

from __future__ import annotations

import numpy as np
import pytest

from mindreader.inference.sketches.readings import (
    EXPANSION_SHARE,
    EXPANSION_TEMPERATURE,
    expanded_query,
    find_readings,
    further_readings,
    picked_reading,
    query_of_picked,
    with_picked,
)

DIMENSION = 64


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def query():
    return unit(np.eye(DIMENSION)[0])


def kind(query, number, photos, away=1.0, seed=0):
    """Photos of one kind: around a point `away` from the query, in a direction of the kind's own."""
    middle = query + away * np.eye(DIMENSION)[1 + number]
    return unit(middle + np.random.default_rng(seed + number).normal(scale=0.03, size=(photos, DIMENSION)))


def by_kind(readings, *sizes):
    """Of which kind the photos of each reading are, where kinds of these sizes follow each other."""
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    return [set(kinds[list(reading.photo_ids)]) for reading in readings]


def test_photos_of_three_kinds_are_three_readings_the_most_likely_first(query):
    vectors = np.concatenate([kind(query, 0, 10, 1.2), kind(query, 1, 20, 1.2), kind(query, 2, 6, 1.2)])
    readings = find_readings(query, range(36), vectors)
    assert by_kind(readings, 10, 20, 6) == [{1}, {0}, {2}]
    assert sum(reading.likelihood for reading in readings) == pytest.approx(1, abs=1e-5)
    for reading in readings:
        assert np.linalg.norm(reading.vector) == pytest.approx(1, abs=1e-5)
        away = [float(vectors[i] @ reading.vector) for i in reading.photo_ids]
        assert away == sorted(away, reverse=True)


def test_nearer_photos_weigh_more_than_many(query):
    vectors = np.concatenate([kind(query, 0, 5, 0.8), kind(query, 1, 20, 1.5)])
    assert by_kind(find_readings(query, range(25), vectors), 5, 20) == [{0}, {1}]


def test_a_clear_sketch_has_one_reading(query):
    vectors = np.concatenate([kind(query, 0, 20, 0.3), kind(query, 1, 20, 2.0)])
    assert by_kind(find_readings(query, range(40), vectors), 20, 20) == [{0}]


def test_what_is_nearly_the_same_is_one_reading(query):
    vectors = kind(query, 0, 40, 1.0)
    assert len(find_readings(query, range(40), vectors)) == 1


def test_noise_is_no_reading(query):
    vectors = np.concatenate([kind(query, 0, 15, 1.0), kind(query, 1, 15, 1.0), kind(query, 2, 1, 1.8)])
    assert by_kind(find_readings(query, range(31), vectors), 15, 15, 1) in ([{0}, {1}], [{1}, {0}])


@pytest.mark.parametrize("most", [1, 2, 3])
def test_there_are_at_most_as_many_as_asked_for(query, most):
    vectors = np.concatenate([kind(query, number, 8, 1.2) for number in range(5)])
    readings = find_readings(query, range(40), vectors, most)
    assert 1 <= len(readings) <= most
    if most == 1:
        assert sorted(readings[0].photo_ids) == list(range(40))


@pytest.mark.parametrize("photos", [1, 2, 3])
def test_few_photos_are_readings_too(query, photos):
    vectors = np.concatenate([kind(query, number, 1, 1.2) for number in range(photos)])
    readings = find_readings(query, range(photos), vectors)
    assert sorted(photo for reading in readings for photo in reading.photo_ids) == list(range(photos))


def test_of_no_photos_there_are_none(query):
    assert find_readings(query, [], np.zeros((0, DIMENSION), np.float32)) == []


def test_photos_that_are_all_the_same_are_one_reading(query):
    (reading,) = find_readings(query, range(40), np.repeat(kind(query, 0, 1), 40, axis=0))
    assert sorted(reading.photo_ids) == list(range(40))


def test_the_same_photos_give_the_same_readings(query):
    vectors = unit(np.random.default_rng(5).normal(size=(40, DIMENSION)))
    first, again = (find_readings(query, range(40), vectors) for _ in range(2))
    assert [reading.photo_ids for reading in first] == [reading.photo_ids for reading in again]


def test_further_readings_are_unlike_those_shown_before(query):
    one, other = (find_readings(query, range(5), kind(query, number, 5, 1.2))[0] for number in (0, 1))
    assert further_readings([one, other], [one]) == [other]
    assert further_readings([one, other], []) == [one, other]


def test_a_picked_reading_takes_the_place_it_is_found_in_and_else_comes_first(query):
    one, other, gone = (find_readings(query, range(5), kind(query, number, 5, 1.2))[0] for number in (0, 1, 2))
    picked = picked_reading(query, range(5), kind(query, 1, 5, 1.2, seed=9))
    assert with_picked([one, other], picked) == [one, picked]
    assert with_picked([other, one], picked) == [picked, one]
    assert with_picked([one, gone], picked) == [picked, one, gone]
    assert with_picked([], picked) == [picked]


def test_a_picked_reading_keeps_its_own_vector_moved_a_little_by_the_sketch(query):
    vectors = kind(query, 0, 5, 1.5)
    picked = picked_reading(query, [7, 8, 9, 10, 11], vectors)
    assert sorted(picked.photo_ids) == [7, 8, 9, 10, 11]
    searched = query_of_picked(picked, query)
    assert np.linalg.norm(searched) == pytest.approx(1, abs=1e-5)
    assert searched @ picked.vector > 0.95
    assert searched @ query > picked.vector @ query


def test_a_query_is_expanded_by_what_the_ten_nearest_photos_have_in_common(query):
    vectors = np.concatenate([kind(query, 0, 10, 0.6), kind(query, 1, 30, 1.5)])
    expanded = expanded_query(query, vectors)
    assert np.linalg.norm(expanded) == pytest.approx(1, abs=1e-5)
    others = kind(query, 0, 20, 0.6, seed=5)
    assert (others @ expanded > others @ query).all(), "others of the kind are nearer"
    np.testing.assert_array_equal(expanded, expanded_query(query, vectors[:10]))


def test_what_photos_have_in_common_counts_a_share_beside_the_query(query):
    alike = np.repeat(kind(query, 0, 1, 0.6), 10, axis=0)
    np.testing.assert_allclose(expanded_query(query, alike), unit(query + EXPANSION_SHARE * alike[0]), atol=1e-6)


def test_of_photos_that_are_less_like_the_query_only_the_nearest_expand_it(query):
    """Else a thing that one photo of many shows is lost among what is a little like it."""
    near, others = kind(query, 0, 1, 0.5), kind(query, 1, 9, 0.8)
    assert (others @ query).max() < near[0] @ query - 2 * EXPANSION_TEMPERATURE
    expanded = expanded_query(query, np.concatenate([near, others]))
    assert expanded @ unit(query + EXPANSION_SHARE * near[0]) > 0.99


def test_nearer_photos_expand_a_query_more(query):
    near, far = kind(query, 0, 1, 0.5), kind(query, 1, 1, 2.0)
    expanded = expanded_query(query, np.concatenate([near, far]))
    assert expanded @ near[0] > expanded @ far[0] + 0.3


def test_of_no_photos_a_query_stays_as_it_is(query):
    assert expanded_query(query, np.zeros((0, DIMENSION), np.float32)) is query
