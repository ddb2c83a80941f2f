"""Requests wait for what the catalogue is known to have become, a moment at most."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from service.following.follower import Follower
from service.http.required_roles import DeclaredRoute


class FreshAnswers:
    """Has what needs a role answered from the newest revision, as `Follower` knows it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = scope.get("state", {}).get("route")
        if isinstance(route, DeclaredRoute) and route.role is not None:
            writer = getattr(scope["app"].state, "writer", None)
            follower = getattr(writer, "follower", None)
            if isinstance(follower, Follower):
                await follower.wait_until_current()
        await self.app(scope, receive, send)
