"""Clients that send nothing more: half a head, half an upload, and one that reads no answer."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator
from urllib.parse import urlsplit

_HEAD = b"POST /v1/identify HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_BODY = (
    _HEAD + b"Content-Type: multipart/form-data; boundary=limit\r\nContent-Length: 1000000\r\n\r\n"
    b'--limit\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
    + b"\xff\xd8"
    * 1000
)
KINDS = {"half a head": _HEAD, "half an upload": _BODY, "nothing": b""}


@contextlib.contextmanager
def slow_clients(url: str, count: int) -> Generator[dict[str, list[socket.socket]]]:
    """Hold `count` connections of each kind open, each of which has sent a part and stops there."""
    address = urlsplit(url)
    held: dict[str, list[socket.socket]] = {kind: [] for kind in KINDS}
    try:
        for kind, data in KINDS.items():
            for _ in range(count):
                one = socket.create_connection((address.hostname, address.port), timeout=10)
                one.sendall(data)
                held[kind].append(one)
        yield held
    finally:
        for one in (one for kind in held.values() for one in kind):
            one.close()


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has answered or hung up on a connection."""
    connection.setblocking(False)
    try:
        return connection.recv(65536) is not None
    except BlockingIOError:
        return False
    except OSError:
        return True
