"""Who sends a request, and whether they may: decided before its body is read."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.access.accounts.sessions import Session
from index.access.keys import ApiKey
from index.access.names import LOCAL
from index.access.roles import Role, allows
from index.access.store import AccessStore
from index.access.tables import AccessUnavailable
from service.http.callers.other_sites import (
    CHALLENGE,
    refuse_foreign_pages,
    refuse_other_sites,
    refuse_what_was_passed_on,
)
from service.http.callers.session_cookie import sent_token
from service.http.problems import BUSY, FORBIDDEN, TOO_MANY, UNAUTHENTICATED, ProblemError
from service.http.rate_limit import RateLimit, network_of
from service.http.required_roles import DeclaredRoutes
from service.telemetry.spans import in_this_trace

_NOTED_AGAIN_AFTER_SECONDS = 60.0
_KEY_THREADS = 4
_log = logging.getLogger("flukeprint.service")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request is from: a key, or a person by a session; neither where none is needed."""

    name: str
    role: Role
    key_id: str | None = None
    session: Session | None = None

    @property
    def caller(self) -> str | None:
        """What tells one caller from all others; None where nobody has to say who they are."""
        return self.key_id or (f"account {self.session.account.id}" if self.session else None)


class _Found(NamedTuple):
    """Whether the service is open, and what was found of the caller."""

    is_open: bool = False
    key: ApiKey | None = None
    session: Session | None = None


NOBODY_ELSE = Principal(LOCAL, "admin")


def principal_of(request: Request) -> str:
    """The name for the log of changes: the person's or key's, `local` where none is needed."""
    return caller_of(request).name


def caller_of(request: Request) -> Principal:
    """Who a request to a route with a role is from."""
    principal = request.scope["state"]["principal"]
    assert isinstance(principal, Principal)
    return principal


class Gate:
    """Lets a request through to its route, or refuses it with 401, 403 or 429.

    A key goes before a session. As long as no key or account was ever made, a service on this
    machine's own address is open to whoever is on this machine. A request that anything else may
    have passed on needs a key all the same.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: DeclaredRoutes,
        store: AccessStore | None,
        is_on_loopback: bool,
        requests_per_minute: int,
    ) -> None:
        self.app = app
        self._routes = routes
        self._store = store
        self._is_on_loopback = is_on_loopback
        shared = store.buckets if store else None
        self._limit = RateLimit(requests_per_minute, shared=shared) if requests_per_minute else None
        # Their own threads: lists and searches may keep all others, and a key comes first.
        self._threads = ThreadPoolExecutor(_KEY_THREADS, "keys")
        self._noted: dict[str, float] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.find(scope) if scope["type"] == "http" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["route"] = route
        headers = Headers(scope=scope)
        if route.role is None:
            if route.knows_caller:
                state["principal"] = await self._principal_if_any(scope, headers)
            await self.app(scope, receive, send)
            return
        refusal: ProblemError | None = None
        try:
            state["principal"] = await self._principal(scope, headers)
        except ProblemError as error:
            refusal = error
        limits = await self._count(scope, state.get("principal"))
        if refusal is not None:
            raise refusal
        _check_role(state["principal"], route.role)
        await self.app(scope, receive, _adding_headers(send, limits))

    async def _principal_if_any(self, scope: Scope, headers: Headers) -> Principal | None:
        try:
            return await self._principal(scope, headers)
        except ProblemError as error:
            if error.kind == BUSY:
                raise
            return None

    async def _principal(self, scope: Scope, headers: Headers) -> Principal:
        secret, token = _secret(headers), sent_token(headers)
        found = await self._in_thread(partial(self._find, secret, token))
        if found.is_open:
            refuse_foreign_pages(scope["method"], headers)
            refuse_what_was_passed_on(scope, headers)
            return NOBODY_ELSE
        if found.key is not None:
            self._note_use(found.key)
            return Principal(found.key.name, found.key.role, found.key.id)
        if found.session is not None:
            refuse_other_sites(scope["method"], headers)
            account = found.session.account
            return Principal(account.name, account.role, session=found.session)
        raise _unauthenticated(secret, token)

    async def _in_thread(self, query: Callable[[], _Answer]) -> _Answer:
        """Ask the database in one of our own threads."""
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, in_this_trace(query)
            )
        except AccessUnavailable as error:
            # Anybody may read this answer: the database's own message is for the log.
            _log.error("%s", error)
            detail = "The keys can't be read just now; try again in a moment."
            raise ProblemError(BUSY, detail, headers={"Retry-After": "1"}) from error

    def _find(self, secret: str | None, token: str | None) -> _Found:
        store = self._store
        if store is None:
            return _Found(self._is_on_loopback)
        if secret:
            key = store.keys.find(secret)
            if key is not None:
                return _Found(key=key)
        elif token and (session := store.sessions.find(token)) is not None:
            return _Found(session=session)
        return _Found(self._is_on_loopback and not store.has_anybody())

    async def _count(self, scope: Scope, principal: Principal | None) -> Mapping[str, str]:
        if self._limit is None:
            return {}
        client = scope.get("client") or ("unknown", 0)
        caller = (principal.caller if principal else None) or network_of(client[0])
        take = partial(self._limit.take, caller)
        taken = take() if self._limit.shared is None else await self._in_thread(take)
        headers = self._limit.headers(taken)
        if not taken.is_allowed:
            raise ProblemError(
                TOO_MANY,
                f"More than {self._limit.per_minute} requests in a minute; try again in "
                f"{taken.wait_seconds} s.",
                headers={"Retry-After": str(taken.wait_seconds), **headers},
            )
        return headers

    def _note_use(self, key: ApiKey) -> None:
        """Write down when a key was used, in a thread that the request does not wait for."""
        now = time.monotonic()
        if now - self._noted.get(key.id, -_NOTED_AGAIN_AFTER_SECONDS) < _NOTED_AGAIN_AFTER_SECONDS:
            return
        self._noted[key.id] = now
        note = asyncio.create_task(asyncio.to_thread(self._write_use, key))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    def _write_use(self, key: ApiKey) -> None:
        assert self._store is not None
        try:
            self._store.keys.note_use(key)
        except AccessUnavailable:
            self._noted.pop(key.id, None)


def _secret(headers: Headers) -> str | None:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    # Another scheme may be meant for a proxy in front of us.
    return secret.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")


def _unauthenticated(secret: str | None, token: str | None) -> ProblemError:
    challenge = CHALLENGE
    if secret:
        fault, challenge = "This key is unknown or revoked", f'{CHALLENGE}, error="invalid_token"'
    elif token:
        fault = "You are signed out. Sign in again; for a program, no key was sent"
    else:
        fault = "No key was sent, and nobody is signed in"
    detail = (
        f"{fault}; send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`. The operator "
        "makes them with `flukeprint keys create`."
    )
    return ProblemError(UNAUTHENTICATED, detail, headers={"WWW-Authenticate": challenge})


def _check_role(principal: Principal, needed: Role) -> None:
    if not allows(principal.role, needed):
        raise ProblemError(
            FORBIDDEN,
            f"This needs the role {needed}; {'' if principal.session else 'the key of '}"
            f"{principal.name} has the role {principal.role}. Ask your administrator for it.",
            headers={
                "WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="{needed}"'
            },
        )


def _adding_headers(send: Send, headers: Mapping[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return send_with_headers if headers else send
