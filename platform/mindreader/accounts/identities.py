"""Who somebody is at an OpenID Connect provider, and which account here that is.

An account is known by issuer and subject, which a provider never gives to anybody else. Names and e-mail addresses
change hands: by them alone nobody becomes somebody else here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mindreader.accounts.users import LONGEST_NAME, NO_PASSWORD, refuse_if_disabled, set_role, user_by_id
from mindreader.catalog import Catalog, Role, User, UserIdentity
from mindreader.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from mindreader.text import checked_name, normalised, visible_text

log = logging.getLogger(__name__)

_LONGEST_LABEL = 200
_TRIES = 3
"""Of two first sign-ins in one moment, the one that comes late tries again."""
_NAMELESS = "Somebody"


@dataclass(frozen=True)
class Identity:
    """What a provider says of somebody who signed in there."""

    issuer: str
    subject: str
    names: tuple[str, ...] = ()
    """What to call them, the best first; any of it may be anything."""
    verified_email: str | None = None
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Admission:
    """Whom to let in, and as what."""

    create_accounts: bool = False
    link_emails: bool = False
    """Take somebody for the account whose name is their verified e-mail address, when they first come."""
    allowed_groups: frozenset[str] = frozenset()
    """Empty: whoever the provider knows."""
    allowed_domains: frozenset[str] = frozenset()
    """Of verified e-mail addresses, in small letters; empty: any, or none."""
    admin_groups: frozenset[str] = frozenset()
    """Whose members are administrators, and nobody else who comes this way; empty: roles are given here."""


def admit(catalog: Catalog, identity: Identity, admission: Admission) -> User:
    """The account of somebody who signed in at the provider: known already, linked or made now.

    Raises:
        ForbiddenError: they are not among those who may come in, have no account, or it is disabled.
    """
    _refuse_strangers(identity, admission)
    for _ in range(_TRIES):
        try:
            with catalog.transaction() as session:
                user = _known(session, identity) or _new(session, identity, admission)
                refuse_if_disabled(user)
                _give_role(session, user, identity, admission)
            return user
        except IntegrityError:  # the same person, or the same name, came at this moment
            continue
    raise ConflictError("Somebody else came in at the same moment. Sign in again.")


def connect(session: Session, user: User, identity: Identity) -> None:
    """Let a user, who is signed in, come in by this identity too; once more changes nothing.

    Raises:
        ConflictError: it is another account's.
    """
    known = _known(session, identity)
    if known is None:
        _link(session, user, identity)
    elif known.id != user.id:
        raise ConflictError("This sign-in belongs to another account here. Disconnect it there first.")


def identities_of(session: Session, user: User) -> Sequence[UserIdentity]:
    """How a user may come in besides their password, the oldest first."""
    mine = select(UserIdentity).where(UserIdentity.user_id == user.id)
    return session.scalars(mine.order_by(UserIdentity.id)).all()


def disconnect(session: Session, user: User, identity_id: int) -> None:
    """Let a user no longer come in by this identity.

    Raises:
        NotFoundError: the user has no such identity.
        ConflictError: they have no password, and no other way in.
    """
    account = user_by_id(session, user.id)
    mine = {row.id for row in identities_of(session, account)}
    if identity_id not in mine:
        raise NotFoundError("You have no such sign-in. It may have been disconnected already.")
    if account.password_hash == NO_PASSWORD and len(mine) == 1:
        raise ConflictError("This is your only way in. Ask an administrator to give you a password first.")
    session.execute(delete(UserIdentity).where(UserIdentity.id == identity_id))


def _refuse_strangers(identity: Identity, admission: Admission) -> None:
    if admission.allowed_groups and not identity.groups & admission.allowed_groups:
        raise ForbiddenError("You are in none of the groups that may sign in here. Ask an administrator.")
    domain = (identity.verified_email or "").rpartition("@")[2].lower()
    if admission.allowed_domains and domain not in admission.allowed_domains:
        raise ForbiddenError("Only verified e-mail addresses of certain domains may sign in here. Yours is not one.")


def _known(session: Session, identity: Identity) -> User | None:
    same = (UserIdentity.issuer == identity.issuer, UserIdentity.subject == identity.subject)
    return session.scalar(select(User).join(UserIdentity, UserIdentity.user_id == User.id).where(*same))


def _new(session: Session, identity: Identity, admission: Admission) -> User:
    user = _of_that_address(session, identity) if admission.link_emails else None
    if user is None and not admission.create_accounts:
        raise ForbiddenError(
            "There is no account for you here yet. If you have one with a password, sign in with it and connect the "
            "two on the page Account; else ask an administrator for one."
        )
    if user is None:
        user = User(name=_free_name(session, identity), password_hash=NO_PASSWORD, role=Role.MEMBER)
        session.add(user)
        session.flush()
    _link(session, user, identity)
    return user


def _of_that_address(session: Session, identity: Identity) -> User | None:
    if identity.verified_email is None:
        return None
    return session.scalar(select(User).where(User.name == normalised(identity.verified_email)))


def _link(session: Session, user: User, identity: Identity) -> None:
    label = visible_text(identity.verified_email or next(iter(identity.names), identity.subject))[:_LONGEST_LABEL]
    session.add(UserIdentity(user_id=user.id, issuer=identity.issuer, subject=identity.subject, label=label))
    session.flush()


def _free_name(session: Session, identity: Identity) -> str:
    """The best of their names that can be used, with a number behind it if somebody has it."""
    name = next(filter(None, map(_usable, identity.names)), _NAMELESS)
    number, free = 1, name
    while session.scalar(select(User.id).where(User.name == free)) is not None:
        number += 1
        free = f"{name[: LONGEST_NAME - 8]} {number}"
    return free


def _usable(name: str) -> str | None:
    try:
        return checked_name(visible_text(name)[:LONGEST_NAME], LONGEST_NAME)
    except InvalidInputError:
        return None


def _give_role(session: Session, user: User, identity: Identity, admission: Admission) -> None:
    if not admission.admin_groups:
        return
    role = Role.ADMIN if identity.groups & admission.admin_groups else Role.MEMBER
    if user.role == role:
        return
    try:
        set_role(session, user.id, role)
    except ConflictError as error:
        log.warning("%s stays an administrator, though the provider says otherwise: %s", user.name, error.detail)
