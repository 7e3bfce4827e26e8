"""Where the pages send their visitors."""

import pytest
from flask import render_template_string

from mindreader.catalog import Catalog, Role
from mindreader.use_cases.accounts import create_user, local_token
from mindreader_webui.app import create_app
from mindreader_webui.services import Services

PAGES = ["/", "/upload", "/library", "/library/1", "/account"]
PASSWORD = "correct horse battery"


@pytest.fixture
def set_up(catalog):
    create_user(catalog, "Ann", PASSWORD, Role.ADMIN)


@pytest.fixture
def signed_in(client, set_up):
    assert client.post("/api/v1/session", json={"name": "Ann", "password": PASSWORD}).status_code == 200
    return client


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
