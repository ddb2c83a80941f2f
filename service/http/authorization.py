"""Who sends a request, and whether they may: decided before its body is read."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.access.keys import LOCAL, ApiKey
from index.access.roles import Role, allows
from index.access.store import AccessStore
from index.access.tables import AccessUnavailable
from service.http.problems import BUSY, FORBIDDEN, TOO_MANY, UNAUTHENTICATED, ProblemError
from service.http.rate_limit import RateLimit, network_of
from service.http.required_roles import DeclaredRoutes

_CHALLENGE = 'Bearer realm="flukeprint"'
_ASKING = {"GET", "HEAD", "OPTIONS"}
_NOTED_AGAIN_AFTER_SECONDS = 60.0
_KEY_THREADS = 4
_MAKE_A_KEY = "Make a key with `flukeprint keys create --name NAME --role admin` and send it."
# The headers that proxies, load balancers and content networks add, and how families of them begin.
_PROXY_HEADERS = {
    *("forwarded", "via", "x-client-ip", "x-cluster-client-ip", "x-proxyuser-ip", "x-remote-addr"),
    *("true-client-ip", "cdn-loop", "client-ip", "fly-client-ip", "x-cloud-trace-context"),
}
_PROXY_HEADER_BEGINNINGS = (
    *("x-forwarded", "x-real-", "x-original-", "x-proxy-", "x-envoy-", "x-amzn-", "x-azure-"),
    *("x-appengine-", "cf-", "fastly-", "tailscale-"),
)
_log = logging.getLogger("flukeprint.service")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request is from. `key_id` is None where no key is needed."""

    name: str
    role: Role
    key_id: str | None = None


NOBODY_ELSE = Principal(LOCAL, "admin")


def principal_of(request: Request) -> str:
    """The name for the log of changes: the key's, or `local` where no key is needed."""
    principal = request.scope["state"]["principal"]
    assert isinstance(principal, Principal)
    return principal.name


class Gate:
    """Lets a request through to its route, or refuses it with 401, 403 or 429.

    As long as no key was ever made, a service on this machine's own address is open to whoever is
    on this machine. A request that anything else may have passed on needs a key all the same.
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
        self._limit = RateLimit(requests_per_minute) if requests_per_minute else None
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
        if route.role is None:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal: ProblemError | None = None
        try:
            state["principal"] = await self._principal(scope, headers)
        except ProblemError as error:
            refusal = error
        limits = self._count(scope, state.get("principal"))
        if refusal is not None:
            raise refusal
        _check_role(state["principal"], route.role)
        await self.app(scope, receive, _adding_headers(send, limits))

    async def _principal(self, scope: Scope, headers: Headers) -> Principal:
        secret = _secret(headers)
        try:
            finding = asyncio.get_running_loop().run_in_executor(
                self._threads, self._find_key, secret
            )
            is_open, key = await finding
        except AccessUnavailable as error:
            # Anybody may read this answer: the database's own message is for the log.
            _log.error("%s", error)
            detail = "The keys can't be read just now; try again in a moment."
            raise ProblemError(BUSY, detail, headers={"Retry-After": "1"}) from error
        if is_open:
            _refuse_foreign_pages(scope["method"], headers)
            _refuse_what_was_passed_on(scope, headers)
            return NOBODY_ELSE
        if key is None:
            raise _unauthenticated(secret)
        self._note_use(key)
        return Principal(key.name, key.role, key.id)

    def _find_key(self, secret: str | None) -> tuple[bool, ApiKey | None]:
        """Whether the service is open, and the key whose secret was sent."""
        if self._store is None:
            return self._is_on_loopback, None
        key = self._store.keys.find(secret) if secret else None
        return key is None and self._is_on_loopback and not self._store.keys.has_any(), key

    def _count(self, scope: Scope, principal: Principal | None) -> Mapping[str, str]:
        if self._limit is None:
            return {}
        client = scope.get("client") or ("unknown", 0)
        caller = principal.key_id if principal and principal.key_id else network_of(client[0])
        taken = self._limit.take(caller)
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


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(headers: Headers) -> str | None:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    # Another scheme may be meant for a proxy in front of us.
    return secret.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")


def _unauthenticated(secret: str | None) -> ProblemError:
    if secret:
        fault, challenge = "This key is unknown or revoked", f'{_CHALLENGE}, error="invalid_token"'
    else:
        fault, challenge = "No key was sent", _CHALLENGE
    detail = (
        f"{fault}; send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`. The operator "
        "makes them with `flukeprint keys create`."
    )
    return ProblemError(UNAUTHENTICATED, detail, headers={"WWW-Authenticate": challenge})


def _check_role(principal: Principal, needed: Role) -> None:
    if not allows(principal.role, needed):
        raise ProblemError(
            FORBIDDEN,
            f"This needs the role {needed}; the key of {principal.name} has the role "
            f"{principal.role}.",
            headers={
                "WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{needed}"'
            },
        )


def _refuse_foreign_pages(method: str, headers: Headers) -> None:
    """Keep pages of other sites, open in a browser on this machine, from using an open service.

    A page may send anything to this machine, and, once its own domain name leads here, read the
    answer too. What a browser sends as Host and Origin gives both away. Many proxies send the name
    by which they are known, or by which they know this service, as Host.
    """
    origin = headers.get("origin")
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        come_from = urlsplit(origin or "").netloc
    except ValueError as error:
        raise ProblemError(
            FORBIDDEN, "The Host or Origin of this request is no address."
        ) from error
    is_named = not is_loopback(host) and not host.endswith(".localhost")
    is_foreign = method not in _ASKING and origin is not None and come_from != headers.get("host")
    if is_named or is_foreign:
        asked_for = f"a page of {origin or host}" if origin or host else "a request without a Host"
        raise ProblemError(
            FORBIDDEN,
            f"Without keys this service answers this machine only, not {asked_for}. {_MAKE_A_KEY}",
        )


def _refuse_what_was_passed_on(scope: Scope, headers: Headers) -> None:
    """Keep everybody whom a proxy lets in from using an open service."""
    sign = _sign_of_others(scope, headers)
    if sign is not None:
        raise ProblemError(
            UNAUTHENTICATED,
            f"This request {sign}, so it may come from another machine, and without keys this "
            f"service answers its own machine only. Behind a proxy a key is needed. {_MAKE_A_KEY}",
            headers={"WWW-Authenticate": _CHALLENGE},
        )


def _sign_of_others(scope: Scope, headers: Headers) -> str | None:
    """What shows that a request may not have been made on this machine; None where nothing does."""
    for name in headers:
        if name in _PROXY_HEADERS or name.startswith(_PROXY_HEADER_BEGINNINGS):
            return f"has the header {name} of a proxy"
    client = scope.get("client")
    if client is None or not is_loopback(client[0]):
        return "was not sent from this machine's own address"
    # nginx passes requests on so unless it is told otherwise, and then adds no header.
    if scope["http_version"] == "1.0":
        return "is in HTTP/1.0, as proxies send it"
    return None


def _adding_headers(send: Send, headers: Mapping[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return send_with_headers if headers else send
