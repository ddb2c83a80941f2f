"""Requests that a page of another site made, or that came over another machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from service.http.problems import FORBIDDEN, UNAUTHENTICATED, ProblemError

CHALLENGE = 'Bearer realm="flukeprint"'
_ASKING = {"GET", "HEAD", "OPTIONS"}
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


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_other_sites(method: str, headers: Headers, *, may_be_program: bool = False) -> None:
    """Keep pages of other sites from acting with the cookie of somebody who is signed in.

    A browser says with each request that changes something which page it is from: in
    Sec-Fetch-Site where it trusts the connection, in Origin always. A page can't set either. Who
    says neither is no browser of today, and `may_be_program` says whether it may go on.
    """
    if method in _ASKING:
        return  # without CORS no other page reads the answer, and asking changes nothing
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        is_ours = site == "same-origin"
    elif origin is not None:
        is_ours = _netloc(origin) == headers.get("host")
    else:
        is_ours = may_be_program
    if not is_ours:
        who = f"a page of {origin}" if origin else "something else than this service's own page"
        raise ProblemError(
            FORBIDDEN,
            f"This request was made by {who}, which may not act for who is signed in. Open this "
            "service's page and try again; a program sends an API key. Behind a proxy, let it pass "
            "on the Host header.",
        )


def refuse_foreign_pages(method: str, headers: Headers) -> None:
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


def refuse_what_was_passed_on(scope: Scope, headers: Headers) -> None:
    """Keep everybody whom a proxy lets in from using an open service."""
    sign = _sign_of_others(scope, headers)
    if sign is not None:
        raise ProblemError(
            UNAUTHENTICATED,
            f"This request {sign}, so it may come from another machine, and without keys this "
            f"service answers its own machine only. Behind a proxy a key is needed. {_MAKE_A_KEY}",
            headers={"WWW-Authenticate": CHALLENGE},
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


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
