"""Sessions of browsers: what begins them, and everything that ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, select, update

from mindreader.accounts import credentials, passwords, tokens, users
from mindreader.accounts.credentials import note_use
from mindreader.accounts.sessions import (
    MOST_SESSIONS,
    Browser,
    begin_session,
    end_session,
    end_session_of,
    end_sessions,
    session_of,
    sessions_of,
)
from mindreader.catalog import ApiToken, BrowserSession, Catalog, Role, User
from mindreader.catalog.models import now
from mindreader.errors import NotFoundError, NotSignedInError

PASSWORD = "correct horse battery"
FIREFOX = Browser("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "192.0.2.1")
MONTH = timedelta(days=30)


@pytest.fixture
def ann(any_catalog):
    return users.create_user(any_catalog, "Ann", PASSWORD, Role.MEMBER)


@pytest.fixture
def root(any_catalog):
    return users.create_user(any_catalog, "Root", PASSWORD, Role.ADMIN)


def begin(catalog: Catalog, user: User, browser: Browser = FIREFOX, lifetime: timedelta = MONTH) -> str:
    with catalog.transaction() as session:
        return begin_session(session, user, browser, lifetime)


def issue(catalog: Catalog, user: User, lifetime: timedelta | None = None) -> tuple[ApiToken, str]:
    with catalog.transaction() as session:
        return tokens.issue_token(session, user, "laptop", lifetime=lifetime)


def found(catalog: Catalog, secret: str) -> Any:
    with catalog.snapshot() as session:
        return session_of(session, secret)


def token_found(catalog: Catalog, secret: str) -> Any:
    with catalog.snapshot() as session:
        return tokens.token_of(session, secret)


def authenticated(catalog: Catalog) -> User:
    user = users.authenticate(catalog, "Ann", PASSWORD)
    assert user is not None
    return user


def test_a_session_speaks_for_its_user_and_only_a_hash_of_its_secret_is_kept(any_catalog, ann):
    secret = begin(any_catalog, ann)
    row = found(any_catalog, secret)
    assert row is not None
    assert (row.user.id, row.address) == (ann.id, "192.0.2.1")
    assert "Firefox" in row.user_agent
    assert secret not in {str(value) for value in vars(row).values()}
    assert found(any_catalog, "") is found(any_catalog, row.sha256) is found(any_catalog, "\ud800") is None


def test_what_a_browser_says_of_itself_is_shortened_and_storable(any_catalog, ann):
    begin(any_catalog, ann, Browser("a\0b\ud800" + "x" * 5000, "f" * 100))
    with any_catalog.snapshot() as session:
        (row,) = sessions_of(session, ann)
    assert (len(row.user_agent), len(row.address)) == (200, 45)
    assert row.user_agent.startswith("abx")


def test_an_expired_session_is_nobody_and_the_next_who_signs_in_sweeps_it(any_catalog, ann, root):
    old, living = begin(any_catalog, ann, lifetime=timedelta(0)), begin(any_catalog, ann)
    assert found(any_catalog, old) is None
    with any_catalog.snapshot() as session:
        assert len(sessions_of(session, ann)) == 1
    begin(any_catalog, root)
    with any_catalog.snapshot() as session:
        assert len(session.scalars(select(BrowserSession)).all()) == 2
    assert found(any_catalog, living)


def test_a_person_has_so_many_sessions_and_no_more(any_catalog, ann, root):
    with any_catalog.transaction() as session:
        secrets = [begin_session(session, ann, FIREFOX, MONTH) for _ in range(MOST_SESSIONS + 2)]
    others = begin(any_catalog, root)
    begin(any_catalog, ann)
    assert [found(any_catalog, secret) is None for secret in secrets[:4]] == [True, True, True, False]
    assert found(any_catalog, others)


def test_sessions_are_ended_one_by_one_all_but_one_or_by_their_secret(any_catalog, ann):
    secrets = [begin(any_catalog, ann) for _ in range(4)]
    rows = [found(any_catalog, secret) for secret in secrets]
    with any_catalog.transaction() as session:
        end_session(session, ann, rows[0].id)
        end_session_of(session, secrets[1])
    assert [found(any_catalog, secret) is None for secret in secrets] == [True, True, False, False]
    with any_catalog.transaction() as session:
        end_sessions(session, ann.id, but=rows[3].id)
    assert [found(any_catalog, secret) is None for secret in secrets] == [True, True, True, False]


def test_nobody_ends_a_session_of_another(any_catalog, ann, root):
    secret = begin(any_catalog, ann)
    with pytest.raises(NotFoundError), any_catalog.transaction() as session:
        end_session(session, root, found(any_catalog, secret).id)
    assert found(any_catalog, secret)


@pytest.mark.parametrize("end_tokens", [True, False])
def test_another_password_ends_sessions_and_tokens_as_asked(any_catalog, ann, root, end_tokens):
    session_secret, others = begin(any_catalog, ann), begin(any_catalog, root)
    _, token = issue(any_catalog, ann)
    users.set_password(any_catalog, ann.id, "another long one", end_tokens=end_tokens)
    assert found(any_catalog, session_secret) is None
    assert (token_found(any_catalog, token) is None) == end_tokens
    assert found(any_catalog, others)


def test_another_password_leaves_the_command_line_of_this_machine_alone(any_catalog, root):
    with any_catalog.transaction() as session:
        local = tokens.local_token(session)
    _, token = issue(any_catalog, root)
    users.set_password(any_catalog, root.id, "another long one", end_tokens=True)
    row = token_found(any_catalog, local)
    assert row is not None
    assert row.expires_at is None
    assert token_found(any_catalog, token) is None


def test_a_token_that_only_bears_the_name_of_the_command_line_s_is_ended(any_catalog, ann, root):
    with any_catalog.transaction() as session:
        local = tokens.local_token(session)
    name = token_found(any_catalog, local).name
    with any_catalog.transaction() as session:
        _, token = tokens.issue_token(session, ann, name)
    users.set_password(any_catalog, ann.id, "another long one", end_tokens=True)
    assert token_found(any_catalog, token) is None


def test_a_role_of_less_ends_sessions_and_one_of_more_does_not(any_catalog, ann, root):
    hers, his = begin(any_catalog, ann), begin(any_catalog, root)
    with any_catalog.transaction() as session:
        users.set_role(session, ann.id, Role.ADMIN)
        users.set_role(session, root.id, Role.ADMIN)
    assert found(any_catalog, hers)
    assert found(any_catalog, his)
    with any_catalog.transaction() as session:
        users.set_role(session, ann.id, Role.MEMBER)
    assert found(any_catalog, hers) is None
    assert found(any_catalog, his)


def test_a_removed_user_s_sessions_and_tokens_are_gone(any_catalog, ann, root):
    secret, (_, token) = begin(any_catalog, ann), issue(any_catalog, ann)
    with any_catalog.transaction() as session:
        users.remove_user(session, ann.id, None)
    assert found(any_catalog, secret) is None
    assert token_found(any_catalog, token) is None
    with pytest.raises(NotSignedInError):
        begin(any_catalog, ann)


def test_a_password_changed_while_somebody_signs_in_with_the_old_one_wins(any_catalog, ann):
    with_the_old_one = authenticated(any_catalog)
    users.set_password(any_catalog, ann.id, "another long one", end_tokens=True)
    with pytest.raises(NotSignedInError, match="changed"):
        begin(any_catalog, with_the_old_one)
    with pytest.raises(NotSignedInError, match="changed"):
        issue(any_catalog, with_the_old_one)


def test_a_hash_renewed_on_signing_in_is_the_one_the_session_goes_by(any_catalog, ann, monkeypatch):
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", stronger)
    assert begin(any_catalog, authenticated(any_catalog))
    with any_catalog.snapshot() as session:
        assert not stronger.check_needs_rehash(session.get(User, ann.id).password_hash)


def test_of_two_who_renew_a_hash_at_once_both_sign_in(any_catalog, ann, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    renew, first = users._rehash, list[User]()

    def one_is_quicker(*arguments):
        monkeypatch.setattr(users, "_rehash", renew)
        first.append(authenticated(any_catalog))
        return renew(*arguments)

    monkeypatch.setattr(users, "_rehash", one_is_quicker)
    second = authenticated(any_catalog)
    assert begin(any_catalog, first[0])
    assert begin(any_catalog, second)


def test_a_token_works_until_it_expires(any_catalog, ann):
    _, lasting = issue(any_catalog, ann)
    _, passing = issue(any_catalog, ann, timedelta(days=1))
    row, over = issue(any_catalog, ann, timedelta(0))
    assert token_found(any_catalog, lasting)
    assert token_found(any_catalog, passing)
    assert token_found(any_catalog, over) is None
    with any_catalog.snapshot() as session:
        assert row.id in {each.id for each in tokens.tokens_of(session, ann)}, "its owner sees that it has expired"


@pytest.mark.parametrize(("ago", "written"), [(60, False), (-60, False), (600, True), (-18_000, True)])
def test_the_last_use_is_written_sparingly_whatever_the_clock_does(any_catalog, ann, ago, written):
    before = now() - timedelta(seconds=ago)
    secret, (token, _) = begin(any_catalog, ann), issue(any_catalog, ann)
    with any_catalog.transaction() as session:
        session.execute(update(BrowserSession).values(last_used_at=before))
        session.execute(update(ApiToken).values(last_used_at=before))
    for read in (lambda: found(any_catalog, secret), lambda: _token(any_catalog, token.id)):
        note_use(any_catalog, read())
        assert (read().last_used_at != before) == written


def test_a_token_never_used_says_so_until_it_is(any_catalog, ann):
    token, _ = issue(any_catalog, ann)
    assert token.last_used_at is None
    note_use(any_catalog, token)
    assert abs(_token(any_catalog, token.id).last_used_at - now()) < timedelta(minutes=5)


def test_a_catalog_that_takes_no_writes_keeps_nobody_out(any_catalog, ann, monkeypatch, caplog):
    secret = begin(any_catalog, ann)
    monkeypatch.setattr(credentials, "_BETWEEN_NOTES", timedelta(0))

    def read_only(_connection, cursor, *_):
        sqlite = any_catalog.engine.dialect.name == "sqlite"
        cursor.execute("PRAGMA query_only = ON" if sqlite else "SET TRANSACTION READ ONLY")

    row = found(any_catalog, secret)
    event.listen(any_catalog.engine, "before_cursor_execute", read_only)
    note_use(any_catalog, row)
    event.remove(any_catalog.engine, "before_cursor_execute", read_only)
    assert "could not be written down" in caplog.text
    assert found(any_catalog, secret)


def test_a_request_costs_one_lookup_by_an_index(catalog):
    ann = users.create_user(catalog, "Ann", PASSWORD, Role.MEMBER)
    secret, asked = begin(catalog, ann), []
    event.listen(catalog.engine, "before_cursor_execute", lambda *told: asked.append(told[2:4]))
    row = found(catalog, secret)
    assert row.user.name == "Ann"
    note_use(catalog, row)
    ((statement, values),) = [each for each in asked if each[0].startswith("SELECT")]
    assert not [each for each in asked if each[0].startswith("UPDATE")]
    with catalog.engine.connect() as connection:
        plan = [step.detail for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert all("SEARCH" in step and "USING" in step for step in plan), plan


def _token(catalog: Catalog, token_id: int) -> Any:
    with catalog.snapshot() as session:
        return session.get_one(ApiToken, token_id)
