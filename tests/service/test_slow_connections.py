"""service/slow_connections.py: clients that send nothing more, or have just sent something."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
import uvicorn

from service import slow_connections
from service.server import listen
from service.slow_connections import LEAST_BYTES, raise_file_limit, timed_protocol

_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
_WHOLE = _HEAD + b"Content-Length: 2\r\n\r\nab"
_HALF_BODY = _HEAD + b"Content-Length: 100000\r\n\r\nab"
WINDOW = 0.3


async def echo(scope, receive, send) -> None:
    """Answer how long the body was, once it is whole."""
    if scope["type"] != "http":
        return
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
        if not message["more_body"]:
            break
    body = str(length).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def serve() -> Callable[..., object]:
    """`with serve(most=3) as (connect, server)`: a server, and a way to connect to it."""

    @contextmanager
    def _serve(most: int = 0, window: float = WINDOW) -> Generator[object]:
        protocol = timed_protocol(most)
        protocol.window_seconds = window
        server = uvicorn.Server(
            uvicorn.Config(echo, http=protocol, lifespan="off", log_config=None)
        )
        with listen("127.0.0.1", 0) as listening:
            address = listening.getsockname()[:2]
            running = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            running.start()
            connections: list[socket.socket] = []

            def connect(data: bytes = b"") -> socket.socket:
                connections.append(socket.create_connection(address, timeout=30))
                connections[-1].sendall(data)
                return connections[-1]

            try:
                yield connect, server
            finally:
                for one in connections:
                    one.close()
                server.should_exit = True
                running.join(30)

    return _serve


@pytest.mark.parametrize("data", [b"", _HEAD, _HALF_BODY], ids=["nothing", "head", "body"])
def test_a_client_that_sends_nothing_more_is_let_go(serve, data: bytes) -> None:
    with serve() as (connect, _):
        assert connect(data).recv(1000) == b""


def test_a_body_that_grows_is_waited_for(serve) -> None:
    pieces, window = 7, 1.5  # five times what a piece takes
    size = LEAST_BYTES * 4
    with serve(window=window) as (connect, _):
        connection = connect(_HEAD + b"Content-Length: %d\r\n\r\n" % (pieces * size))
        for _ in range(pieces):
            time.sleep(window / 5)
            connection.sendall(b"x" * size)
        assert connection.recv(1000).endswith(str(pieces * size).encode())


def test_where_there_are_too_many_the_silent_one_makes_room(serve) -> None:
    with serve(most=3, window=30) as (connect, _):
        silent = [connect(_HEAD), connect(_HALF_BODY), connect(b"")]
        time.sleep(0.2)
        assert b"200 OK" in connect(_WHOLE).recv(1000)
        assert silent[0].recv(1000) == b""
        assert b"200 OK" in connect(_WHOLE).recv(1000)


def test_what_a_client_has_just_sent_is_answered_by_a_server_that_stops(serve) -> None:
    with serve(window=30) as (connect, server):
        connection = connect(_WHOLE)
        assert b"200 OK" in connection.recv(1000)
        stopping = threading.Event()
        shutdown = server.shutdown

        async def shut_down(sockets=None) -> None:
            stopping.set()
            await shutdown(sockets)

        server.shutdown = shut_down
        server.should_exit = True
        assert stopping.wait(30)
        connection.sendall(_WHOLE)
        answer = connection.recv(1000)
        assert b"200 OK" in answer and b"connection: close" in answer
        assert connection.recv(1000) == b""


def test_the_most_files_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"now": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.update(now=new))
    assert raise_file_limit() == 4096 - 256
    assert limits["now"] == (4096, 4096)
    limits["now"] = (100, 100)
    assert raise_file_limit() == 50
    limits["now"] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert raise_file_limit() == slow_connections._MOST_FILES - 256
