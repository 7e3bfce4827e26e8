"""Signing in and out with a browser: cookies, CSRF tokens, rate limits, the session key."""

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import flask
import pytest
from flask_wtf.csrf import generate_csrf

from mindreader.accounts.tokens import issue_token
from mindreader.accounts.users import create_user, user_by_id
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
    assert answer.json == {"id": 1, "name": "Ann", "role": "admin", "disabled": False}
    assert client.get("/api/v1/session").json == answer.json


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


def test_behind_tls_the_cookie_is_of_this_host_alone(services):
    """What browsers ask of the prefix: Secure, the path /, and no domain."""
    secure = with_settings(services, secure_cookies=True)
    cookie = secure.post("/api/v1/setup", json=ANN).headers["Set-Cookie"]
    assert cookie.startswith("__Host-mindreader_session=")
    assert "Path=/;" in f"{cookie};"
    assert "Domain" not in cookie
    sent = {"base_url": "https://localhost"}
    assert secure.get("/api/v1/session", **sent).status_code == 200
    planted = with_settings(services, secure_cookies=True)
    planted.set_cookie("mindreader_session", cookie.partition("=")[2].partition(";")[0])
    assert planted.get("/api/v1/session", **sent).status_code == 401


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
    assert made.json | {"name": "New", "role": "member", "disabled": False} in admin.get("/users").json["users"]
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


def test_the_page_s_token_goes_on_after_another_password_and_not_after_another_person(app, catalog):
    for name in ("Ann", "Bob"):
        create_user(catalog, name, PASSWORD, Role.MEMBER)
    here = app.test_client()
    here.post("/api/v1/session", json={"name": "Ann", "password": PASSWORD})
    headers = {"X-CSRFToken": csrf_token(here.get("/"))}
    change = {"old": PASSWORD, "new": "another long one"}
    assert here.post("/api/v1/session/password", json=change, headers=headers).status_code == 204
    assert here.post("/api/v1/collections", json={"name": "Hers"}, headers=headers).status_code == 201
    assert here.post("/api/v1/session", json=ANN | {"name": "Bob"}, headers=headers).status_code == 200
    assert here.post("/api/v1/collections", json={"name": "His"}, headers=headers).status_code == 403


def test_signing_in_again_leaves_no_session_behind(browser, csrf):
    for _ in range(3):
        assert browser.post("/api/v1/session", json=ANN, headers=csrf(browser)).status_code == 200
    (only,) = browser.get("/api/v1/sessions").json["sessions"]
    assert only["current"]


def test_browsers_are_listed_in_words_and_ended(app, browser, csrf):
    phone = app.test_client()
    told = {"User-Agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/138.0.0.0 Mobile Safari/537.36"}
    phone.post("/api/v1/session", json=ANN, headers=told)
    third = app.test_client()
    third.post("/api/v1/session", json=ANN)
    listed = browser.get("/api/v1/sessions").json["sessions"]
    assert [each["current"] for each in listed].count(True) == 1
    (mine,) = [each for each in listed if each["system"] == "Android"]
    assert (mine["browser"], mine["address"], mine["current"]) == ("Chrome", "127.0.0.1", False)
    assert browser.delete(f"/api/v1/sessions/{mine['id']}", headers=csrf(browser)).status_code == 204
    assert [each.get("/api/v1/session").status_code for each in (browser, phone, third)] == [200, 401, 200]
    assert browser.delete("/api/v1/sessions", headers=csrf(browser)).status_code == 204
    assert [each.get("/api/v1/session").status_code for each in (browser, phone, third)] == [200, 401, 401]


def test_a_program_ends_all_sessions_of_its_user(app, admin, catalog):
    create_user(catalog, "Ann", PASSWORD, Role.MEMBER)
    visitor = app.test_client()
    visitor.post("/api/v1/session", json=ANN)
    assert admin.ask("DELETE", "/sessions").status_code == 204
    assert visitor.get("/api/v1/session").status_code == 200, "another's"
    (ann,) = [each["id"] for each in admin.get("/users").json["users"] if each["name"] == "Ann"]
    with catalog.transaction() as session:
        _, secret = issue_token(session, user_by_id(session, ann), "program")
    headers = {"Authorization": f"Bearer {secret}"}
    assert app.test_client().delete("/api/v1/sessions", headers=headers).status_code == 204
    assert visitor.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize(("sent", "days"), [({}, 365), ({"days": 30}, 30), ({"days": None}, None)])
def test_a_token_ends_when_it_was_said_to(ann, sent, days):
    made = ann.post("/tokens", json={"name": "laptop", **sent}).json
    if days is None:
        assert made["expires_at"] is None
    else:
        left = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
        assert abs(left - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize("days", [0, -1, 3651, 1.5, "soon", 2**70])
def test_a_token_cannot_end_before_it_begins_nor_beyond_the_calendar(ann, days):
    assert ann.post("/tokens", json={"name": "laptop", "days": days}).status_code == 422


def test_a_token_says_when_it_was_used(ann, app):
    made = ann.post("/tokens", json={"name": "laptop"}).json
    assert made["last_used_at"] is None
    app.test_client().get("/api/v1/session", headers={"Authorization": f"Bearer {made['token']}"})
    used = {each["name"]: each["last_used_at"] for each in ann.get("/tokens").json["tokens"]}
    assert all(moment.endswith("Z") for moment in used.values())


def test_administrators_list_and_revoke_the_tokens_of_others(admin, ann, bob):
    theirs = ann.post("/tokens", json={"name": "laptop"}).json
    listed = admin.get(f"/users/{ann.user_id}/tokens").json["tokens"]
    assert [each["name"] for each in listed] == ["laptop", "test"]
    assert all("token" not in each for each in listed)
    assert admin.ask("DELETE", f"/users/{bob.user_id}/tokens/{theirs['id']}").status_code == 404
    assert admin.ask("DELETE", f"/users/{ann.user_id}/tokens/{theirs['id']}").status_code == 204
    assert [each["name"] for each in ann.get("/tokens").json["tokens"]] == ["test"]
    assert admin.get("/users/999/tokens").status_code == 404


@pytest.mark.parametrize(("rate", "sentence"), [("2/minute", r"Wait \d+ seconds"), ("2/hour", r"Wait \d+ minutes")])
def test_changes_of_a_password_are_limited_by_user_and_the_answer_says_for_how_long(services, rate, sentence):
    create_user(services.catalog, "Ann", PASSWORD, Role.MEMBER)
    create_user(services.catalog, "Bob", PASSWORD, Role.MEMBER)
    client = with_settings(services, login_rate=rate)
    elsewhere = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    assert client.post("/api/v1/session", json=ANN).status_code == 200
    headers = {"X-CSRFToken": csrf_token(client.get("/"))}
    guess = {"json": {"old": "a wrong password", "new": "another long one"}, "headers": headers}
    address = {"REMOTE_ADDR": "192.0.2.8"}
    statuses = [client.post("/api/v1/session/password", **guess, environ_base=address).status_code for _ in range(2)]
    refused = client.post("/api/v1/session/password", **guess, **elsewhere)
    assert [*statuses, refused.status_code] == [422, 422, 429], "from wherever one asks"
    assert re.search(sentence, refused.json["detail"])
    period = 60 if "minute" in rate else 3600
    assert 2 <= int(refused.headers["Retry-After"]) <= period
    bob = {"json": ANN | {"name": "Bob"}, "headers": headers}
    assert client.post("/api/v1/session", **bob, **elsewhere).status_code == 200
    guess["headers"] = {"X-CSRFToken": csrf_token(client.get("/"))}
    assert client.post("/api/v1/session/password", **guess).status_code == 422, "another user has tries of their own"


def test_administrators_disable_and_enable_people(admin, bob, app, catalog):
    eve = create_user(catalog, "Eve", PASSWORD, Role.MEMBER)
    sent = {"name": "Eve", "password": PASSWORD}
    browser = app.test_client()
    assert browser.post("/api/v1/session", json=sent).status_code == 200
    assert admin.ask("PATCH", f"/users/{eve.id}", json={"disabled": True}).json["disabled"] is True
    assert browser.get("/api/v1/session").status_code == 401
    assert browser.get("/library").status_code == 302
    refused = browser.post("/api/v1/session", json=sent)
    assert (refused.status_code, "disabled" in refused.json["detail"]) == (403, True)
    assert admin.ask("PATCH", f"/users/{bob.user_id}", json={"disabled": True}).status_code == 200
    assert bob.get("/session").status_code == 401
    assert admin.ask("PATCH", f"/users/{eve.id}", json={"disabled": False}).json["disabled"] is False
    assert browser.post("/api/v1/session", json=sent).status_code == 200


def test_nobody_disables_themselves(admin):
    refused = admin.ask("PATCH", f"/users/{admin.user_id}", json={"disabled": True})
    assert (refused.status_code, admin.get("/session").status_code) == (409, 200)


def test_nobody_removes_themselves(admin):
    assert admin.ask("DELETE", f"/users/{admin.user_id}").status_code == 409
