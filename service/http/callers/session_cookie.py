"""The cookie that holds a session's token."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope

from index.access.accounts.sessions import REMEMBERED_FOR, NewSession
from service.http.security_headers import is_https

NAME = "flukeprint-session"


def sent_token(headers: Headers) -> str | None:
    """The token in a request's cookie; None where there is none."""
    return cookie_parser(headers.get("cookie", "")).get(NAME) or None


def keep_session(response: Response, scope: Scope, new: NewSession, *, is_remembered: bool) -> None:
    """Give the browser a session's token, for as long as the session lasts at most.

    No script reads it, no other site sends it, and it crosses the network by https alone where the
    service is reached so. Not remembered, it is gone when the browser is closed.
    """
    response.set_cookie(
        NAME,
        new.token,
        max_age=int(REMEMBERED_FOR.total_seconds()) if is_remembered else None,
        path="/",
        secure=is_https(scope),
        httponly=True,
        samesite="strict",
    )


def drop_session(response: Response, scope: Scope) -> None:
    """Let the browser forget the token."""
    response.delete_cookie(NAME, path="/", secure=is_https(scope), httponly=True, samesite="strict")
