"""What a key may do: four roles, each of which may do all that the ones before it may."""

from __future__ import annotations

from typing import Literal, TypeGuard

Role = Literal["read", "contribute", "curate", "admin"]

ROLES: tuple[Role, ...] = ("read", "contribute", "curate", "admin")


def allows(role: Role, needed: Role) -> bool:
    """Whether somebody of this role may do what needs the other."""
    return ROLES.index(role) >= ROLES.index(needed)


def is_role(word: str) -> TypeGuard[Role]:
    """Whether this is one of the four roles."""
    return word in ROLES
