"""A POST sent twice with one Idempotency-Key is carried out once and answered twice."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.access.idempotent_answers import (
    LEASE_SECONDS,
    BeginResult,
    StoredAnswer,
    StoredAnswers,
)
from index.access.store import AccessStore
from index.access.tables import AccessUnavailable
from service.http.error_handlers import problem_of
from service.http.problems import IN_PROGRESS, INVALID, KEY_REUSED, Fault, ProblemError
from service.http.request_envelope import is_archive
from service.http.required_roles import DeclaredRoute, is_repeatable

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')
_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_IN_MEMORY_BYTES = 2**20
_CHUNK_BYTES = 2**16
RENEW_SECONDS = LEASE_SECONDS / 6


class RepeatableRequests:
    """Keeps the answers of POST routes that change something and declare no `keeps_answers=False`.

    Only what succeeded is kept: a refused request changed nothing, and may succeed when it is sent
    again.
    """

    def __init__(self, app: ASGIApp, *, store: AccessStore | None) -> None:
        self.app = app
        self._answers = store.answers if store else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        header = Headers(scope=scope).get(HEADER) if scope["type"] == "http" else None
        if header is None or self._answers is None or not _is_repeatable(scope):
            await self.app(scope, receive, send)
            return
        key = _KEY.fullmatch(header)
        if key is None:
            reason = "1 to 255 visible ASCII characters name a request; a UUID will do"
            raise ProblemError(
                INVALID, f"{HEADER}: {reason}.", errors=[Fault(field=HEADER, reason=reason)]
            )
        id_ = _id_of(scope, key[1])
        if is_archive(scope):
            await self._once_while_read(self._answers, id_, scope, receive, send)
            return
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as body:
            await _take_in(receive, body)
            await self._once(self._answers, id_, body, scope, receive, send)

    async def _once_while_read(
        self, answers: StoredAnswers, id_: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Decide when the body's last part has come, before the application gets it.

        Such a body is as large as a disk. So it is hashed while the application writes it to its
        place, and nobody keeps a copy. Without its last part the application can't finish.
        """
        hashed = RequestHash(scope)
        recorder = _AnswerRecorder(answers, id_, send)

        async def receive_hashed() -> Message:
            message = await receive()
            if message["type"] != "http.request" or recorder.has_begun:
                return message
            hashed.update(message.get("body", b""))
            if not message.get("more_body", False):
                outcome = await _begin(answers, id_, hashed.hexdigest())
                if outcome != "begun":
                    raise _DecidedOtherwise(outcome)
                recorder.begin()
            return message

        try:
            await self.app(scope, receive_hashed, recorder.send)
        except _DecidedOtherwise as otherwise:
            await _answer_instead(otherwise.outcome, send)
        finally:
            await recorder.settle()

    async def _once(
        self,
        answers: StoredAnswers,
        id_: str,
        body: IO[bytes],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        outcome = await _begin(answers, id_, request_hash(scope, body))
        if outcome != "begun":
            await _answer_instead(outcome, send)
        else:
            recorder = _AnswerRecorder(answers, id_, send)
            recorder.begin()
            try:
                await self.app(scope, _from_file(body, receive), recorder.send)
            finally:
                await recorder.settle()


def request_hash(scope: Scope, body: IO[bytes]) -> str:
    """SHA-256 of a request: its query, its kind of body and its body.

    A multipart body's boundary, which clients draw anew for each attempt, counts as if it were
    always the same.
    """
    hashed = RequestHash(scope)
    body.seek(0)
    for chunk in _chunks(body):
        hashed.update(chunk)
    return hashed.hexdigest()


class RequestHash:
    """`request_hash` of a body that comes in parts."""

    def __init__(self, scope: Scope) -> None:
        kind, _, rest = Headers(scope=scope).get("content-type", "").partition(";")
        kind = kind.strip().lower()
        self._hashed = hashlib.sha256(
            b"\0".join([scope.get("query_string", b""), kind.encode("latin-1")])
        )
        boundary = _BOUNDARY.search(rest) if kind.startswith("multipart/") else None
        self._word = boundary[1].encode("latin-1") if boundary else b""
        self._rest = b""

    def update(self, chunk: bytes) -> None:
        """Take the next part; a boundary counts as one byte, also where it lies across two."""
        if not self._word:
            self._hashed.update(chunk)
            return
        *whole, rest = (self._rest + chunk).split(self._word)
        for piece in whole:
            self._hashed.update(piece + b"\0")
        settled = max(0, len(rest) - len(self._word) + 1)
        self._hashed.update(rest[:settled])
        self._rest = rest[settled:]

    def hexdigest(self) -> str:
        """The hash of all parts. Call it once, at the end."""
        self._hashed.update(self._rest)
        return self._hashed.hexdigest()


class _DecidedOtherwise(BaseException):
    """Raised through the application where its request is not to be carried out (again).

    No Exception: nobody on the way may take it for a fault of the body.
    """

    def __init__(self, outcome: BeginResult) -> None:
        super().__init__(outcome)
        self.outcome = outcome


async def _begin(answers: StoredAnswers, id_: str, hashed: str) -> BeginResult:
    try:
        return await asyncio.to_thread(answers.begin, id_, hashed)
    except AccessUnavailable as error:
        raise problem_of(error) from error


async def _renew(answers: StoredAnswers, id_: str) -> None:
    """Keep a key while its request is carried out, however long that takes."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        with contextlib.suppress(AccessUnavailable):
            await asyncio.to_thread(answers.renew, id_)


async def _answer_instead(outcome: BeginResult | str, send: Send) -> None:
    """Send the stored answer. Raises a problem where there is none, or the key was used before."""
    if isinstance(outcome, StoredAnswer):
        await _replay(outcome, send)
    elif outcome == "other-request":
        raise ProblemError(
            KEY_REUSED, f"This {HEADER} was sent with another request before; choose a new one."
        )
    else:
        detail = f"The request with this {HEADER} is being answered; send it again shortly."
        raise ProblemError(IN_PROGRESS, detail, headers={"Retry-After": "1"})


def _chunks(body: IO[bytes]) -> Iterator[bytes]:
    while chunk := body.read(_CHUNK_BYTES):
        yield chunk


def _is_repeatable(scope: Scope) -> bool:
    route = scope.get("state", {}).get("route")
    return scope["method"] == "POST" and isinstance(route, DeclaredRoute) and is_repeatable(route)


def _id_of(scope: Scope, key: str) -> str:
    """Keys belong to who sends them and to the path they are sent to."""
    principal = scope["state"]["principal"]
    parts = [principal.caller or principal.name, scope["method"], scope["path"], key]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


async def _take_in(receive: Receive, body: IO[bytes]) -> None:
    is_more = True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body.write(message.get("body", b""))
        is_more = message.get("more_body", False)


def _from_file(body: IO[bytes], receive: Receive) -> Receive:
    """Give the body again as it came; after it, whatever the client does next."""
    body.seek(0)
    is_sent = False

    async def receive_again() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        chunk = body.read(_CHUNK_BYTES)
        is_sent = len(chunk) < _CHUNK_BYTES
        return {"type": "http.request", "body": chunk, "more_body": not is_sent}

    return receive_again


class _AnswerRecorder:
    """Passes an answer on and keeps it, before its last part is sent.

    So whoever has an answer can have it again, also from another service.
    """

    def __init__(self, answers: StoredAnswers, id_: str, send: Send) -> None:
        self._answers = answers
        self._id = id_
        self._send = send
        self._start: Message | None = None
        self._body: list[bytes] = []
        self._renewing: asyncio.Task[None] | None = None
        self.has_begun = False

    def begin(self) -> None:
        """Keep the key from now on, which `StoredAnswers.begin` gave, until the answer is there."""
        self.has_begun = True
        self._renewing = asyncio.create_task(_renew(self._answers, self._id))

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = {**message, "headers": list(message.get("headers", []))}
        elif message["type"] == "http.response.body":
            self._body.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self.settle(is_whole=True)
        await self._send(message)

    async def settle(self, *, is_whole: bool = False) -> None:
        """Keep the answer, or give the key free where there is none to keep; only once."""
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
            # Shielded: a client that leaves cancels nothing, and may send it again.
            await asyncio.shield(asyncio.to_thread(self._write, is_whole))

    def _write(self, is_whole: bool) -> None:
        try:
            if self._start is None or not is_whole or self._start["status"] >= 400:
                self._answers.forget(self._id)
            else:
                headers = [(_text(name), _text(value)) for name, value in self._start["headers"]]
                self._answers.finish(self._id, self._start["status"], headers, b"".join(self._body))
        except AccessUnavailable:
            return  # what was done is done; the key is free again when its lease has ended


async def _replay(answer: StoredAnswer, send: Send) -> None:
    if answer.body is None:
        raise ProblemError(
            IN_PROGRESS, "This request was carried out; its answer was too large to keep."
        )
    headers: list[Any] = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
    ]
    headers.append((REPLAYED_HEADER.lower().encode(), b"true"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _text(header: bytes) -> str:
    return header.decode("latin-1")
