"""The headers that keep a browser from doing more with an answer than it is meant for."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Scope

HEADERS = {
    # JSON, CSV and pictures: nothing of them is ever markup or code, and no page may frame them.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Places, names and photos: no browser and no proxy keeps them unless a route says otherwise.
    "Cache-Control": "no-store",
}
"""What every answer has, unless its route has set the same header itself."""

STRICT_TRANSPORT_SECURITY = "max-age=31536000"


def add_security_headers(scope: Scope, message: Message) -> None:
    """Add the headers to the start of an answer; HSTS only where the request came by https."""
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if is_https(scope):
        headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY)


def is_https(scope: Scope) -> bool:
    """Whether a request came by https.

    Browsers heed HSTS, and store a cookie for https alone, only over https, where a proxy speaks
    for the service. So what the proxy says of the scheme is believed, whoever the proxy is.
    """
    passed_on = Headers(scope=scope).get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" in (scope.get("scheme"), passed_on)
