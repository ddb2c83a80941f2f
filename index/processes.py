"""Which process runs a job, and whether that process still lives."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

from index.timestamps import parse_timestamp

LEASE = timedelta(minutes=2)
"""How long a process on another machine may be silent before its job counts as left behind."""

_FIRST_NAMESPACE = 0xEFFFFFFC  # of process ids, on every Linux machine


def this_worker() -> str:
    """Name this process among all that ever ran: host, process id, and when it began."""
    return f"{_host()}:{os.getpid()}:{_began(os.getpid())}"


def is_alive(
    worker: str | None, heartbeat_at: str | None, now: datetime, lease: timedelta = LEASE
) -> bool:
    """Whether the process that a job names still works on it.

    On this machine the system knows; elsewhere the last heartbeat has to do, no older than `lease`.
    """
    if worker is None:
        return False
    host, process_id, began = worker.rsplit(":", 2)
    if host == _host():
        return _began(int(process_id)) == began
    return heartbeat_at is not None and now - parse_timestamp(heartbeat_at) < lease


def _host() -> str:
    """This machine's name; in a container also the number of its process ids.

    Two containers may have one name, and each has a process 1.
    """
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        namespace = _FIRST_NAMESPACE
    name = socket.gethostname()
    return name if namespace == _FIRST_NAMESPACE else f"{name}@{namespace}"


def _began(process_id: int) -> str:
    """When a process began, in the system's own count.

    "" for one that is gone, "alive" where only that is known.
    """
    status = Path("/proc") / str(process_id) / "stat"
    try:
        # The command's name comes in brackets and may hold spaces; the fields of numbers follow the
        # last of them.
        fields = status.read_text("utf-8", errors="replace").rpartition(")")[2].split()
        # A killed child that nobody has asked about yet is a zombie: it works on nothing.
        return "" if fields[0] == "Z" else fields[19]
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"
