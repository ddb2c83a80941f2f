"""The outermost layer of every request: its id, body limit, headers, log line, last answer."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections import Counter
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.problems import INTERNAL, TOO_LARGE, ProblemError, problem_response
from service.http.security_headers import add_security_headers
from service.telemetry.logs import RequestLogLine, decided, log_request
from service.telemetry.observer import Observer

REQUEST_ID_HEADER = "X-Request-Id"
ARCHIVE_PATH = "/v1/jobs"  # where a whole season may come as a zip
# What may go into a log line and back into a header as it came.
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_log = logging.getLogger("flukeprint.service")


class RequestEnvelope:
    """The outermost layer of the application."""

    def __init__(
        self,
        app: ASGIApp,
        max_upload_bytes: int,
        max_json_bytes: int | None = None,
        observer: Observer | None = None,
        max_archive_bytes: int | None = None,
    ) -> None:
        self.app = app
        self.max_upload_bytes = max_upload_bytes
        self.max_json_bytes = min(max_json_bytes or max_upload_bytes, max_upload_bytes)
        self.max_archive_bytes = max_archive_bytes or max_upload_bytes
        self.observer = observer or Observer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_for(Headers(scope=scope).get(REQUEST_ID_HEADER))
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        most_bytes = self._most_bytes(scope)
        decisions: Counter[str] = Counter()
        decided.set(decisions)
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
                add_security_headers(scope, message)
            await send(message)

        line = f"{scope['method']} {quote(scope['path'])}"
        try:
            if _declared_bytes(scope) > most_bytes:
                raise _too_large(most_bytes)
            await self.app(scope, _bounded(receive, most_bytes), send_named)
        except ClientDisconnect:
            _log.info("%s: the client left [%s]", line, request_id)
            return
        except ProblemError as error:
            response = problem_response(
                scope, error.kind, error.detail, errors=error.errors, headers=error.headers
            )
            await response(scope, receive, send_named)
        except Exception:
            _log.exception("%s failed [%s]", line, request_id)
            if status:  # half an answer is sent; only a broken connection shows the failure
                raise
            detail = "The service failed on this request. Tell its operator the request id."
            await problem_response(scope, INTERNAL, detail)(scope, receive, send_named)
        self._report(scope, status, time.perf_counter() - started, decisions)

    def _report(self, scope: Scope, status: int, seconds: float, decisions: Counter[str]) -> None:
        route, principal = scope["state"].get("route"), scope["state"].get("principal")
        line = RequestLogLine(
            method=scope["method"],
            path=scope["path"],
            route=route.path if route else "none",
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=scope["state"]["request_id"],
            key=principal.name if principal else None,
            decisions=dict(decisions),
            client=(scope.get("client") or ("unknown",))[0],
        )
        self.observer.request(line.method, line.route, status, seconds)
        log_request(_log, line)

    def _most_bytes(self, scope: Scope) -> int:
        sent = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
        is_json = sent == "application/json" or sent.endswith("+json")
        if is_json:
            return self.max_json_bytes
        return self.max_archive_bytes if is_archive(scope) else self.max_upload_bytes


def is_archive(scope: Scope) -> bool:
    """Whether a request's body may be a whole season's zip, which no memory holds."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    sent = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    return path == ARCHIVE_PATH and sent == "multipart/form-data"


def _bounded(receive: Receive, most_bytes: int) -> Receive:
    """Count the body as it comes, so that a false or absent Content-Length changes nothing."""
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most_bytes:
            raise _too_large(most_bytes)
        return message

    return receive_bounded


def _too_large(most_bytes: int) -> ProblemError:
    return ProblemError(
        TOO_LARGE,
        f"The body is larger than the {most_bytes:,} bytes that such a request may have; send "
        "less at once, or fewer or smaller photos.",
    )


def request_id_for(sent: str | None) -> str:
    """The client's request id where it is sane, else a new one."""
    if sent is not None and _SANE_REQUEST_ID.fullmatch(sent):
        return sent
    return uuid.uuid4().hex


def _declared_bytes(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "0")
    return int(declared) if declared.isascii() and declared.isdigit() else 0
