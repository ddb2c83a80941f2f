"""Connections whose client sends nothing more: they are closed, so that they starve nobody.

A connection takes a file descriptor, of which a process has few. Without descriptors no other
client is let in, and the database can't be opened.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

WINDOW_SECONDS = 15.0
"""How long a client may take for a request's head, and how often its body must have grown."""
KEEP_ALIVE_SECONDS = 15
"""How long a connection stays open for its client's next request."""
LEAST_BYTES = 4096
"""By how much a body must grow in a window: a satellite phone sends more."""
STOPPING_SECONDS = 0.5
"""How long a server that stops waits for requests that clients have sent already."""
_RESERVED_FILES = 256  # descriptors for the database, photos and logs
_MOST_FILES = 65_536

_log = logging.getLogger("flukeprint.service")


def raise_file_limit() -> int:
    """Allow this process as many open files as the system lets it; returns for how many clients.

    0 where the system has no such limit.
    """
    try:
        import resource
    except ImportError:  # Windows
        return 0
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    goal = _MOST_FILES if most == resource.RLIM_INFINITY else min(most, _MOST_FILES)
    if allowed != resource.RLIM_INFINITY and allowed < goal:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (goal, most))
            allowed = goal
        except (OSError, ValueError):
            _log.warning("this process may open %d files only", allowed)
    if allowed == resource.RLIM_INFINITY:
        allowed = _MOST_FILES
    return max(allowed // 2, allowed - _RESERVED_FILES)


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP connection, closed when its client sends no more.

    In each window a head must be complete, or a body must grow by LEAST_BYTES. Time in which the
    service works, or lets the client wait, doesn't count. Where there are `most_connections`
    already, the one that has been silent for longest makes room.
    """

    most_connections = 0
    window_seconds = WINDOW_SECONDS
    _watch: asyncio.TimerHandle | None = None
    _is_stopping = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and make room for it where there is none."""
        super().connection_made(transport)
        self._received = self._received_before = 0
        self._heads = self._heads_before = 0
        self._heard_at = time.monotonic()
        if 0 < self.most_connections < len(self.connections):
            self._make_room()
        self._check_later()

    def data_received(self, data: bytes) -> None:
        """Count what the client sends."""
        self._received += len(data)
        self._heard_at = time.monotonic()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Count the requests whose head is complete."""
        self._heads += 1
        super().on_headers_complete()
        cycle: Any = self.cycle
        if self._is_stopping and cycle is not None:
            cycle.keep_alive = False

    def shutdown(self) -> None:
        """Answer a request that is on its way, then close: the server stops.

        uvicorn closes a waiting connection at once. What its client has just sent, and nobody has
        read yet, would get no answer.
        """
        if self._waits_for_head:
            self._is_stopping = True
            self.loop.call_later(STOPPING_SECONDS, self._close_where_waiting)
        else:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """Whether it is the client's turn: to send a request, or the rest of one."""
        cycle: Any = self.cycle
        is_uploading = cycle is not None and bool(cycle.more_body) and not self.flow.read_paused
        return self._waits_for_head or is_uploading

    @property
    def _waits_for_head(self) -> bool:
        cycle: Any = self.cycle
        return cycle is None or bool(cycle.response_complete)

    def _close_where_waiting(self) -> None:
        if self._waits_for_head:
            self.transport.close()

    def _check_later(self) -> None:
        self._watch = self.loop.call_later(self.window_seconds, self._check)

    def _check(self) -> None:
        if self.transport.is_closing():
            return
        if self._is_stalled():
            self.transport.close()
            return
        self._received_before, self._heads_before = self._received, self._heads
        self._check_later()

    def _is_stalled(self) -> bool:
        if self._heads > self._heads_before or self.flow.read_paused:
            return False
        few = self._received - self._received_before < LEAST_BYTES
        return self._waits_for_head or (self.is_waiting and few)

    def _make_room(self) -> None:
        waiting = [
            one
            for one in self.connections
            if isinstance(one, TimedProtocol) and one is not self and one.is_waiting
        ]
        oldest = min(waiting, key=lambda one: one._heard_at, default=self)
        oldest.transport.close()


def timed_protocol(most_connections: int) -> type[TimedProtocol]:
    """Make the class of connections of a server that has so many at most."""
    return type("TimedProtocol", (TimedProtocol,), {"most_connections": most_connections})
