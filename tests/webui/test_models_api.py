from importlib.metadata import version as installed_version

import pytest
from support.library import jpeg

from mindreader.catalog import ModelVersion


@pytest.fixture
def second(catalog, version):
    other = ModelVersion(
        name="second",
        bundle_sha256="1" * 64,
        space_id=version.space_id,
        metrics=[],
        active=False,
    )
    with catalog.transaction() as session:
        session.add(other)
    return other


def test_without_a_model_version_nothing_is_active(ann):
    assert ann.get("/status").json == {
        "version": installed_version("mindreader"),
        "embedding": {"pending": 0, "leased": 0, "indexed": 0, "failed": 0, "skipped": 0},
        "active_model": None,
    }
    assert ann.get("/models").json == {"models": []}


def test_the_status_counts_what_the_caller_may_see(ann, bob, version):
    ann.upload(ann.collection("Private"), jpeg(1), jpeg(2))
    ann.upload(ann.collection("Shared", "shared"), jpeg(3))
    assert ann.get("/status").json["embedding"]["pending"] == 3
    assert bob.get("/status").json["embedding"]["pending"] == 1
    assert bob.get("/status").json["active_model"] == {
        "id": version.id,
        "name": "first",
        "space_key": version.space.key,
    }


def test_model_versions_are_listed_newest_first(ann, version, second):
    listed = ann.get("/models").json["models"]
    assert [(model["name"], model["active"]) for model in listed] == [("second", False), ("first", True)]
    assert listed[1]["photo_encoder"] == "efficientnet-lite0"
    assert listed[1]["metrics"] == [{"a": 1}]


def test_an_administrator_switches_the_version_and_back(admin, version, second):
    for chosen in (second, version):
        answer = admin.post(f"/models/{chosen.id}/activate")
        assert (answer.status_code, answer.json["active"]) == (200, True)
        assert admin.get("/status").json["active_model"]["id"] == chosen.id


def test_an_unknown_version_is_not_found(admin, version):
    assert admin.post("/models/999/activate").status_code == 404
    assert admin.get("/status").json["active_model"]["id"] == version.id
