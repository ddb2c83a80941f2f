"""What both clients share: the address, the key, the retries, and a request in httpx's terms."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

import httpx

from client.errors import KEY_VARIABLE, BadServer, CannotSend
from client.requests.request import ServiceRequest
from client.requests.uploads import Upload
from client.retries import Attempts, Retries

_CONNECT_SECONDS = 5.0
_SILENT_STREAM_SECONDS = 45.0  # three of the service's heartbeats
_HttpxFile = tuple[str, tuple[str, bytes | IO[bytes]]]
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


class Transport:
    """Turns requests into arguments for httpx; each client adds its own connection."""

    def __init__(
        self, server: str, api_key: str | None, timeout_seconds: float, retries: Retries
    ) -> None:
        self.server = server_address(server)
        self._retries = retries
        # A proxy that the environment names can't reach this machine's own address.
        self._settings: dict[str, Any] = {
            "headers": _key_headers(api_key or os.environ.get(KEY_VARIABLE)),
            "timeout": httpx.Timeout(
                timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds)
            ),
            "trust_env": httpx.URL(self.server).host not in _LOCAL_HOSTS,
        }

    def _attempts(self, request: ServiceRequest[Any]) -> Attempts:
        return Attempts(request, self.server, self._retries)

    @contextmanager
    def _open_request(self, request: ServiceRequest[Any]) -> Generator[dict[str, Any]]:
        """Open the request's files and yield its httpx arguments, the same for every attempt."""
        key = {"Idempotency-Key": str(uuid.uuid4())} if request.retry == "keyed" else {}
        with ExitStack() as stack:
            files = [_open(upload, stack) for upload in request.files]
            yield self._httpx_arguments(request, files, key)

    def _httpx_arguments(
        self, request: ServiceRequest[Any], files: Sequence[_HttpxFile], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        return {
            "method": request.method,
            "url": self.server + request.path,
            "params": request.query or None,
            "json": request.json,
            "data": {name: _form_value(value) for name, value in request.form.items()} or None,
            "files": files or None,
            "headers": {**headers, **request.headers},
        }

    def _stream_arguments(self, request: ServiceRequest[Any]) -> dict[str, Any]:
        """The httpx arguments of a request whose answer is read piece by piece."""
        timeout = httpx.Timeout(_SILENT_STREAM_SECONDS, connect=_CONNECT_SECONDS)
        return {**self._httpx_arguments(request, (), {}), "timeout": timeout}


@contextmanager
def atomic_file(to: Path) -> Generator[IO[bytes]]:
    """Open a file to write that takes its name once it is complete.

    A write that breaks off leaves nothing behind.
    """
    unfinished = to.with_name(f".{to.name}.{uuid.uuid4().hex[:8]}")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(to)
    finally:
        unfinished.unlink(missing_ok=True)


def server_address(server: str) -> str:
    """Check a service's address and strip the slash at its end. Raises BadServer."""
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


def _open(upload: Upload, stack: ExitStack) -> _HttpxFile:
    content = upload.content
    if isinstance(content, Path):
        try:
            content = stack.enter_context(content.open("rb"))
        except OSError as error:
            raise CannotSend(f"{content}: can't be read ({error.strerror})") from error
    return upload.field, (upload.name, content)


def _key_headers(key: str | None) -> dict[str, str]:
    secret = (key or "").strip()
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise CannotSend(
            "the API key holds a blank, a line end or an accent, which no key does; copy it again"
        )
    return {"Authorization": f"Bearer {secret}"} if secret else {}


def _form_value(value: object) -> object:
    """Write a form's field as text: `true` for True, and several values one by one."""
    if isinstance(value, (list, tuple)):
        return [_form_value(one) for one in cast("Sequence[object]", value)]
    return str(value).lower() if isinstance(value, bool) else str(value)
