"""A throw-away PostgreSQL that reaches no network, for tests and for the harnesses of faults."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
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


def _somebody_else() -> dict[str, Any]:
    """As whom to start PostgreSQL, which refuses to run as root."""
    if os.getuid() != 0:
        return {}
    names = {each.pw_name for each in pwd.getpwall()}
    who = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


@contextmanager
def running_postgres() -> Generator[Path]:
    """Start a PostgreSQL and stop it at the end; gives the folder with its socket.

    Raises NoPostgres where none is installed.
    """
    programs = _postgres_programs()
    if programs is None:
        raise NoPostgres("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    if importlib.util.find_spec("psycopg") is None:
        raise NoPostgres("psycopg is not installed (the extra postgres)")
    folder = Path(
        tempfile.mkdtemp(prefix="flukeprint-pg-")
    )  # a socket's path may have 107 letters at most
    who = _somebody_else()
    if who:
        os.chown(folder, who["user"], who["group"])

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(programs / program), "-D", str(folder / "data"), *arguments],
            **who,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    # A collation that sorts otherwise than bytes, so that a test sees an order that was left to the
    # database.
    run(
        "initdb",
        "-U",
        "flukeprint",
        "--auth=trust",
        "--no-sync",
        "--locale-provider=icu",
        "--icu-locale=en-US",
    )
    fast = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses=''"
    try:
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} {fast}", "start")
        yield folder
    finally:
        subprocess.run(
            [
                str(programs / "pg_ctl"),
                "-D",
                str(folder / "data"),
                "-m",
                "immediate",
                "-w",
                "-t",
                "20",
                "stop",
            ],
            **who,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        shutil.rmtree(folder, ignore_errors=True)
