from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mindreader.accounts import passwords, tokens, users
from mindreader.catalog import ApiToken, Collection, Role, User
from mindreader.errors import ConflictError, InvalidInputError, NotFoundError

PASSWORD = "correct horse battery"


def _bearer(session: Session, secret: str) -> User:
    """For whom a token speaks."""
    token = tokens.token_of(session, secret)
    assert token is not None
    return token.user


def test_a_fresh_catalog_has_no_users(catalog):
    with catalog.snapshot() as session:
        assert not users.users_exist(session)


def test_the_first_administrator_can_sign_in(catalog):
    made = users.create_first_administrator(catalog, "Ann", PASSWORD)
    found = users.authenticate(catalog, "Ann", PASSWORD)
    assert found is not None
    assert (found.id, found.role) == (made.id, Role.ADMIN)


def test_there_is_no_second_first_administrator(catalog):
    users.create_first_administrator(catalog, "Ann", PASSWORD)
    with pytest.raises(ConflictError):
        users.create_first_administrator(catalog, "Bob", PASSWORD)


def test_of_many_setups_at_once_one_wins(any_catalog):
    def try_once(number):
        try:
            return users.create_first_administrator(any_catalog, f"admin {number}", PASSWORD)
        except ConflictError:
            return None

    with ThreadPoolExecutor(4) as pool:
        won = [user for user in pool.map(try_once, range(4)) if user]
    with any_catalog.snapshot() as session:
        everyone = users.users(session)
    assert [user.name for user in everyone] == [user.name for user in won]
    assert len(everyone) == 1


def test_names_are_taken_once(catalog):
    users.create_user(catalog, "Ann", PASSWORD, Role.MEMBER)
    with pytest.raises(ConflictError, match="Ann"):
        users.create_user(catalog, " Ann ", PASSWORD, Role.MEMBER)


@pytest.mark.parametrize(
    ("name", "password"),
    [("", PASSWORD), ("x" * 101, PASSWORD), ("a\0b", PASSWORD), ("Ann", "nine char"), ("Ann", "x" * 1025)],
)
def test_unusable_names_and_passwords_are_refused(catalog, name, password):
    with pytest.raises(InvalidInputError):
        users.create_user(catalog, name, password, Role.MEMBER)
    with catalog.snapshot() as session:
        assert not users.users_exist(session)


@pytest.mark.parametrize(
    ("name", "password"),
    [("Ann", "wrong horse battery"), ("Bob", PASSWORD), ("Ann", ""), ("a\0b", PASSWORD), ("Ann", "\ud800")],
)
def test_wrong_credentials_sign_nobody_in(catalog, name, password):
    users.create_user(catalog, "Ann", PASSWORD, Role.MEMBER)
    assert users.authenticate(catalog, name, password) is None


def test_any_unicode_may_be_a_password(catalog):
    password = "ключ 🔑 \ud800 ключ"
    users.create_user(catalog, "Ann", password, Role.MEMBER)
    found = users.authenticate(catalog, "Ann", password)
    assert found is not None
    assert found.name == "Ann"


def test_an_unknown_name_takes_as_long_as_a_wrong_password(catalog, monkeypatch):
    """One hash is computed for either, with the same parameters."""
    users.create_user(catalog, "Ann", PASSWORD, Role.MEMBER)
    users.authenticate(catalog, "Bob", "wrong password")  # the decoy hash is made once
    computed = []
    verify = PasswordHasher.verify

    def watched(hasher, password_hash, password):
        computed.append(extract_parameters(password_hash))
        return verify(hasher, password_hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    monkeypatch.setattr(PasswordHasher, "hash", lambda *_: pytest.fail("a second hash"))
    for name in ("Ann", "Bob"):
        assert users.authenticate(catalog, name, "wrong password") is None
    known, unknown = computed
    assert unknown == known


def test_the_password_itself_is_nowhere_in_the_catalog(catalog):
    user = users.create_user(catalog, "Ann", PASSWORD, Role.MEMBER)
    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in user.password_hash


def test_an_outdated_hash_is_renewed_on_signing_in(catalog, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())  # as the product has it, not as these tests
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with catalog.transaction() as session:
        session.add(User(name="Ann", password_hash=weak, role=Role.MEMBER))
    assert users.authenticate(catalog, "Ann", PASSWORD)
    with catalog.snapshot() as session:
        renewed = session.scalar(select(User.password_hash))
    assert not PasswordHasher().check_needs_rehash(renewed)
    assert users.authenticate(catalog, "Ann", PASSWORD)


def test_a_token_speaks_for_its_user_until_it_is_revoked(catalog, ann):
    with catalog.transaction() as session:
        token, secret = tokens.issue_token(session, ann, "laptop")
    with catalog.snapshot() as session:
        assert _bearer(session, secret).id == ann.id
    with catalog.transaction() as session:
        tokens.revoke_token(session, ann, token.id)
    with catalog.snapshot() as session:
        assert tokens.token_of(session, secret) is None


def test_only_a_hash_of_a_token_is_kept(catalog, ann):
    with catalog.transaction() as session:
        _, secret = tokens.issue_token(session, ann, "laptop")
    assert secret.startswith("mr_")
    with catalog.snapshot() as session:
        row = session.scalars(select(ApiToken)).one()
    assert secret not in {row.name, row.sha256}


def test_nobody_revokes_a_token_of_another(catalog, ann, bob):
    with catalog.transaction() as session:
        token, secret = tokens.issue_token(session, ann, "laptop")
    with pytest.raises(NotFoundError), catalog.transaction() as session:
        tokens.revoke_token(session, bob, token.id)
    with catalog.snapshot() as session:
        assert _bearer(session, secret).id == ann.id


@pytest.mark.parametrize("secret", ["", "mr_", "mr_unknown", "\ud800"])
def test_unknown_tokens_speak_for_nobody(catalog, ann, secret):
    with catalog.transaction() as session:
        tokens.issue_token(session, ann, "laptop")
        assert tokens.token_of(session, secret) is None


def test_a_token_needs_a_name(catalog, ann):
    with pytest.raises(InvalidInputError), catalog.transaction() as session:
        tokens.issue_token(session, ann, " ")


def test_the_command_line_may_work_before_there_is_any_user(catalog):
    with catalog.transaction() as session:
        secret = tokens.local_token(session)
    with catalog.snapshot() as session:
        assert _bearer(session, secret).role == Role.ADMIN
        assert not users.users_exist(session)


def test_nobody_signs_in_as_the_command_line(catalog):
    with catalog.transaction() as session:
        tokens.local_token(session)
    assert users.authenticate(catalog, "local", "!") is None


def test_the_first_administrator_takes_over_what_the_command_line_did(catalog):
    with catalog.transaction() as session:
        secret = tokens.local_token(session)
    made = users.create_first_administrator(catalog, "Ann", PASSWORD)
    with catalog.snapshot() as session:
        assert _bearer(session, secret).id == made.id
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_a_restart_replaces_the_token_of_this_machine(catalog):
    users.create_first_administrator(catalog, "Ann", PASSWORD)
    with catalog.transaction() as session:
        before = tokens.local_token(session)
    with catalog.transaction() as session:
        after = tokens.local_token(session)
    with catalog.snapshot() as session:
        assert tokens.token_of(session, before) is None
        assert _bearer(session, after).name == "Ann"
        assert session.scalar(select(func.count()).select_from(ApiToken)) == 1


def test_one_changes_one_s_own_password_knowing_the_old_one(catalog):
    user = users.create_user(catalog, "Ann", PASSWORD, Role.MEMBER)
    with pytest.raises(InvalidInputError, match="old password is wrong"):
        users.change_own_password(catalog, user, "not it at all", "another long one")
    users.change_own_password(catalog, user, PASSWORD, "another long one")
    assert users.authenticate(catalog, "Ann", PASSWORD) is None
    found = users.authenticate(catalog, "Ann", "another long one")
    assert found is not None
    assert found.id == user.id
    with pytest.raises(InvalidInputError, match="at least"):
        users.set_password(catalog, user.id, "short", end_tokens=True)
    with pytest.raises(NotFoundError):
        users.set_password(catalog, 999, PASSWORD, end_tokens=True)


def test_somebody_is_left_to_administer(catalog):
    root, ann = (
        users.create_user(catalog, "Root", PASSWORD, Role.ADMIN),
        users.create_user(catalog, "Ann", PASSWORD, Role.MEMBER),
    )
    for action in (
        lambda session: users.set_role(session, root.id, Role.MEMBER),
        lambda session: users.remove_user(session, root.id, ann.id),
    ):
        with pytest.raises(ConflictError, match="only administrator"), catalog.transaction() as session:
            action(session)
    with catalog.transaction() as session:
        users.set_role(session, ann.id, Role.ADMIN)
        users.set_role(session, root.id, Role.MEMBER)
    with pytest.raises(NotFoundError), catalog.transaction() as session:
        users.set_role(session, 999, Role.ADMIN)


def test_a_removed_user_s_collections_go_to_the_heir(catalog):
    root, ann = (
        users.create_user(catalog, "Root", PASSWORD, Role.ADMIN),
        users.create_user(catalog, "Ann", PASSWORD, Role.MEMBER),
    )
    with catalog.transaction() as session:
        session.add_all(Collection(owner_id=owner.id, name="Holidays") for owner in (root, ann))
        tokens.issue_token(session, ann, "laptop")
    for heir, error in ((None, ConflictError), (ann.id, InvalidInputError), (999, NotFoundError)):
        with pytest.raises(error), catalog.transaction() as session:
            users.remove_user(session, ann.id, heir)
    with catalog.transaction() as session:
        users.remove_user(session, ann.id, root.id)
    with catalog.snapshot() as session:
        owned = session.scalars(select(Collection).order_by(Collection.id)).all()
        assert [(each.name, each.owner_id) for each in owned] == [
            ("Holidays", root.id),
            ("Holidays (Ann)", root.id),
        ]
        assert session.scalars(select(ApiToken)).all() == []
