"""How messages travel: as JSON between processes, as the objects themselves within one."""

from __future__ import annotations

import json

import pytest
from PIL import Image, ImageDraw

from mindreader.imaging import Sketch
from mindreader.messages import ImaginedReading, SearchAnswer, SearchHit, SearchRequest
from mindreader.photo_index import IndexFilter
from mindreader.settings import load_settings
from mindreader_workers import envelopes
from mindreader_workers.celery_app import make_celery
from mindreader_workers.envelopes import JsonEnvelopes, LocalEnvelopes, envelopes_of


@pytest.fixture
def request_():
    image = Image.new("L", (64, 64), 255)
    ImageDraw.Draw(image).line((5, 5, 60, 60), fill=0)
    where = IndexFilter((1, 2), None, 3)
    return SearchRequest(sketch=Sketch(image), where=where, limit=5, most_readings=2, reading=(7, 8))


def test_between_processes_a_message_is_json(request_):
    sealed = json.loads(json.dumps(JsonEnvelopes().seal(request_)))
    opened = JsonEnvelopes().open(SearchRequest, sealed)
    assert (opened.where, opened.reading, opened.sketch.png) == (request_.where, (7, 8), request_.sketch.png)


def test_what_has_its_default_does_not_travel_for_a_program_of_the_version_before_may_not_know_it(request_):
    sealed = JsonEnvelopes().seal(request_)
    assert sealed.keys() == {"sketch", "where", "limit", "most_readings", "reading"}
    hits = (SearchHit(photo_id=1, score=0.5),)
    readings = (ImaginedReading(imaginary_image=b"x", photo_ids=(1,)),)
    answer = SearchAnswer(
        model_version_id=1, model_version="a", space_id=1, readings=readings, hits=hits, timings_ms={}
    )
    assert JsonEnvelopes().seal(answer)["hits"] == [{"photo_id": 1, "score": 0.5}]
    # Servers of the version before know the image by this name.
    assert JsonEnvelopes().seal(answer)["readings"] == [{"imaginary_webp": "eA==", "photo_ids": [1]}]
    assert JsonEnvelopes().open(SearchAnswer, JsonEnvelopes().seal(answer)) == answer


def test_within_a_process_it_is_the_object_itself_and_nothing_is_encoded(request_):
    local = LocalEnvelopes()
    assert local.open(SearchRequest, json.loads(json.dumps(local.seal(request_)))) is request_
    assert "png" not in vars(request_.sketch)


def test_a_task_that_comes_twice_finds_its_message_twice(request_):
    local = LocalEnvelopes()
    ticket = local.seal(request_)
    assert local.open(SearchRequest, ticket) is local.open(SearchRequest, ticket)


def test_what_nobody_fetches_is_not_kept_for_ever(request_, monkeypatch):
    local = LocalEnvelopes()
    forgotten = local.seal(request_)
    monkeypatch.setattr(envelopes, "_KEPT_SECONDS", -1.0)
    local.seal(request_)
    with pytest.raises(KeyError):
        local.open(SearchRequest, forgotten)


def test_only_the_messages_opened_last_are_kept(request_, monkeypatch):
    monkeypatch.setattr(envelopes, "_KEPT_OPENED", 2)
    local = LocalEnvelopes()
    tickets = [local.seal(request_) for _ in range(3)]
    for ticket in tickets:
        local.open(SearchRequest, ticket)
    with pytest.raises(KeyError):
        local.open(SearchRequest, tickets[0])
    assert local.open(SearchRequest, tickets[2]) is request_


def test_the_way_follows_from_the_broker():
    here = make_celery(load_settings({}))
    there = make_celery(load_settings({"MINDREADER_BROKER_URL": "redis://localhost:1/0"}))
    assert isinstance(envelopes_of(here), LocalEnvelopes)
    assert isinstance(envelopes_of(there), JsonEnvelopes)
