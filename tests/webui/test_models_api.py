import io
from datetime import timedelta
from importlib.metadata import version as installed_version
from zipfile import ZipFile

import pytest
from PIL import Image
from sqlalchemy import update

from mindreader.bundles.archive import pack_bundle
from mindreader.catalog import Embedding, Job, ModelVersion, WorkerProcess
from mindreader.catalog.models import now
from mindreader.library.files.system_folders import SYSTEM_FOLDERS
from mindreader.messages import SearchHit
from mindreader.operations.worker_status import Heartbeat
from mindreader_workers.celery_app import EMBED_QUEUE
from tests.support.bundles import write_untrained_bundle
from tests.support.library import jpeg


def sketch():
    buffer = io.BytesIO()
    image = Image.new("L", (64, 64), 255)
    image.paste(0, (10, 10, 50, 14))
    image.save(buffer, "PNG")
    return buffer.getvalue()


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


def test_without_a_model_version_nothing_is_active(ann, settings):
    assert ann.get("/status").json == {
        "version": installed_version("mindreader"),
        "embedding": {"pending": 0, "leased": 0, "indexed": 0, "failed": 0, "skipped": 0},
        "embedding_trouble": "No worker prepares photos for searching at the moment. Tell an administrator if this "
        "stays.",
        "active_model": None,
        "uploads": {
            "file_max_bytes": settings.upload_max_bytes,
            "request_max_bytes": settings.request_max_bytes,
            "skipped_folders": list(SYSTEM_FOLDERS),
        },
    }
    assert ann.get("/models").json == {"models": []}


def test_administrators_are_told_what_the_worker_says_and_others_that_it_is_trouble(admin, ann, catalog):
    Heartbeat(EMBED_QUEUE, "cpu").record(catalog, error="No room in /srv/photos")
    assert admin.get("/status").json["embedding_trouble"] == "No room in /srv/photos"
    assert "Tell an administrator" in ann.get("/status").json["embedding_trouble"]
    assert "/srv" not in ann.get("/status").json["embedding_trouble"]
    Heartbeat(EMBED_QUEUE, "cpu").record(catalog)
    assert ann.get("/status").json["embedding_trouble"] is None


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


def test_an_administrator_switches_the_version_and_back(admin, finder, version, second):
    assert admin.get("/models").json["models"][0]["activated_at"] is None
    for chosen in (second, version):
        answer = admin.post(f"/models/{chosen.id}/activate")
        assert (answer.status_code, answer.json["active"]) == (200, True)
        assert answer.json["activated_at"] is not None
        assert admin.get("/status").json["active_model"]["id"] == chosen.id
    assert finder.warmed == [second.id, version.id]


def test_an_unknown_version_is_not_found(admin, finder, version):
    assert admin.post("/models/999/activate").status_code == 404
    assert admin.get("/status").json["active_model"]["id"] == version.id


def test_a_version_that_cannot_be_loaded_does_not_take_over(admin, finder, version, second):
    finder.cannot_load = {"kind": "bundle", "detail": "generator.safetensors is damaged"}
    answer = admin.post(f"/models/{second.id}/activate")
    assert "damaged" in answer.json["detail"]
    assert admin.get("/status").json["active_model"]["id"] == version.id


@pytest.fixture
def lite2_zip(tmp_path):
    """A bundle for an embedding space nobody knows yet, as a zip file."""
    pack_bundle(write_untrained_bundle(tmp_path / "bundle", name="newer"), tmp_path / "bundle.zip")
    return (tmp_path / "bundle.zip").read_bytes()


def _send(person, content):
    return person.post("/models", data={"bundle": (io.BytesIO(content), "bundle.zip")})


def test_a_bundle_is_tried_built_beside_the_old_one_and_switched_to(admin, finder, ann, version, lite2_zip, blobs):
    collection = ann.collection()
    ann.upload(collection, jpeg(1), jpeg(2))
    answer = _send(admin, lite2_zip)
    assert answer.status_code == 201, answer.text
    added = answer.json
    assert (added["name"], added["active"]) == ("newer", False)
    assert finder.tried and finder.warmed == [added["id"]]
    old, new = admin.get("/spaces").json["spaces"]
    assert (old["state"], new["state"]) == ("open", "known")
    assert (new["cost"]["photos"], new["cost"]["seconds"]) == (2, 1.0)
    assert admin.post(f"/models/{added['id']}/activate").status_code == 409

    job = admin.post(f"/spaces/{new['id']}/build").json
    assert (job["state"], job["total"], job["waiting"], job["requested_by"]) == ("running", 2, 2, "Root")
    assert admin.post(f"/models/{added['id']}/activate").status_code == 409
    switched = admin.post(f"/models/{added['id']}/activate?incomplete=true")
    assert switched.json["active"]
    answer = ann.post("/searches", data={"sketch": (io.BytesIO(sketch()), "s.png")})
    assert answer.json["searchable"]["total"] == 2
    assert admin.ask("DELETE", f"/spaces/{new['id']}").status_code == 409

    assert admin.post(f"/models/{version.id}/activate?incomplete=true").status_code == 200
    assert admin.ask("DELETE", f"/spaces/{new['id']}").status_code == 202
    assert admin.get(f"/jobs/{job['id']}").json["state"] == "cancelled"
    assert admin.ask("DELETE", f"/models/{added['id']}").status_code == 204
    assert list(blobs.keys("bundles")) == []


def test_the_same_bundle_twice_is_one_version(admin, finder, lite2_zip):
    assert _send(admin, lite2_zip).json["id"] == _send(admin, lite2_zip).json["id"]


def test_regions_are_added_beside_built_switched_to_and_removed(admin, ann, finder, version, catalog, lite2_zip, blobs):
    added = _send(admin, lite2_zip).json
    ann.upload(ann.collection(), jpeg(1), jpeg(2))
    (offered,) = (each for each in admin.get("/models").json["models"] if each["id"] == added["id"])
    assert offered["regions"] == "none"
    grid6 = next(each for each in offered["addable_regions"] if each["regions"] == "grid6")
    plain_cost = admin.get("/spaces").json["spaces"][1]["cost"]
    assert grid6["cost"]["photos"] == 2
    assert grid6["cost"]["seconds"] > 3 * plain_cost["seconds"]
    assert grid6["cost"]["index_bytes"] > 3 * plain_cost["index_bytes"]

    answer = admin.post(f"/models/{added['id']}/regions", json={"regions": "grid6"})
    assert answer.status_code == 201, answer.text
    regional = answer.json
    assert (regional["name"], regional["regions"], regional["active"]) == ("newer · regions", "grid6", False)
    space = next(each for each in admin.get("/spaces").json["spaces"] if each["id"] == regional["space_id"])
    assert (space["regions"], space["state"], space["cost"]) == ("grid6", "known", grid6["cost"])
    listed = {each["id"]: each for each in admin.get("/models").json["models"]}
    assert listed[regional["id"]]["addable_regions"] == []
    assert "grid6" not in [each["regions"] for each in listed[added["id"]]["addable_regions"]]
    assert admin.post(f"/models/{added['id']}/regions", json={"regions": "grid6"}).status_code == 409
    assert admin.post(f"/models/{regional['id']}/regions", json={"regions": "grid6"}).status_code == 409

    assert admin.post(f"/models/{regional['id']}/activate").status_code == 409
    assert admin.post(f"/spaces/{space['id']}/build").status_code == 201
    assert admin.post(f"/models/{regional['id']}/activate?incomplete=true").json["active"]
    assert admin.post(f"/models/{version.id}/activate?incomplete=true").status_code == 200
    assert admin.ask("DELETE", f"/models/{regional['id']}").status_code == 204
    assert list(blobs.keys("bundles")), "the version without regions still uses them"
    assert admin.ask("DELETE", f"/models/{added['id']}").status_code == 204
    assert list(blobs.keys("bundles")) == []


@pytest.mark.parametrize("regions", [None, "none", "grid99", 6, "x" * 101])
def test_regions_nobody_knows_are_refused(admin, version, regions):
    assert admin.post(f"/models/{version.id}/regions", json={"regions": regions}).status_code == 422
    assert admin.post("/models/999/regions", json={"regions": "grid6"}).status_code == 404
    assert len(admin.get("/models").json["models"]) == 1


def test_only_administrators_add_regions_and_are_told_what_they_cost(admin, ann, version):
    assert ann.post(f"/models/{version.id}/regions", json={"regions": "grid6"}).status_code == 403
    assert ann.get("/models").json["models"][0]["addable_regions"] == []
    assert admin.get("/models").json["models"][0]["addable_regions"]


def test_a_bundle_that_fails_its_trial_leaves_nothing(admin, finder, version, lite2_zip, blobs, settings):
    finder.cannot_load = {"kind": "bundle", "detail": "E1 makes embeddings that are not finite."}
    answer = _send(admin, lite2_zip)
    assert "not finite" in answer.json["detail"]
    assert len(admin.get("/models").json["models"]) == 1
    assert list(blobs.keys("bundles")) == []
    assert list((settings.data_dir / "uploads").iterdir()) == []


def test_what_is_no_bundle_is_refused(admin, finder, version, settings):
    assert admin.post("/models", data={}).status_code == 422
    answer = _send(admin, b"not a zip")
    assert answer.status_code == 422
    assert "zip" in answer.json["detail"]
    assert finder.tried == []
    assert list((settings.data_dir / "uploads").iterdir()) == []


def test_what_is_no_bundle_is_named_as_the_person_names_it(admin, finder, version):
    empty = io.BytesIO()
    ZipFile(empty, "w").close()
    for content in (b"not a zip", empty.getvalue()):
        answer = admin.post("/models", data={"bundle": (io.BytesIO(content), "my-model.zip")})
        assert answer.status_code == 422
        assert "my-model.zip" in answer.json["detail"]


def test_jobs_over_the_api(admin, ann, finder, version, catalog):
    photos = [photo["photo_id"] for photo in ann.upload(ann.collection(), jpeg(1), jpeg(2))]
    with catalog.transaction() as session:
        job = Job(space_id=version.space_id, last_photo_id=max(photos))
        session.add(job)
        session.execute(update(Embedding).values(state="failed", error="The file is damaged.", attempts=3))
    (listed,) = admin.get("/jobs").json["jobs"]
    assert (listed["failed"], listed["seconds_left"]) == (2, None)
    assert admin.post(f"/jobs/{job.id}/pause").json["state"] == "paused"
    assert admin.post(f"/jobs/{job.id}/resume").json["state"] == "running"
    page = admin.get(f"/jobs/{job.id}/failed?limit=1").json
    assert page["photos"][0]["reason"] == "The file is damaged."
    assert admin.client.get(page["photos"][0]["thumbnail_url"], headers=admin.headers).status_code == 200
    assert len(admin.get(f"/jobs/{job.id}/failed?after={page['next']}").json["photos"]) == 1
    assert admin.post(f"/jobs/{job.id}/failed/{photos[0]}/skip").json == {"photos": 1}
    assert admin.post(f"/jobs/{job.id}/failed/{photos[1]}/retry").json == {"photos": 1}
    assert admin.post(f"/jobs/{job.id}/retry").json == {"photos": 1}  # the skipped one is taken back
    assert admin.post(f"/jobs/{job.id}/skip").status_code == 409
    assert admin.post("/jobs/999/pause").status_code == 404


def test_versions_are_compared_on_one_sketch(admin, ann, finder, version, second):
    photos = [photo["photo_id"] for photo in ann.upload(ann.collection("Shared", "shared"), jpeg(1), jpeg(2))]
    finder.hits = [SearchHit(photo_id=photo, score=0.5) for photo in photos]
    form = {"sketch": (io.BytesIO(sketch()), "s.png"), "model_version_id": [version.id, second.id], "limit": 2}
    compared = admin.post("/comparisons", data=form).json
    assert [each["id"] for each in compared["versions"]] == [version.id, second.id]
    assert compared["mean_overlap"] == 1.0
    (row,) = compared["sketches"]
    assert [len(each["results"]) for each in row["answers"]] == [2, 2]
    assert [asked.model_version_id for asked in finder.asked] == [version.id, second.id]


def test_versions_are_compared_on_the_saved_sketches_with_precision(admin, ann, finder, version, second):
    dogs_in = ann.collection("Shared", "shared")
    dogs = ann.upload(dogs_in, jpeg(1), category="dog")
    finder.hits = [SearchHit(photo_id=dogs[0]["photo_id"], score=0.5)]
    form = {"model_version_id": [version.id, second.id]}
    assert admin.post("/comparisons", data=form).status_code == 422  # nothing is saved yet
    for name, category in (("rex", "Dog"), ("felix", "cat"), ("scribble", "")):
        sent = {"sketch": (io.BytesIO(sketch()), "s.png"), "name": name, "category": category}
        assert admin.post("/benchmark-sketches", data=sent).status_code == 201
    again = {"sketch": (io.BytesIO(sketch()), "s.png"), "name": "rex"}
    assert admin.post("/benchmark-sketches", data=again).status_code == 409
    compared = admin.post("/comparisons", data=form).json
    assert [row["name"] for row in compared["sketches"]] == ["felix", "rex", "scribble"]
    assert compared["versions"][0]["labelled_sketches"] == 2
    assert compared["versions"][0]["precision"] == {"5": 0.1, "20": 0.025}
    others = ann.upload(dogs_in, *map(jpeg, range(2, 8)), category=["", "", "", "horse", "", ""])
    finder.hits += [SearchHit(photo_id=each["photo_id"], score=0.4) for each in others[:4]]
    compared = admin.post("/comparisons", data=form).json
    assert compared["versions"][0]["precision"] == {"5": 0.25, "20": round(1 / 17 / 2, 4)}
    finder.hits = [SearchHit(photo_id=each["photo_id"], score=0.4) for each in others if each is not others[3]]
    assert admin.post("/comparisons", data=form).json["versions"][0]["precision"] == {"20": 0.0}
    saved = admin.get("/benchmark-sketches").json["sketches"]
    assert admin.ask("DELETE", f"/benchmark-sketches/{saved[0]['id']}").status_code == 204
    assert admin.ask("DELETE", f"/benchmark-sketches/{saved[0]['id']}").status_code == 404


@pytest.mark.parametrize("form", [{}, {"model_version_id": [1]}, {"model_version_id": [1, 2], "limit": 0}])
def test_a_comparison_needs_two_versions(admin, finder, form):
    assert admin.post("/comparisons", data=form).status_code == 422


def test_quality_is_of_what_the_caller_may_see(ann, bob, finder):
    collection = ann.collection()
    found = ann.get("/quality").json
    assert found["protocol"] == f"collections [{collection}]"
    assert found["categories"][0]["precision"] == 0.5
    assert bob.get("/quality").json["protocol"] == "collections []"


def test_workers_are_alive_while_tasks_run_in_them(admin, catalog, client, version):
    heartbeat = Heartbeat("search", "cpu", "search@here")
    assert client.get("/readyz").status_code == 503
    heartbeat.record(catalog, photos=3, error=None)
    assert client.get("/readyz").text == "ok"
    (listed,) = admin.get("/workers").json["workers"]
    assert (listed["name"], listed["alive"], listed["tasks"], listed["photos"]) == ("search@here", True, 1, 3)
    with catalog.transaction() as session:
        session.execute(update(WorkerProcess).values(last_task_at=now() - timedelta(minutes=5)))
    assert not admin.get("/workers").json["workers"][0]["alive"]
    assert "no search worker" in client.get("/readyz").text
