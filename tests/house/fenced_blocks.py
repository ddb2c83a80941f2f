"""Fenced blocks of a page, run in order in one folder as a reader would run them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
SECONDS = 600

# What a test can't do as it stands: set up again, test again, take port 8000, draw and train for
# minutes.
INSTEAD = {
    "make demo": "flukeprint demo --individuals 12 --photos 3 --queries 2 --unknown 1",
    "make test": f"make -C '{ROOT}' --dry-run test",
    "flukeprint serve": "flukeprint serve --port PORT",
    "127.0.0.1:8000": "127.0.0.1:PORT",
    "train humpback-vlad": "train humpback-vlad --set schedule.epochs=1 --set "
    "batches.individuals=8",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, what stands in the page, and what is run."""

    language: str
    written: str
    run: str

    @property
    def stays(self) -> bool:
        """Claim that it runs until it is stopped."""
        return self.written.startswith("flukeprint serve")


@dataclass(slots=True)
class Walk:
    """What the commands printed on stdout, by what stands in the page; `skipped` by why."""

    folder: Path
    printed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    served_with: int | None = None

    def of(self, start: str) -> str:
        """The output of the block that begins so."""
        why = next(
            (why for written, why in self.skipped.items() if written.startswith(start)), None
        )
        if why is not None:
            pytest.skip(why)
        return next(said for written, said in self.printed.items() if written.startswith(start))


def blocks_of(text: str, instead: dict[str, str], port: int) -> list[Block]:
    """The page's sh and python blocks in order, with the replacements made."""
    blocks: list[Block] = []
    for language, written in BLOCK.findall(text):
        run = written
        for old, new in instead.items():
            run = run.replace(old, new)
        blocks.append(Block(language, written, run.replace("PORT", str(port))))
    return blocks


def walk_through(blocks: Iterable[Block], folder: Path, port: int) -> Walk:
    """Run every block in `folder`; the first that fails ends it, with its output."""
    walk = Walk(folder)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLUKEPRINT_", "MAKE", "MFLAGS"))
    }
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_PROXY": "127.0.0.1",
    }
    staying: list[subprocess.Popen[bytes]] = []
    try:
        for block in blocks:
            if block.written.startswith("curl") and shutil.which("curl") is None:
                walk.skipped[block.written] = (
                    "curl is not installed, so the README's curl commands did not run"
                )
            elif block.stays:
                staying.append(_started(block, folder, environment))
                _wait_until_ready(port, staying[-1], folder / "serve.log")
                walk.printed[block.written] = ""
            else:
                walk.printed[block.written] = _ran(block, folder, environment)
    finally:
        for process in staying:
            walk.served_with = _stopped(process)
    return walk


def _started(block: Block, folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "serve.log").open("wb") as log:
        return subprocess.Popen(
            ["sh", "-c", f"exec {block.run}"], cwd=folder, env=environment, stdout=log, stderr=log
        )


def _stopped(process: subprocess.Popen[bytes]) -> int:
    """Press Ctrl-C; the exit code, whatever it takes to get one."""
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(120)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _ran(block: Block, folder: Path, environment: dict[str, str]) -> str:
    call = (
        [sys.executable, "-c", block.run]
        if block.language == "python"
        else ["sh", "-e", "-c", block.run]
    )
    done = subprocess.run(
        call,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode:
        pytest.fail(
            f"exit code {done.returncode} of\n{block.run}\n{done.stdout}\n{done.stderr}",
            pytrace=False,
        )
    return done.stdout


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            opener.open(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"the service did not get ready:\n{log.read_text(encoding='utf-8')}", pytrace=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
