"""Around every request: its id, the bound on its body, one log line, and an answer when the code below fails."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import INTERNAL, TOO_LARGE, ProblemError, problem_response

REQUEST_ID_HEADER = "X-Request-Id"
# What may go into a log line and back into a header as it came.
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_log = logging.getLogger("flukeprint.service")


class RequestEnvelope:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, max_upload_bytes: int) -> None:
        self.app = app
        self.max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_for(Headers(scope=scope).get(REQUEST_ID_HEADER))
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        try:
            if _declared_bytes(scope) > self.max_upload_bytes:
                raise self._too_large()
            await self.app(scope, self._bounded(receive), send_named)
        except ClientDisconnect:
            _log.info("%s %s: the client left [%s]", scope["method"], scope["path"], request_id)
            return
        except ProblemError as error:
            response = problem_response(scope, error.kind, error.detail)
            await response(scope, receive, send_named)
        except Exception:
            _log.exception("%s %s failed [%s]", scope["method"], scope["path"], request_id)
            if status:  # half an answer is out; only breaking the connection tells the client
                raise
            response = problem_response(
                scope, INTERNAL, "The service failed on this request. Tell its operator the request id."
            )
            await response(scope, receive, send_named)
        taken_ms = (time.perf_counter() - started) * 1000
        _log.info("%s %s %d %.1f ms [%s]", scope["method"], scope["path"], status, taken_ms, request_id)

    def _bounded(self, receive: Receive) -> Receive:
        """Count the body as it comes, so that a false or absent Content-Length changes nothing."""
        taken = 0

        async def receive_bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.max_upload_bytes:
                raise self._too_large()
            return message

        return receive_bounded

    def _too_large(self) -> ProblemError:
        return ProblemError(
            TOO_LARGE,
            f"The body is larger than the {self.max_upload_bytes:,} bytes that one request may have; "
            "send fewer or smaller photos.",
        )


def request_id_for(given: str | None) -> str:
    """The client's request id where it is sane, else a new one."""
    if given is not None and _SANE_REQUEST_ID.fullmatch(given):
        return given
    return uuid.uuid4().hex


def _declared_bytes(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "0")
    return int(declared) if declared.isascii() and declared.isdigit() else 0
