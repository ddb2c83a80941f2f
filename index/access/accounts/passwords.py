"""Passwords: their rule, and Argon2id, by argon2-cffi."""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# NIST SP 800-63B-4, 3.1.1.2: at least 15 characters where a password is all that is asked for, at
# least 64 allowed, no rule of composition, no end date. Its list of known bad ones is not kept.
SHORTEST, LONGEST = 15, 256


def password_fault(password: str) -> str | None:
    """Why this can't be a password, as a whole sentence; None where it can."""
    length = len(_normal(password))
    if length < SHORTEST:
        return (
            f"The password has {length} characters and needs at least {SHORTEST}; three or four "
            "words are good."
        )
    if length > LONGEST:
        return f"The password has {length} characters and may have {LONGEST} at most."
    return None


def hash_password(password: str) -> str:
    """Hash a password with a new salt: some 50 ms and 64 MiB."""
    return _hasher().hash(_normal(password))


def is_password(password: str, stored_hash: str | None) -> bool:
    """Whether the hash is of this password. It takes as long where there is none (None)."""
    compared = _nobodys_hash() if stored_hash is None else stored_hash
    try:
        is_right = _hasher().verify(compared, _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return is_right and stored_hash is not None


def is_outdated(stored_hash: str) -> bool:
    """Whether today's parameters are other than those that the hash was made with."""
    return _hasher().check_needs_rehash(stored_hash)


def _normal(password: str) -> str:
    # As NIST asks: one keyboard composes an accent that another one sends as two characters.
    return unicodedata.normalize("NFKC", password)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # RFC 9106's second recommended parameters


@cache
def _nobodys_hash() -> str:
    return hash_password("nobody has this password")
