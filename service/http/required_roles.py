"""The role that each route needs, declared with the route, known before a body is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.params import Depends
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.types import Scope

from index.access.roles import ROLES, Role, allows
from service.http.problems import FORBIDDEN, ProblemError


@dataclass(frozen=True)
class RequiredRole(Depends):
    """The role that a route needs, None where it is open; see `requires`, `open_to_all`."""

    role: Role | None = None
    keeps_answers: bool = True
    knows_caller: bool = False


def requires(role: Role, *, keeps_answers: bool = True) -> RequiredRole:
    """Declare a route's or router's role: `APIRouter(dependencies=[requires("curate")])`.

    The higher one of a router's and a route's own counts. POST routes that need more than `read`
    store their answers for requests with an Idempotency-Key. `keeps_answers=False` is for answers
    that hold a secret or are streams.
    """

    async def check(request: Request) -> None:
        # `access.Gate` has refused long ago; this holds also where somebody forgets the gate.
        principal = request.scope["state"].get("principal")
        if principal is None or not allows(principal.role, role):
            raise ProblemError(FORBIDDEN, f"This needs the role {role}.")

    return RequiredRole(check, role=role, keeps_answers=keeps_answers)


def open_to_all(*, knows_caller: bool = False) -> RequiredRole:
    """Declare that a route needs no key.

    With `knows_caller` it learns who asks, where somebody does by a good key or session.
    """
    return RequiredRole(_nothing, role=None, knows_caller=knows_caller)


async def _nothing() -> None:
    return None


class DeclaredRoute(NamedTuple):
    """One route: `path` as it is written, `role` None where it is open."""

    path: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    role: Role | None
    keeps_answers: bool
    knows_caller: bool = False


def is_repeatable(route: DeclaredRoute) -> bool:
    """Whether the route's answers are kept for requests with an Idempotency-Key."""
    return "POST" in route.methods and route.role not in (None, "read") and route.keeps_answers


class DeclaredRoutes:
    """Every route of an application with its role; an undeclared one is for admins only.

    `undeclared` names those, as a test does: nobody forgets it for long.
    """

    def __init__(self, app: FastAPI, *, mounted: Mapping[str, Role | None] | None = None) -> None:
        """Read the routes once they are all there.

        `mounted` has the roles of paths that are no FastAPI routes and so can't declare it (static
        files).
        """
        others: dict[str | None, Role | None] = {app.openapi_url: None}
        others.update(mounted or {})
        found = [(route, _declared(route, others)) for route in iter_route_contexts(app.routes)]
        self.all = tuple(declared or _admins(route) for route, declared in found)
        self.undeclared = tuple(
            _admins(route).path for route, declared in found if declared is None
        )

    def find(self, scope: Scope) -> DeclaredRoute | None:
        """Find the route of a request; None means that 404 or 405 is the answer."""
        method, path = scope["method"], scope["path"].removeprefix(scope.get("root_path", ""))
        for one in self.all:
            if (not one.methods or method in one.methods) and one.pattern.match(path):
                return one
        return None


def _declared(route: Any, others: Mapping[str | None, Role | None]) -> DeclaredRoute | None:
    needs = [
        one for one in getattr(route, "dependencies", None) or () if isinstance(one, RequiredRole)
    ]
    if route.path in others and not needs:
        needs = [RequiredRole(role=others[route.path])]
    roles: list[Role] = [role for role in ROLES if role in {one.role for one in needs}]
    keeps_answers = all(one.keeps_answers for one in needs)
    if not needs:
        return None
    found = _of(route, roles[-1] if roles else None, keeps_answers)
    return found._replace(knows_caller=any(one.knows_caller for one in needs))


def _admins(route: Any) -> DeclaredRoute:
    return _of(route, "admin", False)


def _of(route: Any, role: Role | None, keeps_answers: bool) -> DeclaredRoute:
    return DeclaredRoute(
        route.path_format, route.path_regex, frozenset(route.methods or ()), role, keeps_answers
    )
