"""Users, passwords and access tokens."""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from mindreader.catalog import ApiToken, Catalog, Collection, Role, TokenScope, User
from mindreader.errors import ConflictError, InvalidInputError, NotFoundError
from mindreader.use_cases.names import checked_name, normalised, visible_text

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024
LONGEST_NAME = 100
_TOKEN_PREFIX = "mr_"  # noqa: S105  # lets a person, or a scanner, recognise a leaked token
_TOKEN_BYTES = 32
_NO_PASSWORD = "!"  # noqa: S105  # no Argon2 hash: nobody signs in with a password
_LONGEST_COLLECTION = 200
_MACHINE_ACCOUNT = "local"
_ACCOUNTS_LOCK = 7276824

_hasher = PasswordHasher()


def users_exist(session: Session) -> bool:
    """Whether anyone can sign in yet; until then the first administrator is to be made."""
    return session.scalar(select(User.id).where(User.password_hash != _NO_PASSWORD).limit(1)) is not None


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
    name, password_hash = checked_name(name, LONGEST_NAME), _hash(password)
    with catalog.transaction() as session:
        _one_at_a_time(session)
        _refuse_if_users_exist(session)
        user = _first_administrator(session) or User(role=Role.ADMIN)
        user.name, user.password_hash = name, password_hash
        session.add(user)
    return user


def create_user(catalog: Catalog, name: str, password: str, role: Role) -> User:
    """Add a user.

    Raises:
        InvalidInputError: the name or the password cannot be used.
        ConflictError: the name is taken.
    """
    user = User(name=checked_name(name, LONGEST_NAME), password_hash=_hash(password), role=role)
    try:
        with catalog.transaction() as session:
            session.add(user)
    except IntegrityError:
        raise ConflictError("There is already a user called {name}. Choose another name.", name=user.name) from None
    return user


def authenticate(catalog: Catalog, name: str, password: str) -> User | None:
    """The user of that name if the password is right; unknown names take as long as wrong passwords."""
    user = _with_password(catalog, normalised(name))
    decoy = _decoy_hash()
    if not _verifies(user.password_hash if user else decoy, password) or user is None:
        return None
    if _hasher.check_needs_rehash(user.password_hash):
        with catalog.transaction() as session:
            session.execute(
                update(User).where(User.id == user.id).values(password_hash=_hasher.hash(_storable(password)))
            )
    return user


def change_own_password(catalog: Catalog, user: User, old: str, new: str) -> User:
    """Give a user another password, who knows the old one. Sessions elsewhere end with it.

    Raises:
        InvalidInputError: the old password is wrong, or the new one cannot be used.
    """
    if not _verifies(user.password_hash, old):
        raise InvalidInputError("The old password is wrong.")
    return set_password(catalog, user.id, new)


def set_password(catalog: Catalog, user_id: int, password: str) -> User:
    """Give a user another password. Their sessions end with it; their tokens do not.

    Raises:
        NotFoundError: there is no such user.
        InvalidInputError: the password cannot be used.
    """
    password_hash = _hash(password)
    with catalog.transaction() as session:
        user = user_by_id(session, user_id)
        user.password_hash = password_hash
    return user


def set_role(session: Session, user_id: int, role: Role) -> User:
    """Make a user an administrator, or a member again.

    Raises:
        NotFoundError: there is no such user.
        ConflictError: nobody would be left to administer.
    """
    user = user_by_id(session, user_id)
    if role != Role.ADMIN:
        _keep_an_administrator(session, user)
    user.role = role
    return user


def remove_user(session: Session, user_id: int, heir_id: int | None) -> None:
    """Remove a user with their tokens and searches; their collections go to the heir.

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
        raise ConflictError("{name} has {n} collections. Name who takes them over.", name=user.name, n=len(owned))
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


def _keep_an_administrator(session: Session, leaving: User) -> None:
    others = select(User.id).where(User.role == Role.ADMIN, User.id != leaving.id, User.password_hash != _NO_PASSWORD)
    # Locked, so that two administrators cannot dismiss each other at once.
    if leaving.role == Role.ADMIN and session.scalars(others.with_for_update()).first() is None:
        raise ConflictError("{name} is the only administrator. Make somebody else one first.", name=leaving.name)


def issue_token(session: Session, user: User, name: str, scope: TokenScope = TokenScope.FULL) -> tuple[ApiToken, str]:
    """Make an access token; the secret is returned this once, the catalog keeps only its SHA-256.

    Raises:
        InvalidInputError: the name cannot be used.
    """
    secret = _TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    name = checked_name(name, LONGEST_NAME)
    token = ApiToken(user_id=user.id, name=name, sha256=_digest(secret), scope=scope)
    session.add(token)
    session.flush()
    return token, secret


def tokens_of(session: Session, user: User) -> Sequence[ApiToken]:
    """A user's tokens, the newest first."""
    return session.scalars(select(ApiToken).where(ApiToken.user_id == user.id).order_by(ApiToken.id.desc())).all()


def token_of(session: Session, secret: str) -> ApiToken | None:
    """The token of this secret, with the user it speaks for; none when it is unknown or revoked."""
    known = select(ApiToken).where(ApiToken.sha256 == _digest(secret)).options(joinedload(ApiToken.user))
    return session.scalar(known)


def revoke_token(session: Session, user: User, token_id: int) -> None:
    """End a token of this user.

    Raises:
        NotFoundError: the user has no such token.
    """
    mine = delete(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user.id).returning(ApiToken.id)
    if session.scalar(mine) is None:
        raise NotFoundError("You have no such token. It may have been revoked already.")


def local_token(session: Session) -> str:
    """A new token for the command line on this machine, in place of the one it had before.

    It speaks for the first administrator. Before there is one, it speaks for an account without a password,
    which the first administrator then takes over.
    """
    _one_at_a_time(session)
    user = _first_administrator(session)
    if user is None:
        user = User(name=_MACHINE_ACCOUNT, password_hash=_NO_PASSWORD, role=Role.ADMIN)
        session.add(user)
        session.flush()
    name = normalised(visible_text(f"Command line on {socket.gethostname()}"))[:LONGEST_NAME]
    session.execute(delete(ApiToken).where(ApiToken.user_id == user.id, ApiToken.name == name))
    return issue_token(session, user, name)[1]


def _refuse_if_users_exist(session: Session) -> None:
    if users_exist(session):
        raise ConflictError("MindReader is set up already. Sign in, or ask an administrator for an account.")


def _first_administrator(session: Session) -> User | None:
    return session.scalar(select(User).where(User.role == Role.ADMIN).order_by(User.id).limit(1))


def _one_at_a_time(session: Session) -> None:
    """Keep others from making the first account until this transaction ends (SQLite has one writer anyway)."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_ACCOUNTS_LOCK)))


def _with_password(catalog: Catalog, name: str) -> User | None:
    if visible_text(name) != name:  # PostgreSQL would refuse the question itself
        return None
    with catalog.snapshot() as session:
        return session.scalar(select(User).where(User.name == name, User.password_hash != _NO_PASSWORD))


def _hash(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInputError("Choose a password of at least {n} characters.", n=SHORTEST_PASSWORD)
    if len(password) > LONGEST_PASSWORD:
        raise InvalidInputError("A password may have at most {n} characters.", n=LONGEST_PASSWORD)
    return _hasher.hash(_storable(password))


def _verifies(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, _storable(password))
    except (VerificationError, InvalidHashError):
        return False


def _storable(password: str) -> bytes:
    # Lone surrogates, which JSON can carry, are no UTF-8.
    return password.encode("utf-8", "surrogatepass")


@cache
def _decoy_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe())


def _digest(secret: str) -> str:
    # A plain hash is enough: the secret is random and long, so there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
