"""A search answers with one model version, and only from where the caller may look."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mindreader.errors import IndexFailedError, NotReadyError
from mindreader.imaging import Sketch
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.readings import expanded_query
from mindreader.messages import SearchAnswer, SearchRequest, SimilarRequest
from mindreader.model_versions.registry import activate, bundle_store
from mindreader.photo_index import EVERYTHING, IndexFilter, IndexPoint
from mindreader.search.retrieval import refined
from mindreader.search.score_threshold import score_threshold
from mindreader.search.searcher import Searcher
from tests.support.bundles import register_and_open, write_untrained_bundle
from tests.support.library import add_collection, add_photos, jpeg
from tests.support.services import wait_until


@pytest.fixture
def searcher(catalog, blobs, indexes, settings):
    return Searcher(catalog, bundle_store(settings, blobs), indexes, settings, TorchEngine.on("cpu", "float32"))


@pytest.fixture
def version(request, catalog, blobs, settings, quick_bundle, tmp_path):
    """The active version of a bundle whose sketches have G's size, or that of the test's parameter."""
    size = getattr(request, "param", None)
    bundle = quick_bundle if size is None else write_untrained_bundle(tmp_path / "bundle", sketch_size=size)
    registered = register_and_open(catalog, blobs, settings, bundle)
    with catalog.transaction() as session:
        return activate(session, registered.id)


@pytest.fixture
def index(version, indexes, catalog):
    with catalog.snapshot() as session:
        session.add(version)
        key = version.space.key
    index = indexes.get(key, 64)
    vectors = np.random.default_rng(0).normal(size=(20, 64)).astype(np.float32)
    index.upsert([IndexPoint(i + 1, vector, 1 + i % 2, 1 + i % 4) for i, vector in enumerate(vectors)])
    return index


@pytest.fixture
def sketches():
    """Six that differ."""
    return [_line(angle) for angle in np.linspace(0, np.pi, 6, endpoint=False)]


def _line(angle):
    sheet = Image.new("L", (64, 64), 255)
    across = 25 * np.array([np.cos(angle), np.sin(angle)])
    ImageDraw.Draw(sheet).line([*(32 - across), *(32 + across)], fill=0, width=3)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _request(sketch_png, **changes):
    where: dict[str, Any] = {"collection_ids": (1, 2)}
    where |= {name: changes.pop(name) for name in ("collection_ids", "category_ids") if name in changes}
    given: dict[str, Any] = {
        "sketch": Sketch.read(sketch_png, max_bytes=10**7),
        "where": IndexFilter(**where),
        "limit": 20,
        "most_readings": 4,
    }
    return SearchRequest(**(given | changes))


def test_an_answer_names_its_version_and_ranks_photos(searcher, version, index, sketch_png):
    answer = searcher.answer(_request(sketch_png))
    assert (answer.model_version_id, answer.model_version) == (version.id, "untrained")
    assert len(answer.hits) == 20
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)
    assert 1 <= len(answer.readings) <= 4
    for reading in answer.readings:
        assert Image.open(io.BytesIO(reading.imaginary_image)).size == (64, 64)
        assert set(reading.photo_ids) <= {hit.photo_id for hit in answer.hits}


def test_photos_of_other_collections_and_categories_are_never_found(searcher, index, sketch_png):
    hits = searcher.answer(_request(sketch_png, collection_ids=(1,))).hits
    assert {hit.photo_id % 2 for hit in hits} == {1}
    hits = searcher.answer(_request(sketch_png, category_ids=(3,))).hits
    assert {hit.photo_id % 4 for hit in hits} == {3}
    assert searcher.answer(_request(sketch_png, collection_ids=())).hits == ()


def test_an_index_that_fails_at_any_question_is_asked_once_more(searcher, index, sketch_png, monkeypatch):
    hits, search, asked = searcher.answer(_request(sketch_png)).hits, index.search, list[int]()

    def fails_at(number):
        def search_or_fail(*question):
            asked.append(number)
            if len(asked) == number:
                raise IndexFailedError
            return search(*question)

        return search_or_fail

    number = 1
    while True:
        asked.clear()
        monkeypatch.setattr(index, "search", fails_at(number))
        assert searcher.answer(_request(sketch_png)).hits == hits
        if len(asked) < number:
            break
        number += 1
    assert number > 2, "it was asked twice at least: what the sketch finds, and what the expanded query finds"


def test_the_same_request_has_the_same_answer(searcher, index, sketch_png):
    first, again = (searcher.answer(_request(sketch_png)) for _ in range(2))
    assert (first.hits, first.readings) == (again.hits, again.readings)


@pytest.fixture
def two_kinds(searcher, version, index, sketch_png):
    """The ids of photos of two kinds, both near what the sketch is read as."""
    query = searcher._loaded(version).query(looks_at(Sketch.read(sketch_png, max_bytes=10**7).image, 64))
    random = np.random.default_rng(1)
    across = random.normal(size=(2, 64))
    across -= (across @ query)[:, None] * query
    kinds = [range(101 + 10 * kind, 107 + 10 * kind) for kind in (0, 1)]
    for kind, side in zip(kinds, across, strict=True):
        middle = query + 1.5 * side / np.linalg.norm(side)
        near = middle + random.normal(scale=0.02, size=(len(kind), 64))
        index.upsert([IndexPoint(i, each.astype(np.float32), 1) for i, each in zip(kind, near, strict=True)])
    return [set(kind) for kind in kinds]


def kinds_of(readings, kinds):
    """Of which kinds the photos of each reading are; photos of no kind may stand with any."""
    return [{number for number, kind in enumerate(kinds) if kind & set(each.photo_ids)} for each in readings]


def test_what_a_sketch_may_show_is_told_apart_by_the_photos_it_finds(searcher, two_kinds, sketch_png):
    answer = searcher.answer(_request(sketch_png))
    assert kinds_of(answer.readings[:2], two_kinds) in ([{0}, {1}], [{1}, {0}])
    assert len({reading.imaginary_image for reading in answer.readings}) == len(answer.readings)
    assert not any(reading.picked for reading in answer.readings)


@pytest.mark.parametrize("kind", [0, 1])
def test_the_reading_that_was_picked_searches_and_is_named(searcher, two_kinds, sketch_png, kind):
    picked = tuple(sorted(two_kinds[kind]))
    answer = searcher.answer(_request(sketch_png, reading=picked, limit=6))
    assert {hit.photo_id for hit in answer.hits} == two_kinds[kind]
    before = kinds_of(searcher.answer(_request(sketch_png)).readings, two_kinds)
    assert kinds_of(answer.readings, two_kinds) == before  # nothing changes its place
    assert [reading.picked for reading in answer.readings] == [{kind} == each for each in before]
    assert set(answer.readings[before.index({kind})].photo_ids) == two_kinds[kind]
    assert answer.answerable is None


def test_a_reading_whose_photos_are_gone_picks_nothing(searcher, two_kinds, sketch_png):
    plain = searcher.answer(_request(sketch_png))
    assert searcher.answer(_request(sketch_png, reading=(998, 999))).hits == plain.hits


def test_imagining_again_gives_further_readings_and_then_other_noise(searcher, two_kinds, index, sketch_png):
    answers = [searcher.answer(_request(sketch_png, round=number)) for number in range(8)]
    shown = [photo for reading in answers[0].readings for photo in reading.photo_ids]
    assert answers[0].hits == answers[1].hits  # they search as before
    # All photos were looked at in the first round: from then on the same readings are painted anew.
    for first, other in combinations(answers, 2):
        assert [photo for reading in other.readings for photo in reading.photo_ids] == shown
        assert {r.imaginary_image for r in first.readings}.isdisjoint(r.imaginary_image for r in other.readings[:1])


def test_further_readings_are_of_the_photos_after_the_first_forty(searcher, version, indexes, sketch_png, index):
    query = searcher._loaded(version).query(looks_at(Sketch.read(sketch_png, max_bytes=10**7).image, 64))
    random = np.random.default_rng(2)
    near = query + random.normal(scale=0.02, size=(40, 64))
    index.upsert([IndexPoint(201 + i, each.astype(np.float32), 1) for i, each in enumerate(near)])
    first, second = (searcher.answer(_request(sketch_png, round=number)).readings for number in (0, 1))
    assert {photo for reading in first for photo in reading.photo_ids} == set(range(201, 241))
    assert {photo for reading in second for photo in reading.photo_ids} <= set(range(1, 21))


def test_without_photos_what_was_read_is_imagined(searcher, version, sketch_png):
    (reading,) = searcher.answer(_request(sketch_png, collection_ids=())).readings
    assert (reading.photo_ids, reading.picked) == ((), False)


def test_a_drawing_is_found_wherever_it_stands_on_the_sheet_unless_its_place_counts(searcher, index, sketches):
    large = Image.open(io.BytesIO(sketches[1]))
    sheet = Image.new("L", (256, 256), 255)
    sheet.paste(large, (190, 3))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    # With a photo chosen the query is not expanded by what was found, which would bring the three nearer to each other.
    fitted, kept = (searcher.answer(_request(buffer.getvalue(), fit=fit, like=(1,))).hits for fit in (True, False))
    whole = searcher.answer(_request(sketches[1], like=(1,))).hits
    scores = {hit.photo_id: hit.score for hit in whole}
    away = [np.mean([abs(scores[hit.photo_id] - hit.score) for hit in hits]) for hits in (fitted, kept)]
    assert away[0] < away[1] / 2


def test_without_an_active_version_the_answer_says_so(searcher, sketch_png):
    with pytest.raises(NotReadyError, match="administrator"):
        searcher.answer(_request(sketch_png))


def test_a_switch_takes_effect_with_the_next_search(searcher, catalog, blobs, settings, index, tmp_path, sketch_png):
    before = searcher.answer(_request(sketch_png))
    other = write_untrained_bundle(tmp_path / "other", seed=1, name="other")
    version = register_and_open(catalog, blobs, settings, other)
    with catalog.transaction() as session:
        activate(session, version.id)
    after = searcher.answer(_request(sketch_png))
    assert (before.model_version, after.model_version) == ("untrained", "other")
    assert before.readings != after.readings


def test_a_bundle_that_was_damaged_on_disk_is_refused_by_name(searcher, version, blobs, settings, sketch_png):
    kept = bundle_store(settings, blobs).read(version.bundle_sha256, version.name)
    kept.weights("generator.safetensors").write_bytes(b"")
    with pytest.raises(NotReadyError, match="model version untrained") as refused:
        searcher.answer(_request(sketch_png))
    assert "generator.safetensors" in refused.value.for_administrators


def test_messages_survive_the_journey_as_json(searcher, index, sketch_png):
    request = _request(sketch_png)
    arrived = SearchRequest.model_validate_json(request.model_dump_json())
    assert arrived.model_dump(exclude={"sketch"}) == request.model_dump(exclude={"sketch"})
    assert arrived.sketch.png == request.sketch.png
    answer = searcher.answer(request)
    assert SearchAnswer.model_validate_json(answer.model_dump_json()) == answer


def test_warming_up_needs_no_photos(searcher, version, catalog):
    add_collection(catalog)
    searcher.warm_up()


def test_photos_lead_the_search(searcher, version, index, sketch_png):
    plain = searcher.answer(_request(sketch_png))
    last = plain.hits[-1].photo_id
    led = searcher.answer(_request(sketch_png, like=(last,)))
    assert _score(led, last) > _score(plain, last)
    repelled = searcher.answer(_request(sketch_png, unlike=(plain.hits[0].photo_id,)))
    assert repelled.hits[0].photo_id != plain.hits[0].photo_id
    assert searcher.answer(_request(sketch_png, like=(999_999,))).hits == plain.hits


@pytest.mark.parametrize("seed", range(3))
def test_feedback_is_the_mean_of_what_is_wanted_moved_from_what_is_not(seed):
    query, liked, other = np.random.default_rng(seed).normal(size=(3, 8)).astype(np.float32)
    assert refined(query, [], []) is query
    wanted = (query + liked) / 2
    expected = wanted + (wanted - other)
    assert refined(query, [liked], [other]) == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)
    assert refined(query, [], [2 * query]) is query  # nothing would be left of it


def _score(answer, photo_id):
    return next(hit.score for hit in answer.hits if hit.photo_id == photo_id)


def test_where_guesswork_begins_follows_from_what_random_photos_score(
    searcher, version, index, indexes, catalog, blobs, settings, sketch_png
):
    assert searcher.answer(_request(sketch_png)).score_threshold is None  # the catalog knows of no photo yet
    photos = add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(i) for i in range(40)])
    more = np.random.default_rng(1).normal(size=(len(photos), 64)).astype(np.float32)
    index.upsert([IndexPoint(photo, vector, 1) for photo, vector in zip(photos, more, strict=True)])
    fresh = Searcher(catalog, bundle_store(settings, blobs), indexes, settings, TorchEngine.on("cpu", "float32"))
    answer = fresh.answer(_request(sketch_png))
    assert answer.score_threshold is not None
    assert -1 < answer.score_threshold <= 1
    of_photo = fresh.similar(SimilarRequest(photo_id=photos[0], where=IndexFilter((1,)), limit=5)).score_threshold
    assert of_photo is not None
    assert of_photo not in (answer.score_threshold, 1)


def test_the_line_is_not_moved_by_the_few_that_are_meant():
    random = np.random.default_rng(0)
    others = random.normal(0.1, 0.03, 500).astype(np.float32)
    meant = np.full(40, 0.9, np.float32)
    alone, together = score_threshold(others), score_threshold(np.concatenate([others, meant]))
    assert alone == pytest.approx(0.1 + 7 * 0.03, abs=0.03)
    assert together == pytest.approx(alone, abs=0.03)


@pytest.mark.parametrize(("version", "side"), [(None, 64), (96, 96)], indirect=["version"])
def test_a_sketch_searches_expanded_by_the_photos_it_finds_first(searcher, version, side, index, sketch_png):
    loaded = searcher._loaded(version)
    query = loaded.query(looks_at(_request(sketch_png).sketch.image, side))
    nearest = [hit.photo_id for hit in index.search(query, 10, EVERYTHING)]
    stored = index.vectors(nearest)
    expanded = expanded_query(query, np.stack([stored[photo] for photo in nearest]))
    expected = [(hit.photo_id, pytest.approx(hit.score, abs=1e-5)) for hit in index.search(expanded, 20, EVERYTHING)]
    assert [(hit.photo_id, hit.score) for hit in searcher.answer(_request(sketch_png, limit=20)).hits] == expected
    assert [hit.photo_id for hit in index.search(query, 20, EVERYTHING)] != [photo for photo, _ in expected]


def test_searches_at_once_go_through_the_networks_together_and_none_gets_anothers_answer(
    searcher, index, version, sketches
):
    alone = [searcher.answer(_request(sketch)) for sketch in sketches]
    batches, batcher = [], searcher._loaded(version).query
    work = batcher._work
    busy = Barrier(len(sketches) + 1)

    def when_all_have_come(asked):
        batches.append(len(asked))
        wait_until(lambda: sum(batches) + len(batcher._waiting) == len(sketches), "the others")
        return work(asked)

    batcher._work = when_all_have_come

    def ask(sketch):
        busy.wait()
        return searcher.answer(_request(sketch))

    with ThreadPoolExecutor(len(sketches)) as pool:
        asked = [pool.submit(ask, sketch) for sketch in sketches]
        busy.wait()
        together = [each.result() for each in asked]
    assert sum(batches) == len(sketches)
    assert len(batches) < len(sketches)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose([hit.score for hit in one.hits], [hit.score for hit in other.hits], atol=1e-4)
