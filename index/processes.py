"""Which process runs a job, and whether that process still lives."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

from index.timestamps import parse_timestamp

LEASE = timedelta(minutes=10)
"""How long a process on another machine may be silent before its job counts as left behind."""


def this_worker() -> str:
    """This process's name among all that ever ran: host, process id, and when that process
    began.
    """
    return f"{socket.gethostname()}:{os.getpid()}:{_began(os.getpid())}"


def is_alive(worker: str | None, heartbeat_at: str | None, now: datetime) -> bool:
    """Whether the process that a job names still works on it.

    On this machine the system knows; elsewhere the last heartbeat has to do.
    """
    if worker is None:
        return False
    host, process_id, began = worker.rsplit(":", 2)
    if host == socket.gethostname():
        return _began(int(process_id)) == began
    return heartbeat_at is not None and now - parse_timestamp(heartbeat_at) < LEASE


def _began(process_id: int) -> str:
    """When a process began, in the system's own count; "" for one that is gone, "alive" where only
    that is known.
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
