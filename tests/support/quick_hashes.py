"""Passwords of tests: argon2 as the product asks for it takes an eighth of a second of a core for each, on purpose.

How the product hashes is the subject of tests/platform/accounts.
"""

from argon2 import PasswordHasher

from mindreader.accounts import passwords

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def hash_quickly() -> None:
    """Have it so in this process from now on, and in its forks."""
    passwords._hasher = QUICK
    passwords.decoy_hash.cache_clear()
