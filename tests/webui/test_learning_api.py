"""Learning this library over the API: what is said before, while and after; nobody but administrators."""

from importlib import import_module

import pytest
from sqlalchemy import update

from mindreader.catalog import Embedding, TrainingState
from mindreader.learning import trainings
from mindreader.operations.worker_status import Heartbeat
from tests.support.web import given

LEAST = 3


@pytest.fixture(autouse=True)
def few_photos_are_enough(monkeypatch):
    monkeypatch.setattr(trainings, "LEAST_PHOTOS", LEAST)


@pytest.fixture
def library(admin, catalog, version):
    collection = admin.collection()
    for seed in range(LEAST):
        admin.photo(collection, seed)
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state="indexed"))
    return version


def test_what_would_be_learned_is_said_before(admin, catalog, library):
    seen = given(admin.get("/models/learn"))
    assert (seen["version"], seen["photos"], seen["hindrance"]) == ("first", LEAST, None)
    assert (seen["seconds"], seen["learns_from_use"], seen["training"]) == (None, False, None)
    assert seen["is_served"] is False
    Heartbeat("learn", "cpu").record(catalog)
    assert given(admin.get("/models/learn"))["is_served"] is True


def test_a_library_that_is_too_small_is_refused_with_what_to_do(admin, version):
    hindrance = given(admin.get("/models/learn"))["hindrance"]
    assert "too small" in hindrance
    refused = admin.post("/models/learn")
    assert refused.status_code == 409
    assert given(refused)["detail"] == hindrance


def test_it_is_begun_paused_resumed_and_cancelled(admin, library):
    begun = admin.post("/models/learn")
    assert begun.status_code == 201
    training = given(begun)
    assert (training["state"], training["from_version"], training["requested_by"]) == ("running", "first", "Root")
    assert (training["stage"], training["seconds_left"], training["finished_at"]) == (None, None, None)
    again = admin.post("/models/learn")
    assert again.status_code == 409
    assert "being learned already" in given(again)["detail"]
    assert given(admin.post("/models/learn/pause"))["state"] == "paused"
    assert admin.post("/models/learn/pause").status_code == 409
    assert given(admin.post("/models/learn/resume"))["state"] == "running"
    ended = given(admin.post("/models/learn/cancel"))
    assert ended["state"] == "cancelled"
    assert ended["finished_at"] is not None
    assert admin.post("/models/learn/cancel").status_code == 404
    assert given(admin.get("/models/learn"))["training"] == ended


def test_how_far_it_is_and_what_came_of_it(admin, catalog, library):
    number = given(admin.post("/models/learn"))["id"]
    with catalog.transaction() as session:
        trainings.lease_training(session, "me")
        trainings.note_progress(session, number, "me", "training", 30, 300, 120.04)
    training = given(admin.get("/models/learn"))["training"]
    assert (training["stage"], training["step"], training["steps"]) == ("training", 30, 300)
    assert training["seconds_left"] == 120.0
    with catalog.transaction() as session:
        trainings.end_training(session, number, TrainingState.FAILED, problem="The disk is full.")
    training = given(admin.get("/models/learn"))["training"]
    assert (training["state"], training["problem"]) == ("failed", "The disk is full.")
    number = given(admin.post("/models/learn"))["id"]
    with catalog.transaction() as session:
        trainings.end_training(session, number, TrainingState.COMPLETED, result=library)
    training = given(admin.get("/models/learn"))["training"]
    assert (training["result_version_id"], training["result_version"]) == (library.id, "first")


def test_workers_are_woken(admin, library, monkeypatch):
    learning = import_module("mindreader_webui.api.learning")  # the package calls its blueprint so
    woken: list[object] = []
    monkeypatch.setattr(learning, "wake_learners", woken.append)
    admin.post("/models/learn")
    admin.post("/models/learn/pause")
    assert len(woken) == 2
