"""Everything is closed unless it is opened here: every endpoint of the API x everyone who may ask."""

import io
import json
import re
import shutil
from datetime import timedelta

import pytest

from mindreader.accounts.sessions import Browser, begin_session, sessions_of
from mindreader.blobs import BlobStore, sketch_key
from mindreader.catalog import BenchmarkSketch, Catalog, Job, Role, Search, User, UserSketch
from mindreader_webui.access import ADMIN, ANYONE
from mindreader_webui.app import create_app
from mindreader_webui.services import Services, current_services
from tests.support.databases import copy_template
from tests.support.library import jpeg
from tests.support.web import Finder, Person, access_of, add_active_version, add_person, given, web_settings

# Expected status by who asks: nobody, the owner, another member (private collection), another member
# (shared collection), an administrator. A member who was invited to a private one may do as in a shared one.
# {c}, {p} and {t} are ids of the owner's collection, photo and token, {m}, {s}, {j} and {k} of the active model
# version, its space, a job there and a saved sketch, {h} of her search, {w} of a sketch she keeps, {u} of the
# owner, {o} of another collection of hers, {b} and {d} of a photo and a collection in her trash, {n} of a person she
# shares {c} with, {e} of a browser she is signed in with.
PEOPLE = ("nobody", "owner", "other, private", "other, shared", "admin", "other, invited")
COLUMN = {"other, invited": PEOPLE.index("other, shared")}
MATRIX = {
    ("GET", "/session"): (401, 200, 200, 200, 200),
    ("DELETE", "/session"): (401, 204, 204, 204, 204),
    ("GET", "/tokens"): (401, 200, 200, 200, 200),
    ("POST", "/tokens"): (401, 201, 201, 201, 201),
    ("DELETE", "/tokens/{t}"): (401, 204, 404, 404, 404),
    ("GET", "/sessions"): (401, 200, 200, 200, 200),
    ("DELETE", "/sessions"): (401, 204, 204, 204, 204),
    ("DELETE", "/sessions/{e}"): (401, 204, 404, 404, 404),
    ("GET", "/users"): (401, 403, 403, 403, 200),
    ("POST", "/users"): (401, 403, 403, 403, 201),
    ("PATCH", "/users/{u}"): (401, 403, 403, 403, 200),
    ("DELETE", "/users/{u}"): (401, 403, 403, 403, 409),
    ("GET", "/users/{u}/tokens"): (401, 403, 403, 403, 200),
    ("DELETE", "/users/{u}/tokens/{t}"): (401, 403, 403, 403, 204),
    ("POST", "/session/password"): (401, 422, 422, 422, 422),
    ("GET", "/system"): (401, 403, 403, 403, 200),
    ("GET", "/collections"): (401, 200, 200, 200, 200),
    ("POST", "/collections"): (401, 201, 201, 201, 201),
    ("GET", "/collections/{c}"): (401, 200, 404, 200, 200),
    ("PATCH", "/collections/{c}"): (401, 200, 404, 403, 200),
    ("DELETE", "/collections/{c}"): (401, 204, 404, 403, 204),
    ("GET", "/collections/{c}/photos"): (401, 200, 404, 200, 200),
    ("POST", "/collections/{c}/photos"): (401, 200, 404, 403, 200),
    ("GET", "/collections/{c}/people"): (401, 200, 404, 403, 200),
    ("POST", "/collections/{c}/people"): (401, 200, 404, 403, 200),
    ("DELETE", "/collections/{c}/people/{n}"): (401, 204, 404, 403, 204),
    ("POST", "/collections/{c}/existing"): (401, 200, 404, 403, 200),
    ("POST", "/photos/category"): (401, 200, 404, 403, 200),
    ("POST", "/photos/delete"): (401, 200, 404, 403, 200),
    ("POST", "/photos/move"): (401, 200, 404, 403, 200),
    ("GET", "/photos/archive"): (401, 200, 404, 200, 200),
    ("GET", "/trash"): (401, 200, 200, 200, 200),
    ("DELETE", "/trash"): (401, 204, 204, 204, 204),
    ("GET", "/trash/photos/{b}/thumbnail"): (401, 200, 404, 404, 200),
    ("POST", "/trash/photos/restore"): (401, 200, 404, 404, 200),
    ("POST", "/trash/photos/remove"): (401, 200, 404, 404, 200),
    ("POST", "/trash/collections/{d}/restore"): (401, 200, 404, 404, 200),
    ("DELETE", "/trash/collections/{d}"): (401, 204, 404, 404, 204),
    ("GET", "/photos/{p}"): (401, 200, 404, 200, 200),
    ("PATCH", "/photos/{p}"): (401, 200, 404, 403, 200),
    ("DELETE", "/photos/{p}"): (401, 204, 404, 403, 204),
    ("POST", "/photos/{p}/retry"): (401, 409, 404, 403, 409),
    ("GET", "/photos/{p}/thumbnail"): (401, 200, 404, 200, 200),
    ("GET", "/photos/{p}/original"): (401, 200, 404, 200, 200),
    ("POST", "/searches"): (401, 422, 422, 422, 422),
    ("GET", "/searches"): (401, 200, 200, 200, 200),
    ("DELETE", "/searches"): (401, 204, 204, 204, 204),
    ("GET", "/searches/{h}/sketch"): (401, 200, 404, 404, 404),
    ("GET", "/user-sketches"): (401, 200, 200, 200, 200),
    ("POST", "/user-sketches"): (401, 201, 201, 201, 201),
    ("DELETE", "/user-sketches/{w}"): (401, 204, 404, 404, 404),
    ("GET", "/status"): (401, 200, 200, 200, 200),
    ("GET", "/models"): (401, 200, 200, 200, 200),
    ("POST", "/models"): (401, 403, 403, 403, 422),
    ("POST", "/models/{m}/activate"): (401, 403, 403, 403, 200),
    ("DELETE", "/models/{m}"): (401, 403, 403, 403, 409),
    ("GET", "/spaces"): (401, 403, 403, 403, 200),
    ("POST", "/spaces/{s}/build"): (401, 403, 403, 403, 409),
    ("DELETE", "/spaces/{s}"): (401, 403, 403, 403, 409),
    ("GET", "/jobs"): (401, 403, 403, 403, 200),
    ("GET", "/jobs/{j}"): (401, 403, 403, 403, 200),
    ("POST", "/jobs/{j}/pause"): (401, 403, 403, 403, 200),
    ("POST", "/jobs/{j}/resume"): (401, 403, 403, 403, 409),
    ("POST", "/jobs/{j}/cancel"): (401, 403, 403, 403, 409),
    ("GET", "/jobs/{j}/failed"): (401, 403, 403, 403, 200),
    ("POST", "/jobs/{j}/retry"): (401, 403, 403, 403, 409),
    ("POST", "/jobs/{j}/skip"): (401, 403, 403, 403, 409),
    ("POST", "/jobs/{j}/failed/{p}/retry"): (401, 403, 403, 403, 409),
    ("POST", "/jobs/{j}/failed/{p}/skip"): (401, 403, 403, 403, 409),
    ("POST", "/comparisons"): (401, 403, 403, 403, 422),
    ("GET", "/benchmark-sketches"): (401, 403, 403, 403, 200),
    ("POST", "/benchmark-sketches"): (401, 403, 403, 403, 422),
    ("DELETE", "/benchmark-sketches/{k}"): (401, 403, 403, 403, 204),
    ("GET", "/quality"): (401, 200, 200, 200, 200),
    ("GET", "/workers"): (401, 403, 403, 403, 200),
}
BODIES = {
    ("POST", "/tokens"): {"name": "mine"},
    ("POST", "/user-sketches"): {"name": "New", "strokes": [{"tool": "pen", "width": 1, "points": [[0, 0]]}]},
    ("POST", "/users"): {"name": "New", "password": "correct horse battery", "role": "member"},
    ("POST", "/collections"): {"name": "New"},
    ("PATCH", "/collections/{c}"): {"name": "Renamed"},
    ("PATCH", "/photos/{p}"): {"category": "dog"},
    ("POST", "/collections/{c}/people"): {"name": "Eve"},
    ("POST", "/collections/{c}/existing"): {"sha256": ["0" * 64]},
    ("POST", "/photos/category"): {"photo_ids": ["{p}"], "category": "dog"},
    ("POST", "/photos/delete"): {"photo_ids": ["{p}"]},
    ("POST", "/photos/move"): {"photo_ids": ["{p}"], "collection_id": "{o}"},
    ("POST", "/trash/photos/restore"): {"photo_ids": ["{b}"]},
    ("POST", "/trash/photos/remove"): {"photo_ids": ["{b}"]},
    ("PATCH", "/users/{u}"): {"role": "member"},
    ("POST", "/session/password"): {"old": "wrong", "new": "correct horse battery"},
}


def routes(app):
    """Every method and path below /api/v1, with ids as in the matrix."""
    names = {
        "collection_id": "c",
        "photo_id": "p",
        "token_id": "t",
        "model_version_id": "m",
        "space_id": "s",
        "job_id": "j",
        "benchmark_sketch_id": "k",
        "search_id": "h",
        "user_sketch_id": "w",
        "user_id": "u",
        "person_id": "n",
        "trashed_photo_id": "b",
        "trashed_collection_id": "d",
        "session_id": "e",
    }
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1"):
            continue
        path = re.sub(r"<[^>]*:(\w+)>", lambda found: f"{{{names[found[1]]}}}", rule.rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            yield rule.endpoint, method, path.removeprefix("/api/v1")


def filled(body, ids):
    """The body with ids in the places named {p}, {b} and so on."""
    text = re.sub(r'"\{(\w)\}"', lambda found: str(ids[found[1]]), json.dumps(body))
    return json.loads(text)


class World:
    """Ann, what she has, and who may ask for it: made once for each way she shares, put back for each test."""

    def __init__(self, folder, migrated_file, celery, sharing):
        self.settings, self.untouched = web_settings(folder / "data"), folder / "untouched"
        self.catalog, self.blobs = Catalog(self.settings.catalog_url), BlobStore(self.settings.blobs_root)
        copy_template(migrated_file, self.catalog)
        app = create_app(Services(self.settings, self.catalog, self.blobs, celery))
        self.version = add_active_version(self.catalog)
        self.nobody = Person(app.test_client())
        self.ann, self.bob, self.eve = (add_person(app, self.catalog, name) for name in ("Ann", "Bob", "Eve"))
        self.admin = add_person(app, self.catalog, "Root", Role.ADMIN)
        self.ids = self._fill("shared" if sharing == "other, shared" else "private")
        for name in ["Eve", "Bob"] if sharing == "other, invited" else ["Eve"]:
            self.ann.post(f"/collections/{self.ids['c']}/people", json={"name": name})
        self.catalog.close()
        shutil.copytree(self.settings.data_dir, self.untouched)

    def _fill(self, visibility):
        ann, version = self.ann, self.version
        collection = ann.collection("Hers", visibility)
        ids = {"c": collection, "p": ann.photo(collection), "m": version.id, "o": ann.collection("Other")}
        ids |= {"b": ann.photo(collection, seed=9), "d": ann.collection("Gone", visibility)}
        ann.post("/photos/delete", json={"photo_ids": [ids["b"]]})
        ann.ask("DELETE", f"/collections/{ids['d']}")
        with self.catalog.transaction() as session:
            job = Job(space_id=version.space_id, last_photo_id=ids["p"])
            sketch = BenchmarkSketch(name="dog", sketch_sha256="0" * 64)
            search = Search(
                user_id=ann.user_id, sketch_sha256="1" * 64, model_version_id=version.id, seeds=[0], timings_ms={}
            )
            kept = UserSketch(user_id=ann.user_id, name="hers", strokes=[])
            session.add_all([job, sketch, search, kept])
            session.flush()
            account = session.get_one(User, ann.user_id)
            begin_session(session, account, Browser(), timedelta(days=1))
            ids |= {"e": sessions_of(session, account)[0].id}
            ids |= {"s": version.space_id, "j": job.id, "k": sketch.id, "h": search.id, "w": kept.id}
        self.blobs.put(sketch_key("1" * 64), b"PNG")
        ids["t"] = given(ann.post("/tokens", json={"name": "laptop"}))["id"]
        return ids | {"u": ann.user_id, "n": self.eve.user_id}

    def restore(self):
        self.catalog.close()
        shutil.rmtree(self.settings.data_dir)
        shutil.copytree(self.untouched, self.settings.data_dir)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory, migrated_file, celery):
    made = {}

    def world(who):
        sharing = who if who.startswith("other") else "other, private"
        if sharing not in made:
            made[sharing] = World(tmp_path_factory.mktemp("world"), migrated_file, celery, sharing)
        return made[sharing]

    yield world
    for each in made.values():
        each.catalog.close()


@pytest.fixture
def world(worlds, search_worker, who):
    world = worlds(PEOPLE[who])
    world.restore()
    search_worker.append(Finder(world.version))
    return world


@pytest.mark.parametrize("who", range(len(PEOPLE)), ids=PEOPLE)
@pytest.mark.parametrize(("method", "path"), MATRIX, ids=[" ".join(key) for key in MATRIX])
def test_who_may_do_what(world, method, path, who):
    ids = world.ids
    arguments = {"json": filled(BODIES[method, path], ids)} if (method, path) in BODIES else {}
    if path == "/photos/archive":
        arguments = {"query_string": {"ids": ids["p"]}}
    if path.endswith("/photos") and method == "POST":
        arguments = {"data": {"file": (io.BytesIO(jpeg(2)), "a.jpg")}}
    person = (world.nobody, world.ann, world.bob, world.bob, world.admin, world.bob)[who]
    answer = person.ask(method, path.format(**ids), **arguments)
    assert answer.status_code == MATRIX[method, path][COLUMN.get(PEOPLE[who], who)], answer.text
    if answer.status_code >= 400:
        assert answer.content_type == "application/problem+json"


def test_the_matrix_knows_every_endpoint(app):
    rules = {(method, path): access_of(app, endpoint) for endpoint, method, path in routes(app)}
    assert {key for key, rule in rules.items() if rule.caller is not ANYONE} == MATRIX.keys()
    for key, statuses in MATRIX.items():
        for_admins = all(status == 403 for status in statuses[1:4])
        assert (rules[key].caller is ADMIN) == for_admins, key


def test_exactly_these_endpoints_are_open(app):
    open_to_all = {endpoint for endpoint in app.view_functions if access_of(app, endpoint).caller is ANYONE}
    pages = {f"pages.{name}" for name in ("set_up", "sign_in", "offline", "manifest", "service_worker")}
    operators = {"health.healthz", "health.readyz", "metrics.show"}
    assert open_to_all == {"accounts.set_up", "accounts.sign_in", "static", "openapi"} | pages | operators


def test_an_endpoint_that_does_not_say_who_may_ask_answers_nobody(app, admin):
    app.add_url_rule("/api/v1/new", "new", lambda: "secret")
    app.add_url_rule("/new", "new_page", lambda: "secret")
    assert admin.get("/new").status_code == 403
    assert admin.client.get("/new", headers=admin.headers).status_code == 403


MULTIPART = {"searches.search", "models.add_model"}


@pytest.mark.parametrize("endpoint", ["accounts.sign_in", "searches.search", "models.add_model", "bulk.label"])
def test_a_larger_body_is_refused_before_it_is_read(app, admin, services, endpoint):
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    limit = access_of(app, endpoint).body_limit(services.settings)
    kind = "multipart/form-data; boundary=x" if endpoint in MULTIPART else "application/json"
    body = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(limit + 1), "CONTENT_TYPE": kind}
    answer = admin.client.post(rule.rule, headers=admin.headers, environ_overrides=body)
    assert answer.status_code == 413


class Unread(io.RawIOBase):
    """A body nobody may read."""

    def readable(self):
        return True

    def readinto(self, _buffer):
        raise AssertionError("the body was read")


def test_a_collection_of_another_and_none_at_all_look_alike(ann, bob):
    hers = ann.collection()
    answers = [bob.get(f"/collections/{each}").json for each in (hers, 999_999)]
    for answer in answers:
        del answer["instance"], answer["request_id"]
    assert answers[0] == answers[1]


def test_lists_name_nothing_the_caller_may_not_see(ann, bob):
    ann.collection("Secret")
    assert "Secret" not in bob.get("/collections").text


def test_the_services_belong_to_the_app(app, services):
    with app.app_context():
        assert current_services() is services
