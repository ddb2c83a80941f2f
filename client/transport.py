"""What both clients know: where the service is, who asks, how patiently, and how a request looks on
the wire.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

import httpx

from client.errors import KEY_VARIABLE, BadServer, CannotSend
from client.requests.request import Ask
from client.requests.uploads import SentFile
from client.retries import Attempts, Retries

_CONNECT_SECONDS = 5.0
_SILENT_STREAM_SECONDS = 45.0  # three of the service's heartbeats
_HttpxFile = tuple[str, tuple[str, bytes | IO[bytes]]]
_HERE = ("localhost", "127.0.0.1", "::1")


class Outgoing:
    """The part of a client that needs no connection."""

    def __init__(
        self, server: str, api_key: str | None, timeout_seconds: float, retries: Retries
    ) -> None:
        self.server = checked_server(server)
        self._retries = retries
        # A proxy of the environment can't reach this machine's own address.
        self._settings: dict[str, Any] = {
            "headers": _key_headers(api_key or os.environ.get(KEY_VARIABLE)),
            "timeout": httpx.Timeout(
                timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds)
            ),
            "trust_env": httpx.URL(self.server).host not in _HERE,
        }

    def _attempts(self, ask: Ask[Any]) -> Attempts:
        return Attempts(ask, self.server, self._retries)

    @contextmanager
    def _request(self, ask: Ask[Any]) -> Generator[dict[str, Any]]:
        """The request in httpx's words, its files open; the same each time that it is sent."""
        named = {"Idempotency-Key": str(uuid.uuid4())} if ask.sending == "kept" else {}
        with ExitStack() as opened:
            yield self._in_httpx(ask, [_open(file, opened) for file in ask.files], named)

    def _in_httpx(
        self, ask: Ask[Any], files: Sequence[_HttpxFile], named: Mapping[str, str]
    ) -> dict[str, Any]:
        return {
            "method": ask.method,
            "url": self.server + ask.path,
            "params": ask.query or None,
            "json": ask.json,
            "data": {name: _in_form(value) for name, value in ask.form.items()} or None,
            "files": files or None,
            "headers": {**named, **ask.headers},
        }

    def _stream(self, ask: Ask[Any]) -> dict[str, Any]:
        """The request for an answer that comes little by little."""
        timeout = httpx.Timeout(_SILENT_STREAM_SECONDS, connect=_CONNECT_SECONDS)
        return {**self._in_httpx(ask, (), {}), "timeout": timeout}


@contextmanager
def written_whole(to: Path) -> Generator[IO[bytes]]:
    """A file to write, which takes its name when all of it is there: nothing is left of what breaks
    off.
    """
    unfinished = to.with_name(f".{to.name}.{uuid.uuid4().hex[:8]}")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(to)
    finally:
        unfinished.unlink(missing_ok=True)


def checked_server(server: str) -> str:
    """The address without a slash at its end. Raises BadServer."""
    try:
        url = httpx.URL(server)
    except httpx.InvalidURL as error:
        raise BadServer(
            f"{server!r} is no address ({error}); give one such as http://127.0.0.1:8000"
        ) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadServer(
            f"{server!r} is no address of a service; give one such as http://127.0.0.1:8000"
        )
    return server.rstrip("/")


def _open(file: SentFile, opened: ExitStack) -> _HttpxFile:
    content = file.content
    if isinstance(content, Path):
        try:
            content = opened.enter_context(content.open("rb"))
        except OSError as error:
            raise CannotSend(f"{content}: can't be read ({error.strerror})") from error
    return file.field, (file.name, content)


def _key_headers(key: str | None) -> dict[str, str]:
    secret = (key or "").strip()
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise CannotSend(
            "the API key holds what no key does (blanks, line ends or accents); copy it again"
        )
    return {"Authorization": f"Bearer {secret}"} if secret else {}


def _in_form(value: object) -> object:
    """A form's field as text: repeated for each of several values, `true` for True."""
    if isinstance(value, (list, tuple)):
        return [_in_form(one) for one in cast("Sequence[object]", value)]
    return str(value).lower() if isinstance(value, bool) else str(value)
