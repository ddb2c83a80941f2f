"""Passwords hashed with the least work that Argon2 allows: what is tested isn't how slow it is."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from index.access.accounts import passwords

_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def hash_cheaply(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the test ends."""
    monkeypatch.setattr(passwords, "_hasher", lambda: _CHEAP)
