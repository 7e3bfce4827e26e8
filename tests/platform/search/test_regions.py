"""Searches in a space with regions: where it is, what was drawn apart, and what somebody framed."""

from __future__ import annotations

import io
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mindreader.boxes import WHOLE, Box
from mindreader.catalog import Photo
from mindreader.embedding.spaces import open_space
from mindreader.errors import NotFoundError
from mindreader.imaging import Sketch
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.sketch_parts import parts_of
from mindreader.messages import PhotoFrame, SearchRequest, SimilarRequest
from mindreader.model_versions.registry import activate, add_regions, bundle_store, version_by_id
from mindreader.photo_index import IndexFilter, IndexPoint, Regions
from mindreader.search.searcher import Searcher
from tests.support.bundles import register_and_open, write_untrained_bundle
from tests.support.library import add_collection

SIDE = 256
UPPER_LEFT, LOWER_RIGHT = Box(0, 0, 0.6, 0.6), Box(0.4, 0.4, 1, 1)


@pytest.fixture
def engine():
    return TorchEngine.on("cpu", "float32")


@pytest.fixture
def bundle(request, quick_bundle, tmp_path):
    """Its sketches have G's size, or that of the test's parameter."""
    size = getattr(request, "param", None)
    return quick_bundle if size is None else write_untrained_bundle(tmp_path / "bundle", sketch_size=size)


@pytest.fixture
def version(catalog, blobs, settings, bundle):
    plain = register_and_open(catalog, blobs, settings, bundle)
    with catalog.transaction() as session:
        regional = add_regions(session, plain.id, "grid6")
        open_space(session, regional.space_id)
        activate(session, regional.id, incomplete=True)
    with catalog.snapshot() as session:
        return version_by_id(session, regional.id)


@pytest.fixture
def searcher(catalog, blobs, indexes, settings, engine):
    return Searcher(catalog, bundle_store(settings, blobs), indexes, settings, engine)


@pytest.fixture
def index(version, indexes):
    return indexes.of(version.space)


def sheet(*circles):
    """Circles by their middle and radius, in shares of the sheet."""
    drawing = Image.new("L", (SIDE, SIDE), 255)
    for x, y, radius in circles:
        around = tuple(SIDE * value for value in (x - radius, y - radius, x + radius, y + radius))
        ImageDraw.Draw(drawing).ellipse(around, outline=0, width=5)
    buffer = io.BytesIO()
    drawing.save(buffer, "PNG")
    return Sketch.read(buffer.getvalue(), max_bytes=10**7)


ONE, TWO = sheet((0.3, 0.3, 0.2)), sheet((0.25, 0.3, 0.2), (0.75, 0.7, 0.1))


def request(sketch, **changes):
    asked = {"sketch": sketch, "where": IndexFilter((1,)), "limit": 10, "most_readings": 4}
    return SearchRequest(**(asked | changes))


def add(index, photo_id, *regions, collection=1):
    """A photo that is nothing as a whole, with these regions."""
    whole = np.random.default_rng(photo_id).normal(size=64).astype(np.float32)
    boxes, vectors = (WHOLE, *(box for box, _ in regions)), np.stack([whole, *(vector for _, vector in regions)])
    index.upsert([IndexPoint(photo_id, whole, collection, regions=Regions(boxes, vectors))])


def query_of(searcher, version, image):
    return searcher._loaded(version).query(looks_at(image, 64))


def test_a_hit_says_where_in_the_photo_it_is(searcher, version, index):
    query = query_of(searcher, version, ONE.image)
    add(index, 1, (UPPER_LEFT, -query), (LOWER_RIGHT, query))
    add(index, 2, (UPPER_LEFT, -query))
    answer = searcher.answer(request(ONE))
    assert [(hit.photo_id, hit.boxes) for hit in answer.hits] == [(1, (LOWER_RIGHT,)), (2, ())]
    assert answer.hits[0].score == pytest.approx(1, abs=1e-3)
    assert answer.parts == ()


def test_photos_are_found_by_regions_only_where_the_caller_may_look(searcher, version, index):
    query = query_of(searcher, version, ONE.image)
    add(index, 1, (UPPER_LEFT, query), collection=2)
    add(index, 2, (UPPER_LEFT, -query))
    for place in (False, True):
        assert [hit.photo_id for hit in searcher.answer(request(ONE, place=place)).hits] == [2]


def test_two_things_apart_find_the_photo_that_has_both_and_say_where(searcher, version, index):
    parts = parts_of(TWO.image)
    first, second = (query_of(searcher, version, part.sketch) for part in parts)
    add(index, 1, (UPPER_LEFT, first))
    add(index, 2, (LOWER_RIGHT, second))
    add(index, 3, (UPPER_LEFT, first), (LOWER_RIGHT, second))
    answer = searcher.answer(request(TWO))
    assert answer.hits[0].photo_id == 3
    assert answer.hits[0].boxes == (UPPER_LEFT, LOWER_RIGHT)
    assert answer.parts == tuple(part.box for part in parts)


@pytest.mark.parametrize("bundle", [96], indirect=True)
def test_parts_are_drawn_at_the_size_of_the_bundles_sketches(searcher, version, index, monkeypatch):
    add(index, 1)
    loaded = searcher._loaded(version)
    asked = Mock(side_effect=loaded.query_together)
    monkeypatch.setattr(loaded, "query_together", asked)
    searcher.answer(request(TWO))
    ((parts,), _) = asked.call_args
    assert [looks.shape for looks in parts] == [(2, 96, 96)] * 2


def test_photos_chosen_as_feedback_count_for_the_whole_sketch_alone(searcher, version, index):
    add(index, 1, (UPPER_LEFT, query_of(searcher, version, TWO.image)))
    for photo_id in (2, 3):
        add(index, photo_id)
    liked = searcher.answer(request(TWO, like=(2,)))
    assert liked.hits[0].photo_id in (1, 2)
    assert all(len(hit.boxes) <= 1 for hit in liked.hits)
    assert liked.parts == ()


def test_where_the_place_counts_what_lies_there_is_named(searcher, version, index):
    query = query_of(searcher, version, ONE.image)
    add(index, 1, (LOWER_RIGHT, query), (UPPER_LEFT, query))
    (hit,) = searcher.answer(request(ONE, place=True)).hits
    assert hit.boxes == (UPPER_LEFT,)


@pytest.fixture
def photos(catalog):
    """Photos 1 to 3, as the catalog knows them."""
    collection = add_collection(catalog)
    known = {"collection_id": collection, "filename": "a.jpg", "media_type": "image/jpeg"}
    known |= {"size_bytes": 1, "width": 4, "height": 3}
    with catalog.transaction() as session:
        session.add_all(Photo(id=number, sha256=f"{number:064x}", **known) for number in (1, 2, 3))


def frame(pixels):
    return PhotoFrame(side=pixels.shape[0], pixels=pixels.tobytes())


@pytest.fixture
def framed(engine, bundle):
    """Something framed in a photo, and what E2 makes of it."""
    encoder = PhotoEncoder.of_bundle(bundle, engine)
    side = encoder.description.input_size
    pixels = np.random.default_rng(3).integers(0, 255, (side, side, 3)).astype(np.uint8)
    return frame(pixels), encoder.embed(pixels[None])[0]


def test_photos_like_what_was_framed_without_the_photo_itself(searcher, version, index, framed, photos):
    asked, vector = framed
    add(index, 1, (UPPER_LEFT, vector))
    add(index, 2, (LOWER_RIGHT, vector))
    add(index, 3, (LOWER_RIGHT, -vector))
    found = searcher.similar(SimilarRequest(photo_id=1, frame=asked, where=IndexFilter((1,)), limit=5))
    assert [(hit.photo_id, hit.boxes) for hit in found.hits] == [(2, (LOWER_RIGHT,)), (3, ())]
    assert found.hits[0].score == pytest.approx(1, abs=1e-2)
    assert (found.model_version_id, found.space_id) == (version.id, version.space_id)


def test_photos_like_a_whole_photo(searcher, index, photos):
    whole = np.random.default_rng(1).normal(size=64).astype(np.float32)
    add(index, 1)
    add(index, 2, (UPPER_LEFT, whole / np.linalg.norm(whole)))
    add(index, 3)
    found = searcher.similar(SimilarRequest(photo_id=1, where=IndexFilter((1,)), limit=1))
    assert [(hit.photo_id, hit.boxes) for hit in found.hits] == [(2, (UPPER_LEFT,))]


def test_a_photo_that_is_not_embedded_yet_cannot_be_searched_with_but_its_frames_can(searcher, index, framed, photos):
    add(index, 2, (UPPER_LEFT, framed[1]))
    with pytest.raises(NotFoundError, match="yet"):
        searcher.similar(SimilarRequest(photo_id=9, where=IndexFilter((1,)), limit=5))
    found = searcher.similar(SimilarRequest(photo_id=9, frame=framed[0], where=IndexFilter((1,)), limit=5))
    assert [hit.photo_id for hit in found.hits] == [2]


def test_what_was_framed_moves_a_search_by_sketch(searcher, version, index, framed):
    query = query_of(searcher, version, ONE.image)
    add(index, 1, (UPPER_LEFT, query))
    add(index, 2, (UPPER_LEFT, framed[1]), (LOWER_RIGHT, query + framed[1]))
    plain, moved = (searcher.answer(request(ONE, frames=frames)) for frames in ((), (framed[0],)))
    assert [hit.photo_id for hit in plain.hits] == [1, 2]
    assert [hit.photo_id for hit in moved.hits] == [2, 1]
    assert moved.hits[0].boxes == (LOWER_RIGHT,)
