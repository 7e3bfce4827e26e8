"""Signing in at a real OpenID Connect provider (panva's oidc-provider): who comes in, as whom, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import select

from mindreader.accounts import users
from mindreader.catalog import Role, User, UserIdentity
from mindreader.errors import ConfigurationError
from mindreader.settings import load_settings
from mindreader_webui import openid
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from tests.support.openid import CLIENT_ID, CLIENT_SECRET, Provider, Visitor, openid_provider
from tests.support.services import free_port
from tests.support.web import csrf_token

PASSWORD = "correct horse battery"
CALLBACK = "http://localhost/sign-in/openid/callback"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with openid_provider(CALLBACK) as started:
        yield started


@pytest.fixture
def root(catalog) -> User:
    return users.create_first_administrator(catalog, "Root", PASSWORD)


@pytest.fixture
def app_with(services, provider, root):
    """The app of a server with these settings beside those of the provider."""

    def make(**settings):
        known = {
            "openid_issuer": provider.issuer,
            "openid_client_id": CLIENT_ID,
            "openid_client_secret": SecretStr(CLIENT_SECRET),
            "openid_label": "Example ID",
            "openid_scopes": "openid profile email groups",
        }
        changed = services.settings.model_copy(update=known | settings)
        return create_app(Services(changed, services.catalog, services.blobs, services.celery))

    return make


def begin(client: FlaskClient, page: str = "/library") -> str:
    """The address at the provider."""
    answer = client.get("/sign-in/openid", query_string={"next": page})
    assert answer.status_code == 302
    return answer.location


def come(client: FlaskClient, provider: Provider, name: str):
    """Sign in there as somebody; our answer when the browser comes back."""
    return client.get(local(Visitor(provider).sign_in(begin(client), name)))


def local(address: str) -> str:
    assert address.startswith(CALLBACK), address
    return address.removeprefix("http://localhost")


def who(client: FlaskClient) -> tuple[str, str] | None:
    answer = client.get("/api/v1/session")
    return (answer.json["name"], answer.json["role"]) if answer.json and answer.status_code == 200 else None


def problem_on(client: FlaskClient, page: str = "/sign-in") -> str:
    text = client.get(page).text.partition('role="alert">')[2]
    return text.partition("</p>")[0]


def test_the_question_carries_state_nonce_and_pkce_and_leads_back_here(app_with, provider):
    asked = urlsplit(begin(app_with().test_client()))
    sent = {name: values[0] for name, values in parse_qs(asked.query).items()}
    assert f"{asked.scheme}://{asked.netloc}" == provider.issuer
    assert (sent["response_type"], sent["code_challenge_method"], sent["redirect_uri"]) == ("code", "S256", CALLBACK)
    assert min(len(sent["state"]), len(sent["nonce"]), len(sent["code_challenge"])) >= 20


def test_somebody_with_no_account_gets_one_only_where_the_settings_say_so(app_with, provider, catalog):
    client = app_with().test_client()
    assert come(client, provider, "ada").location == "/sign-in"
    assert "no account for you here yet" in problem_on(client)
    assert "no account" not in problem_on(client), "it is said once"
    assert who(client) is None
    client = app_with(openid_create_accounts=True).test_client()
    assert come(client, provider, "ada").location == "/library"
    assert who(client) == ("Ada", "member")
    with catalog.snapshot() as session:
        row = session.scalars(select(UserIdentity)).one()
        assert (row.issuer, row.subject, row.label) == (provider.issuer, "ada", "ada@example.org")


def test_the_same_person_comes_to_the_same_account_whatever_it_is_called_by_then(app_with, provider, catalog):
    app = app_with(openid_create_accounts=True)
    come(app.test_client(), provider, "ada")
    with catalog.transaction() as session:
        users.user_named(session, "Ada").name = "Countess"
    client = app.test_client()
    come(client, provider, "ada")
    assert who(client) == ("Countess", "member")


def test_nobody_becomes_somebody_else_by_a_name_or_an_unverified_address(app_with, provider, catalog):
    """Mallory calls herself Root there, and claims the address that an account is called by."""
    users.create_user(catalog, "Root@example.org", PASSWORD, Role.ADMIN)
    client = app_with(openid_create_accounts=True, openid_link_emails=True).test_client()
    come(client, provider, "mallory")
    assert who(client) == ("Root 2", "member")


@pytest.mark.parametrize(("link", "expected"), [(True, ("ada@example.org", "member")), (False, ("Ada", "member"))])
def test_a_verified_address_links_an_account_where_the_settings_say_so(app_with, provider, catalog, link, expected):
    users.create_user(catalog, "ada@example.org", PASSWORD, Role.MEMBER)
    client = app_with(openid_create_accounts=True, openid_link_emails=link).test_client()
    come(client, provider, "ada")
    assert who(client) == expected


@pytest.mark.parametrize(
    ("limits", "ada", "bob"),
    [
        ({"openid_allowed_groups": "keepers, others"}, True, False),
        ({"openid_allowed_domains": "Example.org"}, True, False),
        ({"openid_allowed_domains": "example.org,example.net"}, True, True),
        ({"openid_allowed_groups": "others"}, False, False),
    ],
)
def test_groups_and_domains_say_who_may_come(app_with, provider, limits, ada, bob):
    app = app_with(openid_create_accounts=True, **limits)
    for name, expected in (("ada", ada), ("bob", bob), ("nameless", False)):
        client = app.test_client()
        come(client, provider, name)
        assert (who(client) is not None) == expected, name


def test_groups_make_administrators_and_members_again(app_with, provider, root):
    client = app_with(openid_create_accounts=True, openid_admin_groups="keepers").test_client()
    come(client, provider, "ada")
    assert who(client) == ("Ada", "admin")
    client = app_with(openid_admin_groups="others").test_client()
    come(client, provider, "ada")
    assert who(client) == ("Ada", "member")


def test_a_disabled_account_stays_out(app_with, provider, catalog):
    app = app_with(openid_create_accounts=True)
    come(app.test_client(), provider, "ada")
    with catalog.transaction() as session:
        users.disable_user(session, users.user_named(session, "Ada").id)
    client = app.test_client()
    come(client, provider, "ada")
    assert who(client) is None
    assert "disabled" in problem_on(client)


def test_who_is_signed_in_connects_and_disconnects(app_with, provider, catalog):
    client = app_with().test_client()
    client.post("/api/v1/session", json={"name": "Root", "password": PASSWORD})
    headers = {"X-CSRFToken": csrf_token(client.get("/account"))}
    assert client.post("/api/v1/identities").status_code == 403, "another site cannot begin it"
    address = client.post("/api/v1/identities", headers=headers).json["url"]
    assert client.get(local(Visitor(provider).sign_in(address, "ada"))).location == "/account"
    (identity,) = client.get("/api/v1/identities").json["identities"]
    assert identity["label"] == "ada@example.org"
    other = app_with().test_client()
    come(other, provider, "ada")
    assert who(other) == ("Root", "admin")
    assert client.delete(f"/api/v1/identities/{identity['id']}", headers=headers).status_code == 204
    assert client.delete(f"/api/v1/identities/{identity['id']}", headers=headers).status_code == 404
    come(other := app_with().test_client(), provider, "ada")
    assert who(other) is None


def test_what_belongs_to_another_account_is_not_connected(app_with, provider):
    app = app_with(openid_create_accounts=True)
    come(app.test_client(), provider, "ada")
    client = app.test_client()
    client.post("/api/v1/session", json={"name": "Root", "password": PASSWORD})
    headers = {"X-CSRFToken": csrf_token(client.get("/account"))}
    address = client.post("/api/v1/identities", headers=headers).json["url"]
    assert client.get(local(Visitor(provider).sign_in(address, "ada"))).location == "/account"
    assert "belongs to another account" in problem_on(client, "/account")


def test_the_only_way_in_is_kept(app_with, provider):
    client = app_with(openid_create_accounts=True).test_client()
    come(client, provider, "ada")
    page = client.get("/account")
    assert 'id="password"' not in page.text, "there is none to change"
    headers = {"X-CSRFToken": csrf_token(page)}
    (identity,) = client.get("/api/v1/identities").json["identities"]
    refused = client.delete(f"/api/v1/identities/{identity['id']}", headers=headers)
    assert (refused.status_code, "only way in" in refused.json["detail"]) == (409, True)
    assert client.post("/api/v1/session", json={"name": "Ada", "password": "!"}).status_code in (401, 403)


def test_a_refusal_there_is_told_and_nobody_is_signed_in(app_with, provider):
    client = app_with(openid_create_accounts=True).test_client()
    back = Visitor(provider).refuse(begin(client))
    assert client.get(local(back)).location == "/sign-in"
    assert "Example ID did not let you in" in problem_on(client)
    assert who(client) is None


@pytest.mark.parametrize(
    "query",
    [
        "code=x&state=y",
        "state=y&error=access_denied&error_description=<b>Call+555</b>",
        "error=x",
        "",
        "code=x&state=y&state=z",
    ],
)
def test_an_answer_this_browser_did_not_ask_for_counts_for_nothing(app_with, provider, query):
    client = app_with(openid_create_accounts=True).test_client()
    assert client.get(f"/sign-in/openid/callback?{query}").location == "/sign-in"
    said = problem_on(client)
    assert "begun in another browser" in said
    assert "555" not in said


def test_the_answer_to_somebody_else_s_question_signs_nobody_in(app_with, provider):
    app = app_with(openid_create_accounts=True)
    attacker, victim = app.test_client(), app.test_client()
    back = local(Visitor(provider).sign_in(begin(attacker), "mallory"))
    begin(victim)
    victim.get(back)
    assert who(victim) is None
    assert "begun in another browser" in problem_on(victim)


def test_an_answer_counts_once(app_with, provider):
    client = app_with(openid_create_accounts=True).test_client()
    back = local(Visitor(provider).sign_in(begin(client), "ada"))
    assert client.get(back).location == "/library"
    client.delete("/api/v1/session", headers={"X-CSRFToken": csrf_token(client.get("/account"))})
    client.get(back)
    assert who(client) is None


def test_a_code_with_another_browser_s_verifier_or_a_changed_one_is_refused(app_with, provider):
    client = app_with(openid_create_accounts=True).test_client()
    back = local(Visitor(provider).sign_in(begin(client), "ada"))
    with client.session_transaction() as session:
        (key,) = [key for key in session if key.startswith("_state_openid_")]
        session[key] = session[key] | {"data": session[key]["data"] | {"code_verifier": "x" * 64}}
    client.get(back)
    assert who(client) is None
    assert "cannot be trusted" in problem_on(client)


def test_a_token_for_another_nonce_is_refused(app_with, provider):
    client = app_with(openid_create_accounts=True).test_client()
    back = local(Visitor(provider).sign_in(begin(client), "ada"))
    with client.session_transaction() as session:
        (key,) = [key for key in session if key.startswith("_state_openid_")]
        session[key] = session[key] | {"data": session[key]["data"] | {"nonce": "of somebody else"}}
    client.get(back)
    assert who(client) is None
    assert "cannot be trusted" in problem_on(client)


def test_another_issuer_in_the_answer_is_refused(app_with, provider):
    client = app_with(openid_create_accounts=True).test_client()
    back = local(Visitor(provider).sign_in(begin(client), "ada"))
    assert "iss=" in back
    client.get(back.partition("&iss=")[0] + "&iss=https%3A%2F%2Fevil.example")
    assert who(client) is None


def test_a_wrong_client_secret_is_told_to_the_administrator_s_log_and_not_to_members(app_with, provider, caplog):
    wrong = "not the secret"
    client = app_with(openid_create_accounts=True, openid_client_secret=SecretStr(wrong)).test_client()
    come(client, provider, "ada")
    assert who(client) is None
    assert "tell an administrator" in problem_on(client)
    assert "invalid_client" in caplog.text
    assert wrong not in caplog.text


def test_while_the_provider_is_away_passwords_work_and_it_is_said(app_with):
    client = app_with(openid_issuer=f"http://127.0.0.1:{free_port()}").test_client()
    assert client.get("/sign-in/openid").location == "/sign-in"
    assert "Example ID cannot be reached. Sign in with a password" in problem_on(client)
    assert client.post("/api/v1/session", json={"name": "Root", "password": PASSWORD}).status_code == 200


def test_a_provider_that_calls_itself_something_else_is_not_trusted(app_with, provider):
    client = app_with(openid_issuer=provider.issuer.replace("127.0.0.1", "localhost")).test_client()
    assert client.get("/sign-in/openid").location == "/sign-in"
    assert "cannot be trusted" in problem_on(client)


def test_only_signatures_by_the_provider_s_own_key_count(app_with, provider):
    app = app_with()
    with app.test_request_context():
        client = openid._client(app.extensions["mindreader"].settings)
        algorithms = client.server_metadata["id_token_signing_alg_values_supported"]
        client.server_metadata["id_token_signing_alg_values_supported"] = [*algorithms, "none", "HS256"]
        known = openid._client(app.extensions["mindreader"].settings)
    assert algorithms
    assert known.server_metadata["id_token_signing_alg_values_supported"] == algorithms


def test_signing_out_here_signs_out_there_and_comes_back(app_with, provider):
    client = app_with(openid_create_accounts=True).test_client()
    come(client, provider, "ada")
    client.delete("/api/v1/session", headers={"X-CSRFToken": csrf_token(client.get("/account"))})
    assert who(client) is None
    away = client.get("/sign-in")
    assert away.status_code == 302
    assert away.location.startswith(f"{provider.issuer}/session/end?")
    sent = {name: values[0] for name, values in parse_qs(urlsplit(away.location).query).items()}
    assert (sent["client_id"], sent["post_logout_redirect_uri"]) == (CLIENT_ID, "http://localhost/sign-in")
    assert client.get("/sign-in").status_code == 200, "once"


@pytest.mark.parametrize(("by", "more"), [("password", {}), ("provider", {"openid_sign_out": False})])
def test_nobody_else_is_sent_there_to_sign_out(app_with, provider, by, more):
    client = app_with(openid_create_accounts=True, **more).test_client()
    if by == "provider":
        come(client, provider, "ada")
    else:
        client.post("/api/v1/session", json={"name": "Root", "password": PASSWORD})
    client.delete("/api/v1/session", headers={"X-CSRFToken": csrf_token(client.get("/account"))})
    assert client.get("/sign-in").status_code == 200


def test_it_leads_to_no_other_site(app_with, provider):
    client = app_with(openid_create_accounts=True).test_client()
    back = Visitor(provider).sign_in(begin(client, "//evil.example/"), "ada")
    assert client.get(local(back)).location == "/"


def test_where_there_is_no_provider_nobody_signs_in_that_way(client, root):
    assert client.get("/sign-in/openid").status_code == 404
    assert client.get("/sign-in/openid/callback?code=x&state=y").status_code == 404
    assert "Example ID" not in client.get("/sign-in").text


def test_the_button_names_the_provider_and_keeps_the_page(app_with):
    page = app_with().test_client().get("/sign-in", query_string={"next": "/trash"})
    assert "Example ID" in page.text
    assert 'href="/sign-in/openid?next=/trash"' in page.text


def test_before_there_is_an_administrator_nobody_comes_this_way(services, provider):
    settings = services.settings.model_copy(
        update={"openid_issuer": provider.issuer, "openid_client_id": CLIENT_ID, "openid_create_accounts": True}
    )
    client = create_app(Services(settings, services.catalog, services.blobs, services.celery)).test_client()
    assert client.get("/sign-in/openid").location == "/setup"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"OPENID_ISSUER": "http://id.example.org", "OPENID_CLIENT_ID": "x"}, "https"),
        ({"OPENID_ISSUER": "id.example.org", "OPENID_CLIENT_ID": "x"}, "https"),
        ({"OPENID_ISSUER": "https://id.example.org?x", "OPENID_CLIENT_ID": "x"}, "without"),
        ({"OPENID_ISSUER": "https://id.example.org"}, "OPENID_CLIENT_ID"),
        ({"OPENID_CLIENT_ID": "x"}, "OPENID_ISSUER"),
        ({"OPENID_SCOPES": "profile"}, "openid"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(environ, says):
    with pytest.raises(ConfigurationError, match=says):
        load_settings({f"MINDREADER_{name}": value for name, value in environ.items()})


def test_the_client_secret_comes_from_a_file_and_is_shown_nowhere(tmp_path):
    (tmp_path / "secret").write_text("hidden\n")
    environ = {
        "MINDREADER_OPENID_ISSUER": "https://id.example.org",
        "MINDREADER_OPENID_CLIENT_ID": "x",
        "MINDREADER_OPENID_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
    }
    settings = load_settings(environ)
    assert settings.openid_client_secret.get_secret_value() == "hidden"
    assert "hidden" not in settings.model_dump_json()
