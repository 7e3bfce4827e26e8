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
