import numpy as np
import pytest

from mindreader_training.evaluation.metrics import average_precision, bootstrap_interval, retrieval_scores


def test_average_precision_is_that_of_the_textbook():
    relevant = np.array([[True, False, True, False], [False, False, True, True]])
    np.testing.assert_allclose(average_precision(relevant), [(1 + 2 / 3) / 2, (1 / 3 + 2 / 4) / 2])


def test_scores_are_those_of_a_loop_that_ranks_one_query_at_a_time():
    random = np.random.default_rng(1)
    queries, gallery = random.normal(size=(300, 8)).astype("f4"), random.normal(size=(50, 8)).astype("f4")
    labels, gallery_labels = random.integers(0, 5, 300), random.integers(0, 5, 50)
    scores = retrieval_scores(queries, labels, gallery, gallery_labels).values
    for i in range(300):
        right = [gallery_labels[j] == labels[i] for j in sorted(range(50), key=lambda j: -(queries[i] @ gallery[j]))]
        precisions = [sum(right[: k + 1]) / (k + 1) for k in range(50) if right[k]]
        assert scores["map"][i] == pytest.approx(np.mean(precisions))
        assert scores["p@5"][i] == pytest.approx(sum(right[:5]) / 5)


def test_a_photo_does_not_find_itself():
    gallery = np.eye(3, dtype="f4")
    labels = np.array([0, 0, 1])
    scores = retrieval_scores(gallery, labels, gallery, labels, leave_self_out=True).values
    # Photo 0 finds photo 1 at the first or second of two places; photo 2 has nothing to find and does not count.
    assert len(scores["map"]) == 2


def test_missing_places_of_a_small_gallery_count_as_wrong():
    one = np.ones((1, 2), dtype="f4")
    assert retrieval_scores(one, np.array([0]), one, np.array([0])).values["p@20"][0] == pytest.approx(1 / 20)


def test_the_interval_holds_the_mean_and_narrows_with_more_queries():
    random = np.random.default_rng(2)
    few, many = random.random(20), random.random(2000)
    low, high = bootstrap_interval(few)
    assert low < few.mean() < high
    assert bootstrap_interval(many)[1] - bootstrap_interval(many)[0] < high - low
