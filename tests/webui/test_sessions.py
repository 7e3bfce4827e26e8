"""Signing in and out with a browser: cookies, CSRF tokens, rate limits, the session key."""

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import flask
import pytest
from flask_wtf.csrf import generate_csrf

from mindreader.accounts.users import create_user
from mindreader.catalog import Role
from mindreader.errors import ConfigurationError
from mindreader_webui.app import create_app
from mindreader_webui.auth import session_key
from mindreader_webui.services import Services
from tests.support.web import csrf_token

PASSWORD = "correct horse battery"
ANN = {"name": "Ann", "password": PASSWORD}


@pytest.fixture
def csrf(app):
    """The token a page would carry for this browser."""

    def csrf(client):
        with client.session_transaction() as session, app.test_request_context():
            token = generate_csrf()
            session["csrf_token"] = flask.session["csrf_token"]
        return {"X-CSRFToken": token}

    return csrf


@pytest.fixture
def browser(client):
    """A browser in which the first administrator has just set MindReader up."""
    assert client.post("/api/v1/setup", json=ANN).status_code == 201
    return client


def with_settings(services, **values):
    settings = services.settings.model_copy(update=values)
    return create_app(Services(settings, services.catalog, services.blobs, services.celery)).test_client()


def test_setting_up_signs_the_first_administrator_in(client):
    answer = client.post("/api/v1/setup", json=ANN)
    assert answer.status_code == 201
    assert client.get("/api/v1/session").json == answer.json == {"id": 1, "name": "Ann", "role": "admin"}


def test_setting_up_twice_is_refused(browser, app):
    again = app.test_client().post("/api/v1/setup", json={"name": "Bob", "password": PASSWORD})
    assert again.status_code == 409
    assert "set up already" in again.json["detail"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [({}, "name"), ({"name": "Ann"}, "password"), ({"name": 1, "password": PASSWORD}, "name"), (ANN | {"x": 1}, "x")],
)
def test_a_wrong_field_is_named(client, sent, field):
    answer = client.post("/api/v1/setup", json=sent)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert field in [error["field"] for error in answer.json["errors"]]


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b'"text"', b"null"])
def test_a_body_that_is_no_json_object_is_refused(client, sent):
    answer = client.post("/api/v1/session", data=sent, content_type="application/json")
    assert answer.status_code == 422, answer.text


def test_a_form_of_another_site_cannot_sign_anybody_in(browser, app):
    answer = app.test_client().post("/api/v1/session", data=ANN)
    assert answer.status_code == 422


def test_signing_in_and_out(app, browser, csrf):
    visitor = app.test_client()
    assert visitor.get("/api/v1/session").status_code == 401
    assert visitor.post("/api/v1/session", json=ANN).json["name"] == "Ann"
    assert visitor.get("/api/v1/session").status_code == 200
    assert visitor.delete("/api/v1/session", headers=csrf(visitor)).status_code == 204
    assert visitor.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize("sent", [ANN | {"password": "wrong horse battery"}, ANN | {"name": "Bob"}])
def test_wrong_credentials_do_not_say_which_half_was_wrong(app, browser, sent):
    answer = app.test_client().post("/api/v1/session", json=sent)
    assert answer.status_code == 401
    assert answer.json["detail"] == "Name or password is wrong."
    assert "Set-Cookie" not in answer.headers


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(services, client):
    cookie = client.post("/api/v1/setup", json=ANN).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_behind_tls_the_cookie_is_secure(services):
    cookie = with_settings(services, secure_cookies=True).post("/api/v1/setup", json=ANN).headers["Set-Cookie"]
    assert "Secure" in cookie


def test_a_browser_stays_signed_in_for_the_days_of_the_settings(services, client):
    cookie = with_settings(services, session_days=2).post("/api/v1/setup", json=ANN).headers["Set-Cookie"]
    (stated,) = re.findall(r"Expires=([^;]+)", cookie)
    expires = parsedate_to_datetime(stated)
    assert timedelta(hours=47) < expires - datetime.now(UTC) < timedelta(hours=49)


def test_a_forged_cookie_signs_nobody_in(app):
    visitor = app.test_client()
    visitor.set_cookie("mindreader_session", "eyJfdXNlcl9pZCI6IjEifQ.aAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert visitor.get("/api/v1/session").status_code == 401


def test_changing_anything_with_a_cookie_needs_the_token_of_the_page(browser, csrf):
    refused = browser.post("/api/v1/collections", json={"name": "Photos"})
    assert refused.status_code == 403
    assert "X-CSRFToken" in refused.json["detail"]
    taken = browser.post("/api/v1/collections", json={"name": "Photos"}, headers=csrf(browser))
    assert taken.status_code == 201


@pytest.mark.parametrize("token", ["", "nonsense", "IjAwMDAi.aAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_wrong_page_token_is_refused(browser, token):
    answer = browser.delete("/api/v1/session", headers={"X-CSRFToken": token})
    assert answer.status_code == 403


def test_the_page_token_of_another_session_is_refused(browser, app, csrf):
    answer = browser.post("/api/v1/collections", json={"name": "x"}, headers=csrf(app.test_client()))
    assert answer.status_code == 403


def test_looking_needs_no_page_token(browser):
    assert browser.get("/api/v1/collections").status_code == 200


def test_a_bearer_token_needs_no_page_token_and_comes_before_the_cookie(browser, bob):
    answer = browser.post("/api/v1/collections", json={"name": "His"}, headers=bob.headers)
    assert (answer.status_code, answer.json["owner"]) == (201, "Bob")


@pytest.mark.parametrize("value", ["Bearer wrong", "Bearer ", "Bearer", "Basic QW5uOng=", "mr_x"])
def test_a_wrong_bearer_token_is_nobody(app, value):
    answer = app.test_client().get("/api/v1/session", headers={"Authorization": value})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_bearer_token_is_nobody_even_with_a_good_cookie(browser):
    assert browser.get("/api/v1/session", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_token_is_shown_once_and_works_until_revoked(ann, app):
    made = ann.post("/tokens", json={"name": "laptop"}).json
    listed = ann.get("/tokens").json["tokens"]
    assert [token["name"] for token in listed] == ["laptop", "test"]
    assert all("token" not in token for token in listed)
    assert made["created_at"].endswith("Z")
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert app.test_client().get("/api/v1/session", headers=headers).json["name"] == "Ann"
    assert ann.ask("DELETE", f"/tokens/{made['id']}").status_code == 204
    assert app.test_client().get("/api/v1/session", headers=headers).status_code == 401


def test_a_token_without_a_name_is_refused(ann):
    assert ann.post("/tokens", json={"name": " "}).status_code == 422


def test_administrators_add_users_who_can_sign_in(admin, app):
    made = admin.post("/users", json={"name": "New", "password": PASSWORD, "role": "member"})
    assert (made.status_code, made.json["role"]) == (201, "member")
    assert {"name": "New", "role": "member", "id": made.json["id"]} in admin.get("/users").json["users"]
    visitor = app.test_client()
    assert visitor.post("/api/v1/session", json={"name": "New", "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"name": "Root", "password": PASSWORD}, 409),
        ({"name": "New", "password": "short"}, 422),
        ({"name": "New", "password": PASSWORD, "role": "owner"}, 422),
        ({"name": "", "password": PASSWORD}, 422),
    ],
)
def test_unusable_users_are_refused(admin, sent, status):
    assert admin.post("/users", json=sent).status_code == status


def test_attempts_to_sign_in_are_limited_by_address(services):
    create_user(services.catalog, "Ann", PASSWORD, Role.MEMBER)
    client = with_settings(services, login_rate="3/minute")
    wrong = ANN | {"password": "wrong horse battery"}
    statuses = [client.post("/api/v1/session", json=wrong).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    refused = client.post("/api/v1/session", json=ANN)
    assert refused.content_type == "application/problem+json"
    assert int(refused.headers["Retry-After"]) > 0
    elsewhere = client.post("/api/v1/session", json=ANN, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 200


@pytest.mark.parametrize("setting", ["login_rate", "search_rate"])
@pytest.mark.parametrize("rate", ["", "many", "10 per fortnight"])
def test_a_rate_that_cannot_be_read_stops_the_start(services, setting, rate):
    with pytest.raises(ConfigurationError, match=setting):
        with_settings(services, **{setting: rate})


def test_the_cookie_stays_the_same_so_that_browsers_keep_pictures(browser):
    assert "Set-Cookie" not in browser.get("/api/v1/collections").headers


def test_the_session_key_is_made_once_and_is_nobody_elses_to_read(tmp_path):
    folder = tmp_path / "secrets"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: session_key(folder), range(16)))
    assert len(keys) == 1
    assert len(keys.pop()) == 64
    assert [file.name for file in folder.iterdir()] == ["session_key"]
    assert stat.S_IMODE((folder / "session_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_sessions_outlast_a_restart(browser, services):
    cookie = browser.get_cookie("mindreader_session").value
    restarted = create_app(services).test_client()
    restarted.set_cookie("mindreader_session", cookie)
    assert restarted.get("/api/v1/session").status_code == 200


def test_another_password_ends_sessions_elsewhere(app, catalog):
    create_user(catalog, "Ann", PASSWORD, Role.MEMBER)
    here, elsewhere = app.test_client(), app.test_client()
    for browser in (here, elsewhere):
        assert browser.post("/api/v1/session", json={"name": "Ann", "password": PASSWORD}).status_code == 200
    token = csrf_token(here.get("/"))
    change = {"old": PASSWORD, "new": "another long one"}
    assert here.post("/api/v1/session/password", json=change, headers={"X-CSRFToken": token}).status_code == 204
    assert here.get("/api/v1/session").status_code == 200
    assert elsewhere.get("/api/v1/session").status_code == 401


def test_nobody_removes_themselves(admin):
    assert admin.ask("DELETE", f"/users/{admin.user_id}").status_code == 409
