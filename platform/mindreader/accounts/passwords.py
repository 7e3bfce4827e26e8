"""Passwords: what they must be, and their argon2 hashes."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mindreader.errors import InvalidInputError

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024

_hasher = PasswordHasher()


def hash_new_password(password: str) -> str:
    """The argon2 hash of a password somebody chose.

    Raises:
        InvalidInputError: the password is too short or too long.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInputError("Choose a password of at least {n} characters.", n=SHORTEST_PASSWORD)
    if len(password) > LONGEST_PASSWORD:
        raise InvalidInputError("A password may have at most {n} characters.", n=LONGEST_PASSWORD)
    return hash_password(password)


def hash_password(password: str) -> str:
    """The argon2 hash of a password, whatever its length."""
    return _hasher.hash(_storable(password))


def is_password(password_hash: str, password: str) -> bool:
    """Whether this is the password of that hash."""
    try:
        return _hasher.verify(password_hash, _storable(password))
    except (VerificationError, InvalidHashError):
        return False


def _storable(password: str) -> bytes:
    # Lone surrogates, which JSON can carry, are no UTF-8.
    return password.encode("utf-8", "surrogatepass")


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def decoy_hash() -> str:
    """A hash of no password, to check against where there is no user: that takes as long."""
    return _hasher.hash(secrets.token_urlsafe())
