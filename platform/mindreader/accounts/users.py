"""Users: the first administrator, adding, signing in, roles, disabling, removing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mindreader.accounts.passwords import decoy_hash, hash_new_password, hash_password, is_password, needs_rehash
from mindreader.accounts.sessions import end_sessions
from mindreader.catalog import ApiToken, Catalog, Collection, Role, User
from mindreader.catalog.locks import lock_accounts
from mindreader.catalog.models import now
from mindreader.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from mindreader.text import checked_name, normalised, visible_text

LONGEST_NAME = 100
NO_PASSWORD = "!"  # noqa: S105  # nosec B105  # no Argon2 hash: nobody signs in with a password
_LONGEST_COLLECTION = 200
MACHINE_ACCOUNT = "local"


def users_exist(session: Session) -> bool:
    """Whether anyone can sign in yet; until then the first administrator is to be made."""
    return session.scalar(select(User.id).where(User.password_hash != NO_PASSWORD).limit(1)) is not None


def users(session: Session) -> Sequence[User]:
    """Everyone, by name."""
    return session.scalars(select(User).order_by(User.name)).all()


def create_first_administrator(catalog: Catalog, name: str, password: str) -> User:
    """Make the first administrator; of two that try at once, one wins.

    What the command line did on this machine before, under an account without a password, becomes theirs.

    Raises:
        InvalidInputError: the name or the password cannot be used.
        ConflictError: somebody can sign in already.
    """
    with catalog.snapshot() as session:
        _refuse_if_users_exist(session)  # before the costly hash
    name, password_hash = checked_name(name, LONGEST_NAME), hash_new_password(password)
    with catalog.transaction() as session:
        lock_accounts(session)
        _refuse_if_users_exist(session)
        user = first_administrator(session) or User(role=Role.ADMIN)
        user.name, user.password_hash = name, password_hash
        session.add(user)
    return user


def create_user(catalog: Catalog, name: str, password: str, role: Role) -> User:
    """Add a user.

    Raises:
        InvalidInputError: the name or the password cannot be used.
        ConflictError: the name is taken.
    """
    user = User(name=checked_name(name, LONGEST_NAME), password_hash=hash_new_password(password), role=role)
    try:
        with catalog.transaction() as session:
            session.add(user)
    except IntegrityError:
        raise ConflictError("There is already a user called {name}. Choose another name.", name=user.name) from None
    return user


def authenticate(catalog: Catalog, name: str, password: str) -> User | None:
    """The user of that name if the password is right; unknown names take as long as wrong passwords.

    Raises:
        ForbiddenError: the password is right, and the account disabled.
    """
    user = _with_password(catalog, normalised(name))
    decoy = decoy_hash()
    if not is_password(user.password_hash if user else decoy, password) or user is None:
        return None
    refuse_if_disabled(user)
    if needs_rehash(user.password_hash) and not _rehash(catalog, user, password):
        return authenticate(catalog, name, password)  # somebody else gave it another hash meanwhile
    return user


def refuse_if_disabled(user: User) -> None:
    """See that the user, who has proved who they are, may come in.

    Raises:
        ForbiddenError: the account is disabled.
    """
    if user.disabled_at is not None:
        raise ForbiddenError("This account is disabled. Ask an administrator.")


def _rehash(catalog: Catalog, user: User, password: str) -> bool:
    """Keep the password under today's parameters, unless its hash is another one by now."""
    old, user.password_hash = user.password_hash, hash_password(password)
    same = update(User).where(User.id == user.id, User.password_hash == old).values(password_hash=user.password_hash)
    with catalog.transaction() as session:
        return session.scalar(same.returning(User.id)) is not None


def change_own_password(catalog: Catalog, user: User, old: str, new: str) -> User:
    """Give a user another password, who knows the old one. All their sessions end with it; their tokens do not.

    Raises:
        InvalidInputError: the old password is wrong, or the new one cannot be used.
    """
    if not is_password(user.password_hash, old):
        raise InvalidInputError("The old password is wrong.")
    return set_password(catalog, user.id, new, end_tokens=False)


def set_password(catalog: Catalog, user_id: int, password: str, *, end_tokens: bool) -> User:
    """Give a user another password. Their sessions end with it.

    Args:
        end_tokens: end their access tokens too, those of the command line on this machine excepted.

    Raises:
        NotFoundError: there is no such user.
        InvalidInputError: the password cannot be used.
    """
    password_hash = hash_new_password(password)
    with catalog.transaction() as session:
        user = user_by_id(session, user_id)
        user.password_hash = password_hash
        session.flush()  # first: who signs in with the old one waits for this row, and is then refused
        end_sessions(session, user_id)
        if end_tokens:
            session.execute(delete(ApiToken).where(ApiToken.user_id == user_id, ApiToken.is_local.is_(False)))
    return user


def set_role(session: Session, user_id: int, role: Role) -> User:
    """Make a user an administrator, or a member again, which ends their sessions.

    Raises:
        NotFoundError: there is no such user.
        ConflictError: nobody would be left to administer.
    """
    user = user_by_id(session, user_id)
    if role != Role.ADMIN:
        _keep_an_administrator(session, user)
    if user.role == Role.ADMIN and role != Role.ADMIN:
        end_sessions(session, user_id)
    user.role = role
    return user


def disable_user(session: Session, user_id: int) -> User:
    """Let nobody in with this account, from now on; once more changes nothing.

    Their sessions and tokens end. Collections, and what is shared with others by name, stay. The tokens of the command
    line on this machine go over to an administrator who is left.

    Raises:
        NotFoundError: there is no such user.
        ConflictError: nobody would be left to administer.
    """
    user = user_by_id(session, user_id)
    if user.disabled_at is not None:
        return user
    _keep_an_administrator(session, user)
    user.disabled_at = now()
    session.flush()  # first: who signs in at this moment waits for this row, and is then refused
    end_sessions(session, user_id)
    heir = first_administrator(session)
    if heir is not None:
        of_machine = update(ApiToken).where(ApiToken.user_id == user_id, ApiToken.is_local)
        session.execute(of_machine.values(user_id=heir.id))
    session.execute(delete(ApiToken).where(ApiToken.user_id == user_id))
    return user


def enable_user(session: Session, user_id: int) -> User:
    """Let a disabled user in again, with the password they had.

    Raises:
        NotFoundError: there is no such user.
    """
    user = user_by_id(session, user_id)
    user.disabled_at = None
    return user


def remove_user(session: Session, user_id: int, heir_id: int | None) -> None:
    """Remove a user with their sessions, tokens and searches; their collections go to the heir.

    A collection whose name the heir has already gets the former owner's name added.

    Raises:
        NotFoundError: there is no such user or heir.
        ConflictError: they have collections and no heir is named, or nobody would be left to administer.
        InvalidInputError: they would inherit from themselves.
    """
    user = user_by_id(session, user_id)
    _keep_an_administrator(session, user)
    owned = session.scalars(select(Collection).where(Collection.owner_id == user.id)).all()
    if heir_id == user_id:
        raise InvalidInputError("Name somebody else to take over the collections.")
    if owned and heir_id is None:
        raise ConflictError("{name} has collections: {n}. Name who takes them over.", name=user.name, n=len(owned))
    if owned and heir_id is not None:
        _hand_over(session, owned, user, user_by_id(session, heir_id))
    session.delete(user)
    session.flush()


def _hand_over(session: Session, owned: Sequence[Collection], giver: User, heir: User) -> None:
    living = Collection.deleted_at.is_(None)
    taken = set(session.scalars(select(Collection.name).where(Collection.owner_id == heir.id, living)))
    for collection in owned:
        while collection.name in taken and collection.deleted_at is None:
            collection.name = f"{collection.name[: _LONGEST_COLLECTION - LONGEST_NAME - 4]} ({giver.name})"
        taken.add(collection.name)
        collection.owner_id = heir.id
    session.flush()


def user_by_id(session: Session, user_id: int) -> User:
    """A user.

    Raises:
        NotFoundError: there is none of that id.
    """
    user = session.get(User, user_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    return user


def user_named(session: Session, name: str) -> User:
    """A user.

    Raises:
        NotFoundError: nobody has that name.
    """
    name = normalised(name)
    user = session.scalar(select(User).where(User.name == name)) if visible_text(name) == name else None
    if user is None:
        raise NotFoundError("There is nobody called {name} here. Check the spelling, capitals too.", name=name)
    return user


def _keep_an_administrator(session: Session, leaving: User) -> None:
    others = select(User.id).where(User.id != leaving.id, User.password_hash != NO_PASSWORD)
    others = others.where(User.role == Role.ADMIN, User.disabled_at.is_(None)).order_by(User.id)
    is_one = leaving.role == Role.ADMIN and leaving.disabled_at is None
    # Locked, so that two administrators cannot dismiss each other at once.
    if is_one and session.scalars(others.with_for_update()).first() is None:
        raise ConflictError("{name} is the only administrator. Make somebody else one first.", name=leaving.name)


def _refuse_if_users_exist(session: Session) -> None:
    if users_exist(session):
        raise ConflictError("MindReader is set up already. Sign in, or ask an administrator for an account.")


def first_administrator(session: Session) -> User | None:
    """The administrator who came first, also one without a password, but none who is disabled."""
    enabled = select(User).where(User.role == Role.ADMIN, User.disabled_at.is_(None))
    return session.scalar(enabled.order_by(User.id).limit(1))


def _with_password(catalog: Catalog, name: str) -> User | None:
    if visible_text(name) != name:  # PostgreSQL would refuse the question itself
        return None
    with catalog.snapshot() as session:
        return session.scalar(select(User).where(User.name == name, User.password_hash != NO_PASSWORD))
