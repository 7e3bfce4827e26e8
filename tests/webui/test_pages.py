"""Where the pages send their visitors."""

import io
import json
import re

import pytest
from flask import render_template_string

from mindreader.accounts.tokens import local_token
from mindreader.accounts.users import create_user
from mindreader.catalog import Catalog, Job, Role
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from tests.support.web import csrf_token

ADMIN_PAGES = ["/admin", *(f"/admin/{name}" for name in ("models", "jobs", "jobs/1", "compare", "users", "workers"))]
PAGES = ["/", "/upload", "/library", "/library/1", "/trash", "/account", "/quality", *ADMIN_PAGES]
PASSWORD = "correct horse battery"


@pytest.fixture
def set_up(catalog):
    create_user(catalog, "Ann", PASSWORD, Role.ADMIN)


@pytest.fixture
def signed_in(client, set_up):
    assert client.post("/api/v1/session", json={"name": "Ann", "password": PASSWORD}).status_code == 200
    return client


@pytest.fixture
def ann_s_collection(signed_in):
    token = csrf_token(signed_in.get("/library"))
    made = signed_in.post("/api/v1/collections", json={"name": "Photos"}, headers={"X-CSRFToken": token})
    assert made.json["id"] == 1


@pytest.mark.parametrize("page", [*PAGES, "/sign-in"])
def test_a_fresh_server_asks_to_be_set_up(client, catalog, page):
    with catalog.transaction() as session:
        local_token(session)  # the command line's account is nobody who could sign in
    assert client.get(page).location == "/setup"


@pytest.mark.parametrize("page", PAGES)
def test_visitors_sign_in_and_then_go_on_to_the_page(client, set_up, page):
    answer = client.get(page)
    assert answer.status_code == 302
    assert answer.location == f"/sign-in?next={page.replace('/', '%2F')}"


def test_the_way_on_keeps_its_query(client, set_up):
    assert client.get("/library?q=a%26b&c=d").location == "/sign-in?next=%2Flibrary%3Fq%3Da%2526b%26c%3Dd"


def test_a_server_that_is_set_up_is_not_set_up_again(client, set_up):
    assert client.get("/setup").location == "/"


@pytest.mark.parametrize("target", ["/library", "/library/1?x=y"])
def test_who_is_signed_in_goes_straight_on(signed_in, target):
    assert signed_in.get("/sign-in", query_string={"next": target}).location == target


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "", "/\tevil", "/\n/evil.example"]
)
def test_nobody_is_sent_on_to_another_site(signed_in, target):
    assert signed_in.get("/sign-in", query_string={"next": target}).location == "/"


def test_templates_know_who_is_signed_in(app, ann):
    with app.test_request_context(headers=ann.headers):
        assert render_template_string("{{ user.name }}") == "Ann"
    with app.test_request_context():
        assert render_template_string("{{ user is none }} {{ csrf_token() | length > 20 }}") == "True True"


def test_templates_can_be_shown_while_the_catalog_is_away(services, tmp_path, ann):
    empty = Catalog(f"sqlite:///{tmp_path}/empty.sqlite3")
    app = create_app(Services(services.settings, empty, services.blobs, services.celery))
    with app.test_request_context(headers=ann.headers):
        assert render_template_string("{{ user is none }}") == "True"
    empty.close()


def test_pages_are_kept_nowhere(client, set_up):
    assert client.get("/").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("page", ADMIN_PAGES)
def test_administration_is_for_administrators(client, catalog, version, page):
    create_user(catalog, "Root", PASSWORD, Role.ADMIN)
    create_user(catalog, "Mia", PASSWORD, Role.MEMBER)
    with catalog.transaction() as session:
        session.add(Job(space_id=version.space_id))
    client.post("/api/v1/session", json={"name": "Mia", "password": PASSWORD})
    refused = client.get(page)
    assert (refused.status_code, refused.mimetype) == (403, "text/html")
    assert "/admin" not in client.get("/").text
    client.get("/account")
    token = csrf_token(client.get("/"))
    client.delete("/api/v1/session", headers={"X-CSRFToken": token})
    client.post("/api/v1/session", json={"name": "Root", "password": PASSWORD})
    assert client.get(page, follow_redirects=True).status_code == 200


def test_an_unknown_job_has_no_page(signed_in):
    assert signed_in.get("/admin/jobs/99").status_code == 404


@pytest.mark.parametrize(
    "page",
    ["/", "/upload", "/library", "/trash", "/account", "/quality", "/admin/models", "/admin/jobs", "/admin/compare"],
)
def test_every_page_leads_on_and_carries_the_token_for_changes(signed_in, page):
    answer = signed_in.get(page)
    assert answer.status_code == 200
    assert 'aria-label="Pages"' in answer.text
    token = csrf_token(answer)
    made = signed_in.post("/api/v1/collections", json={"name": page}, headers={"X-CSRFToken": token})
    assert made.status_code == 201


def test_the_page_of_a_collection_is_for_those_who_may_see_it(signed_in, bob, app, catalog):
    collection = bob.collection("Holidays")
    assert "Holidays" in signed_in.get(f"/library/{collection}").text  # she is an administrator
    create_user(catalog, "Eve", PASSWORD, Role.MEMBER)
    eve = app.test_client()
    eve.post("/api/v1/session", json={"name": "Eve", "password": PASSWORD})
    answer = eve.get(f"/library/{collection}")
    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")
    assert "There is no such collection" in answer.text


@pytest.mark.parametrize(
    ("page", "marked"),
    [
        ("/", {"/": "page"}),
        ("/library", {"/library": "page"}),
        ("/library/1", {"/library": "true"}),
        ("/trash", {"/library": "true"}),
        ("/quality", {"/library": "true"}),
        ("/upload", {"/upload": "page"}),
        ("/account", {"/account": "page"}),
        ("/admin/models", {"/admin/models": "true"}),
        ("/admin/users", {"/admin/models": "true"}),
    ],
)
def test_the_header_marks_where_one_is(signed_in, ann_s_collection, page, marked):
    header = signed_in.get(page).text.partition("<main")[0]
    assert dict(re.findall(r'<a[^>]* href="([^"]+)" aria-current="(\w+)"', header)) == marked


def test_the_header_holds_the_name_and_the_way_out_of_whoever_is_signed_in(client, set_up):
    visitor = client.get("/sign-in").text
    assert "sign-out" not in visitor
    assert 'id="theme"' in visitor
    client.post("/api/v1/session", json={"name": "Ann", "password": PASSWORD})
    page = client.get("/library").text
    assert '<span class="name">Ann</span>' in page
    assert 'id="sign-out"' in page


def test_only_who_sees_no_photo_is_told_to_upload_some(client, set_up, catalog, bob):
    create_user(catalog, "Eve", PASSWORD, Role.MEMBER)
    client.post("/api/v1/session", json={"name": "Eve", "password": PASSWORD})
    bob.photo(bob.collection("Private"))
    assert "Upload some first" in client.get("/").text
    shared = bob.collection("Shared", "shared")
    assert "Upload some first" in client.get("/").text
    photo = bob.photo(shared, 2)
    assert "Upload some first" not in client.get("/").text
    bob.ask("DELETE", f"/photos/{photo}")
    assert "Upload some first" in client.get("/").text


def test_photos_that_browsers_know_nothing_of_can_be_chosen(signed_in):
    accepted = re.search(r'id="files"[^>]* accept="([^"]*)"', signed_in.get("/upload").text)
    assert accepted is not None
    kinds = ".heic .avif .jxl .dng .nef .nrw .arw .sr2 .cr2 .cr3 .raf .orf .rw2 .pef .srw"
    assert {"image/*", *kinds.split()} <= set(accepted[1].split(","))


def test_a_fresh_server_shows_the_page_to_set_it_up(client):
    assert client.get("/setup").status_code == 200


def test_signing_in_leads_on_to_the_page_asked_for(client, set_up):
    answer = client.get("/sign-in", query_string={"next": "/library"})
    assert answer.status_code == 200
    assert "/library" in answer.text


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/library/x", 404), ("/healthz", 405)])
def test_errors_outside_the_api_are_pages(client, path, status):
    answer = client.open(path, method="GET" if status == 404 else "POST")
    assert answer.status_code == status
    assert answer.content_type.startswith("text/html")


def test_no_page_runs_or_styles_anything_inline(signed_in):
    for page in ("/", "/upload", "/library", "/trash", "/account"):
        text = signed_in.get(page).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), page
        assert not re.search(r"<style|\sstyle=|\son\w+=", text), page


def test_what_makes_it_an_app_is_open_and_small(client):
    manifest = client.get("/manifest.webmanifest")
    assert manifest.mimetype == "application/manifest+json"
    assert (manifest.json["display"], manifest.json["start_url"]) == ("standalone", "/")
    worker = client.get("/sw.js")
    assert worker.mimetype == "text/javascript"
    assert worker.headers["Cache-Control"] == "no-cache"
    assert "without a connection" in client.get("/offline").text


@pytest.mark.parametrize("size", [100, 5_000_000])
def test_what_is_shared_without_a_service_worker_is_not_looked_at_and_leads_to_the_page_that_says_so(client, size):
    sent = {"photos": (io.BytesIO(b"x" * size), "a.jpg")}
    answer = client.post("/share-target", data=sent, content_type="multipart/form-data")
    assert (answer.status_code, answer.location) == (303, "/share")


def test_the_manifest_says_what_can_be_shared(client):
    target = json.loads(client.get("/manifest.webmanifest").text)["share_target"]
    assert (target["action"], target["method"], target["enctype"]) == ("/share-target", "POST", "multipart/form-data")
    assert target["params"]["files"] == [{"name": "photos", "accept": ["image/*"]}]
