"""`mindreader users`: accounts by whoever has the catalog, with the server running or not."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import update

from mindreader.accounts.sessions import Browser, begin_session, session_of
from mindreader.accounts.tokens import issue_token, local_token, token_of
from mindreader.accounts.users import MACHINE_ACCOUNT, authenticate, create_user, set_role, user_named
from mindreader.catalog import Role, User
from mindreader.commands.main import main
from mindreader.errors import ConflictError, ForbiddenError, NotSignedInError
from tests.support.server import mindreader, server

PASSWORD = "correct horse battery"


@pytest.fixture
def ask(settings, catalog, monkeypatch):
    """Runs the command; what it printed."""
    monkeypatch.setenv("MINDREADER_DATA_DIR", str(settings.data_dir))
    return run


def run(*arguments: str, typed: str = "", status: int = 0) -> str:
    done = CliRunner().invoke(main, ["users", *arguments], input=typed)
    assert done.exit_code == status, done.output
    assert "Traceback" not in done.output
    return done.output


@pytest.fixture
def root(catalog) -> User:
    return create_user(catalog, "Root", PASSWORD, Role.ADMIN)


@pytest.fixture
def bob(catalog, root) -> User:
    return create_user(catalog, "Bob", PASSWORD, Role.MEMBER)


def test_the_first_account_is_an_administrator_and_takes_over_what_the_machine_did(ask, catalog):
    with catalog.transaction() as session:
        local_token(session)
        machine = user_named(session, MACHINE_ACCOUNT).id
    assert "--admin" in ask("add", "Ann", "--generate", status=1)
    made = json.loads(ask("add", "Ann", "--admin", "--generate", "--json"))
    assert (made["user"]["id"], made["user"]["role"]) == (machine, "admin")
    assert authenticate(catalog, "Ann", made["password"])


def test_the_password_comes_from_the_input_or_is_made_and_shown_once(ask, catalog, root):
    assert PASSWORD not in ask("add", "Bob", "--password-stdin", typed=f"{PASSWORD}\nmore\n")
    said = ask("add", "Eve", "--generate")
    assert authenticate(catalog, "Bob", PASSWORD)
    assert authenticate(catalog, "Eve", said.split()[-1])
    assert len(said.split()[-1]) >= 20
    roles = {user["name"]: user["role"] for user in json.loads(ask("list", "--json"))["users"]}
    assert roles == {"Bob": "member", "Eve": "member", "Root": "admin"}


def test_without_a_terminal_it_says_how_to_give_a_password(ask, root):
    assert "--password-stdin or --generate" in ask("add", "Bob", status=2)
    assert "Take one of" in ask("add", "Bob", "--password-stdin", "--generate", status=2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", "Root", "--generate"], "already a user called Root"),
        (["add", "\u200b", "--generate"], "characters that can be seen"),
        (["reset-password", "Nobody", "--generate"], "nobody called Nobody"),
        (["reset-password", "Ro\x00ot", "--generate"], "nobody called"),
        (["disable", "root"], "capitals too"),
        (["enable", "root"], "capitals too"),
        (["disable", "Root"], "only administrator"),
    ],
)
def test_what_cannot_be_done_is_said(ask, root, arguments, says):
    assert says in ask(*arguments, status=1)


def test_a_password_that_is_too_short_is_refused(ask, root):
    assert "at least 10 characters" in ask("add", "Bob", "--password-stdin", typed="short\n", status=1)


def test_another_password_ends_sessions_and_tokens(ask, catalog, bob):
    with catalog.transaction() as session:
        session_secret = begin_session(session, bob, Browser(), timedelta(days=1))
        _, token = issue_token(session, bob, "laptop")
        _, kept = issue_token(session, bob, "kept")
    ask("reset-password", "Bob", "--keep-tokens", "--password-stdin", typed="another long one\n")
    with catalog.snapshot() as session:
        assert session_of(session, session_secret) is None
        assert token_of(session, kept)
    ask("reset-password", "Bob", "--generate")
    with catalog.snapshot() as session:
        assert token_of(session, token) is None
    assert authenticate(catalog, "Bob", "another long one") is None


def test_disabling_ends_everything_at_once_and_enabling_brings_the_password_back(ask, catalog, bob):
    with catalog.transaction() as session:
        session_secret = begin_session(session, bob, Browser(), timedelta(days=1))
        _, token = issue_token(session, bob, "laptop")
    assert "Bob is disabled" in ask("disable", "Bob")
    assert "Bob is disabled" in ask("disable", "Bob"), "once more changes nothing"
    assert "Bob  (disabled)" in ask("list")
    with catalog.snapshot() as session:
        assert (session_of(session, session_secret), token_of(session, token)) == (None, None)
    with pytest.raises(ForbiddenError, match="disabled"):
        authenticate(catalog, "Bob", PASSWORD)
    assert authenticate(catalog, "Bob", "wrong") is None, "only who knows the password hears of it"
    ask("enable", "Bob")
    assert authenticate(catalog, "Bob", PASSWORD)
    with catalog.snapshot() as session:
        assert token_of(session, token) is None, "what has ended stays ended"


def test_who_is_disabled_while_they_sign_in_stays_out(catalog, bob):
    with catalog.transaction() as session:
        session.execute(update(User).where(User.id == bob.id).values(disabled_at=bob.created_at))
    with catalog.transaction() as session, pytest.raises(NotSignedInError):
        begin_session(session, bob, Browser(), timedelta(days=1))


def test_sessions_and_tokens_of_the_disabled_count_for_nothing_wherever_they_came_from(catalog, bob):
    with catalog.transaction() as session:
        session_secret = begin_session(session, bob, Browser(), timedelta(days=1))
        _, token = issue_token(session, bob, "laptop")
        session.execute(update(User).where(User.id == bob.id).values(disabled_at=bob.created_at))
    with catalog.snapshot() as session:
        assert (session_of(session, session_secret), token_of(session, token)) == (None, None)


def test_an_administrator_who_is_disabled_is_none_that_is_left(ask, catalog, root):
    ask("add", "Ann", "--admin", "--generate")
    ask("disable", "Root")
    assert "only administrator" in ask("disable", "Ann", status=1)
    with catalog.transaction() as session, pytest.raises(ConflictError):
        set_role(session, user_named(session, "Ann").id, Role.MEMBER)


def test_the_command_line_of_the_machine_goes_on_with_the_next_administrator(ask, catalog, root):
    with catalog.transaction() as session:
        secret = local_token(session)
    ask("add", "Ann", "--admin", "--generate")
    ask("disable", "Root")
    with catalog.snapshot() as session:
        token = token_of(session, secret)
        assert token is not None
        assert token.user.name == "Ann"


def test_where_there_is_no_catalog_it_says_how_to_come_by_one(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_DATA_DIR", str(tmp_path / "elsewhere"))
    assert "mindreader migrate" in run("list", status=1)


@pytest.mark.slow
def test_beside_a_running_server_it_holds_at_once(tmp_path):
    data = tmp_path / "data"
    with server(data) as running:
        made = mindreader(data, "users", "add", "Root", "--admin", "--generate", "--json")
        bob = mindreader(data, "users", "add", "Bob", "--generate", "--json")
        with httpx.Client(base_url=f"{running.url}/api/v1", timeout=300) as browser:
            sent = {"name": "Bob", "password": bob["password"]}
            assert browser.post("/session", json=sent).status_code == 200
            mindreader(data, "users", "disable", "Bob")
            assert browser.get("/session").status_code == 401
            assert browser.post("/session", json=sent).status_code == 403
            mindreader(data, "users", "enable", "Bob")
            assert browser.post("/session", json=sent).status_code == 200
        sent = {"name": "Root", "password": made["password"]}
        assert httpx.post(f"{running.url}/api/v1/session", json=sent, timeout=300).status_code == 200
