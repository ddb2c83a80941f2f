"""Processes that torchrun starts, by the commands of the documents."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_TORCHRUN = (sys.executable, "-m", "torch.distributed.run")


def started(words: list[str]) -> subprocess.Popen[str]:
    """Start a command in the repository's root, all of it on this machine's loopback address."""
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            "GLOO_SOCKET_IFNAME": "lo",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def torchrun_script(script: Path, *words: object) -> subprocess.Popen[str]:
    """Start two processes of a script."""
    launch = ("--nproc-per-node=2", f"--master-port={free_port()}")
    return started([*_TORCHRUN, *launch, *map(str, (script, *words))])


def documented(beginning: str, exchanged: Mapping[str, object]) -> list[str]:
    """The one command of docs/scaling.md that begins so, with other words for some of its."""
    lines = (ROOT / "docs" / "scaling.md").read_text("utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith(beginning))
    words = shlex.split(line)
    assert set(exchanged) <= set(words), (exchanged, words)
    words = [str(exchanged.get(word, word)) for word in words]
    if words[0] != "torchrun":
        return words
    # Names of machines need a server that knows them.
    is_alone = "--nnodes" not in words
    place = f"--master-port={free_port()}" if is_alone else "--local-addr=127.0.0.1"
    return [*_TORCHRUN, place, *words[1:]]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(path: Path, launcher: subprocess.Popen[str]) -> None:
    """Wait for a file of a process that goes on."""
    for _ in range(6000):
        if path.exists():
            return
        assert launcher.poll() is None, launcher.communicate()
        time.sleep(0.05)
    raise AssertionError(f"{path} didn't come")
