"""Roles: each allows what the ones before it do."""

from __future__ import annotations

from index.access.roles import ROLES, allows, is_role


def test_each_role_allows_itself_and_what_comes_before() -> None:
    assert [[allows(role, needed) for needed in ROLES] for role in ROLES] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]


def test_a_word_is_a_role_or_not() -> None:
    assert [is_role(word) for word in ("read", "admin", "Admin", "")] == [True, True, False, False]
