"""Who comes in by a provider's word, without a provider: names, roles, and two at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mindreader.accounts import identities, users
from mindreader.accounts.identities import Admission, Identity
from mindreader.catalog import Role
from mindreader.errors import ForbiddenError

PASSWORD = "correct horse battery"


def test_the_last_administrator_with_a_password_stays_one(catalog):
    root = users.create_first_administrator(catalog, "Root", PASSWORD)
    identity = Identity("https://id.example.org", "root")
    with catalog.transaction() as session:
        identities.connect(session, root, identity)
    assert identities.admit(catalog, identity, Admission(admin_groups=frozenset({"keepers"}))).role == Role.ADMIN


def test_a_first_sign_in_at_the_same_moment_as_another_makes_one_account(any_catalog):
    identity = Identity("https://id.example.org", "ada", names=("Ada",))
    with ThreadPoolExecutor(4) as pool:
        admitted = list(
            pool.map(lambda _: identities.admit(any_catalog, identity, Admission(create_accounts=True)), range(4))
        )
    assert len({user.id for user in admitted}) == 1


@pytest.mark.parametrize("names", [(), ("",), ("\u202e",), ("\x00",), ("a" * 500,)])
def test_whatever_somebody_is_called_there_they_get_a_name(catalog, names):
    identity = Identity("https://id.example.org", "x", names=names)
    first = identities.admit(catalog, identity, Admission(create_accounts=True))
    again = identities.admit(catalog, Identity("https://id.example.org", "y", names=names), Admission(True))
    assert first.name
    assert (again.name.endswith(" 2"), len(again.name) <= 100) == (True, True)
    with pytest.raises(ForbiddenError):
        identities.admit(catalog, Identity("https://id.example.org", "z", names=names), Admission())
