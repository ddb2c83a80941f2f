"""Passwords: length alone decides, and a hash tells nothing but whether it is right."""

from __future__ import annotations

import pytest

from index.access.accounts.passwords import (
    LONGEST,
    SHORTEST,
    hash_password,
    is_outdated,
    is_password,
    password_fault,
)


@pytest.mark.parametrize(
    "password",
    ["a" * SHORTEST, "a" * LONGEST, " " * SHORTEST, "пароль без правил", "🐋" * SHORTEST],
)
def test_length_alone_decides(password: str) -> None:
    assert password_fault(password) is None


def test_what_is_too_short_or_long_is_told_in_characters() -> None:
    assert "has 14 characters and needs at least 15" in (password_fault("P4ssw0rd!P4ss!") or "")
    assert "may have 256" in (password_fault("a" * (LONGEST + 1)) or "")


def test_a_hash_is_argon2id_with_a_salt_of_its_own() -> None:
    one, other = hash_password("kelp tide lantern"), hash_password("kelp tide lantern")
    assert one.startswith("$argon2id$v=19$")
    assert one != other
    assert is_password("kelp tide lantern", one)
    assert not is_password("kelp tide lanterns", one)
    assert not is_outdated(one)


def test_an_accent_typed_in_either_way_is_the_same() -> None:
    assert is_password("cafe\u0301 at the harbour", hash_password("caf\u00e9 at the harbour"))


@pytest.mark.parametrize("stored", [None, "", "$argon2id$nonsense", "plain"])
def test_without_a_hash_nothing_is_right(stored: str | None) -> None:
    assert not is_password("nobody has this password", stored)


def test_a_hash_of_weaker_parameters_is_outdated() -> None:
    weak = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$" + "A" * 43
    assert is_outdated(weak)
