"""Who is signed in: in no backup, and moved with the stores; the command line's token belongs to its machine."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import select

from mindreader.accounts.sessions import Browser, begin_session, session_of
from mindreader.accounts.tokens import issue_token, local_token, token_of
from mindreader.backup.create import back_up
from mindreader.backup.migrate_stores import move
from mindreader.backup.restore import restore
from mindreader.catalog import BrowserSession, Catalog
from mindreader.settings import load_settings


@pytest.fixture
def secrets(catalog, admin):
    """Of a session, of a token, and of the command line."""
    with catalog.transaction() as session:
        begun = begin_session(session, admin, Browser(), timedelta(days=30))
        return begun, issue_token(session, admin, "laptop")[1], local_token(session)


@pytest.fixture
def elsewhere(tmp_path):
    return load_settings({"MINDREADER_DATA_DIR": str(tmp_path / "elsewhere")})


def good(settings, secrets) -> list[bool]:
    """Which of them still let somebody in there."""
    catalog = Catalog(settings.catalog_url)
    with catalog.snapshot() as session:
        found = [session_of(session, secrets[0]), *(token_of(session, each) for each in secrets[1:])]
    catalog.close()
    return [each is not None for each in found]


def test_a_backup_holds_no_session_and_a_restore_brings_none(catalog, blobs, settings, secrets, elsewhere, tmp_path):
    back_up(catalog, blobs, settings, tmp_path / "backup")
    with closing(sqlite3.connect(f"file:{tmp_path}/backup/catalog.sqlite3?mode=ro", uri=True)) as kept:
        assert kept.execute("SELECT count(*) FROM browser_session").fetchall() == [(0,)]
    digests = {row.sha256 for row in _sessions(catalog)}
    assert digests
    content = (tmp_path / "backup" / "catalog.sqlite3").read_bytes()
    assert not any(digest.encode() in content for digest in digests)
    restore(elsewhere, tmp_path / "backup")
    assert good(settings, secrets) == [True, True, True]
    assert good(elsewhere, secrets) == [False, True, False]


def test_who_is_signed_in_stays_so_when_the_stores_move(settings, secrets, elsewhere):
    move(settings, elsewhere)
    assert good(elsewhere, secrets) == [True, True, False]


def _sessions(catalog):
    with catalog.snapshot() as session:
        return session.scalars(select(BrowserSession)).all()
