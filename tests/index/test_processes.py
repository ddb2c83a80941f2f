"""Which process is which, also when a process id is given out again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from index.processes import LEASE, is_alive, this_worker
from index.timestamps import format_timestamp

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SAY_WHO = "from index.processes import this_worker; print(this_worker(), flush=True); input()"


def test_this_process_is_alive_and_its_successor_with_the_same_number_is_another() -> None:
    host, process_id, began = this_worker().rsplit(":", 2)
    assert is_alive(this_worker(), None, NOW)
    assert not is_alive(f"{host}:{process_id}:{began}0", None, NOW)
    assert not is_alive(None, format_timestamp(NOW), NOW)


def test_a_killed_process_is_dead_at_once_even_before_its_parent_asks() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SAY_WHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        worker = child.stdout.readline().strip()
        assert worker.startswith(f"{socket.gethostname()}:{child.pid}:")
        assert is_alive(worker, None, NOW)
        child.kill()
        while is_alive(worker, format_timestamp(NOW), NOW):
            pass
    assert not is_alive(worker, format_timestamp(NOW), NOW)


def test_elsewhere_the_last_heartbeat_decides() -> None:
    assert is_alive("elsewhere:1:1", format_timestamp(NOW - LEASE + timedelta(seconds=1)), NOW)
    assert not is_alive("elsewhere:1:1", format_timestamp(NOW - LEASE), NOW)
    assert not is_alive("elsewhere:1:1", None, NOW)


def test_two_containers_of_one_name_are_two_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a process 1: the other's is not ours, whether ours lives or not."""
    here = this_worker()
    reading = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        found = reading(path, **options)
        if str(path) == "/proc/self/ns/pid":
            return os.stat_result((found.st_mode, 4026539999, *found[2:]))
        return found

    monkeypatch.setattr(Path, "stat", stat)
    assert this_worker().startswith(f"{socket.gethostname()}@4026539999:")
    assert is_alive(this_worker(), None, NOW)
    assert not is_alive(here, None, NOW)
    assert is_alive(here, format_timestamp(NOW), NOW)
