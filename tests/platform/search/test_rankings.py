"""Photos ranked by their regions: what was drawn apart, and where."""

from __future__ import annotations

import numpy as np
import pytest

from mindreader.boxes import WHOLE, Box
from mindreader.photo_index import IndexFilter, IndexPoint, Regions
from mindreader.photo_index.edge import EdgePhotoIndex
from mindreader.search.rankings import ByRegions, DrawnThing, Nearest

UMBRELLA, DOG, STREET = np.eye(3, 8, dtype=np.float32)
LEFT, RIGHT, MIDDLE = Box(0, 0.3, 0.5, 0.7), Box(0.5, 0.3, 1, 0.7), Box(0.25, 0.3, 0.75, 0.7)
EVERYWHERE = IndexFilter()


def unit(*weighted):
    total = sum(weight * vector for weight, vector in weighted)
    return total / np.linalg.norm(total)


@pytest.fixture
def index(tmp_path):
    opened = EdgePhotoIndex(tmp_path / "index", 8, regions=True)
    yield opened
    opened.close()


def add(index, photo_id, whole, *regions, collection=1):
    boxes, vectors = (WHOLE, *(box for box, _ in regions)), np.stack([whole, *(vector for _, vector in regions)])
    index.upsert([IndexPoint(photo_id, whole, collection, regions=Regions(boxes, vectors))])


@pytest.fixture
def street(index):
    """1 and 2 hold one thing, 3 both of them, 4 neither, 5 an umbrella throughout."""
    add(index, 1, STREET, (LEFT, unit((1, UMBRELLA), (0.2, STREET))))
    add(index, 2, STREET, (RIGHT, unit((1, DOG), (0.2, STREET))))
    add(index, 3, STREET, (LEFT, unit((1, UMBRELLA), (0.4, STREET))), (RIGHT, unit((1, DOG), (0.4, STREET))))
    add(index, 4, STREET, (MIDDLE, STREET))
    add(index, 5, UMBRELLA)
    return index


def ids(hits):
    return [hit.photo_id for hit in hits]


def test_the_nearest_region_counts_and_is_named(street):
    found = Nearest(street, UMBRELLA, EVERYWHERE)
    assert ids(found(3)) == [5, 1, 3]
    assert found.boxes([5, 1, 3]) == {5: (), 1: (LEFT,), 3: (LEFT,)}


def test_a_photo_that_has_both_things_comes_first_with_the_place_of_each(street):
    together = unit((1, UMBRELLA), (1, DOG))
    found = ByRegions(street, DrawnThing(together), [DrawnThing(UMBRELLA), DrawnThing(DOG)], EVERYWHERE)
    assert ids(found(5))[0] == 3
    umbrella = unit((1, UMBRELLA), (0.4, STREET))
    mean = (umbrella @ together + 2 * (umbrella @ UMBRELLA)) / 3  # the sheet as a whole, and both parts
    assert found(5)[0].score == pytest.approx(mean, abs=1e-3)
    assert found.boxes([3, 1]) == {3: (LEFT, RIGHT), 1: (LEFT,)}  # in 1 there is no dog


def test_where_the_place_counts_what_lies_there_comes_first(index):
    near, far = unit((1, UMBRELLA), (0.35, STREET)), unit((1, UMBRELLA), (0.3, STREET))
    add(index, 1, STREET, (LEFT, near))
    add(index, 2, STREET, (RIGHT, far))
    assert ids(Nearest(index, UMBRELLA, EVERYWHERE)(2)) == [2, 1]
    assert ids(ByRegions(index, DrawnThing(UMBRELLA, place=LEFT), [], EVERYWHERE)(2)) == [1, 2]
    assert ids(ByRegions(index, DrawnThing(UMBRELLA, place=RIGHT), [], EVERYWHERE)(2)) == [2, 1]


def test_of_two_regions_alike_the_one_in_its_place_is_named(index):
    add(index, 1, STREET, (LEFT, UMBRELLA), (RIGHT, UMBRELLA))
    for place in (LEFT, RIGHT):
        found = ByRegions(index, DrawnThing(UMBRELLA, place=place), [], EVERYWHERE)
        assert found(1)
        assert found.boxes([1]) == {1: (place,)}


def test_photos_the_filter_does_not_let_through_are_not_found_by_any_region(street):
    add(street, 7, STREET, (LEFT, UMBRELLA), (RIGHT, DOG), collection=2)
    mine = IndexFilter((1,))
    parts = [DrawnThing(UMBRELLA), DrawnThing(DOG)]
    assert 7 not in ids(Nearest(street, UMBRELLA, mine)(10))
    assert 7 not in ids(ByRegions(street, DrawnThing(UMBRELLA, LEFT), parts, mine)(10))
    assert ByRegions(street, DrawnThing(UMBRELLA, LEFT), parts, IndexFilter(()))(10) == []


def test_more_are_asked_for_where_more_are_wanted(index):
    for photo_id in range(1, 401):
        add(index, photo_id, unit((1, UMBRELLA), (photo_id / 100, STREET)))
    found = ByRegions(index, DrawnThing(UMBRELLA, LEFT), [], EVERYWHERE)
    assert len(found(20)) == 20
    assert len(found(300)) == 300
    assert ids(found(20)) == list(range(1, 21))
