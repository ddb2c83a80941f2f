"""Trials in forked processes: a warmed-up program is copied, which takes milliseconds."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.scene import Acknowledger


@dataclass
class Outcome:
    """What a forked process acknowledged, and how it ended.

    `seconds` from its start to its end. `error` is its traceback, empty where there was none.
    """

    facts: list[dict[str, Any]] = field(default_factory=list)
    is_killed: bool = False
    code: int = 0
    seconds: float = 0.0
    error: str = ""

    @property
    def revisions(self) -> list[int]:
        """The acknowledged revisions, in their order."""
        return [fact["revision"] for fact in self.facts if "revision" in fact]


def run_forked(
    do: Callable[[Acknowledger], None], *, kill_after: float | None = None, most_seconds: float = 60
) -> Outcome:
    """Do something in a forked process, and kill it with SIGKILL after some seconds.

    The clock starts when the process says that it has started. A process that hangs for
    `most_seconds` is killed, and the outcome says so in `error`.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # From Python 3.12 on: other threads of the tests' process are idle ones of libraries.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        os.close(reading)
        _child(do, Acknowledger(writing), writing)
    os.close(writing)
    return _watch(process, reading, kill_after, most_seconds)


def _child(do: Callable[[Acknowledger], None], acknowledge: Acknowledger, writing: int) -> None:
    code = 1
    try:
        acknowledge(started=True)
        do(acknowledge)
        code = 0
    except BaseException:
        acknowledge(error=traceback.format_exc())
    finally:
        os.close(writing)
        os._exit(code)


def _watch(process: int, reading: int, kill_after: float | None, most_seconds: float) -> Outcome:
    outcome, data = Outcome(), b""
    began: float | None = None
    while True:
        limit = most_seconds if kill_after is None else kill_after
        waiting = most_seconds if began is None else began + limit - time.monotonic()
        ready, _, _ = select.select([reading], [], [], max(0.0, waiting))
        if not ready:
            os.kill(process, signal.SIGKILL)
            if kill_after is None:
                outcome.error = f"it hung for {most_seconds:g} s"
            data += _drain(reading)
            break
        chunk = os.read(reading, 65536)
        if not chunk:
            break
        began = began or time.monotonic()
        data += chunk
    os.close(reading)
    _, status = os.waitpid(process, 0)
    outcome.seconds = time.monotonic() - (began or time.monotonic())
    outcome.is_killed = os.WIFSIGNALED(status)
    outcome.code = 0 if outcome.is_killed else os.waitstatus_to_exitcode(status)
    lines = [json.loads(line) for line in data.decode().split("\n")[:-1]]
    outcome.facts = [line for line in lines if "started" not in line and "error" not in line]
    outcome.error = outcome.error or "".join(line["error"] for line in lines if "error" in line)
    return outcome


def _drain(reading: int) -> bytes:
    """All that a killed process wrote before its end."""
    data = b""
    while chunk := os.read(reading, 65536):
        data += chunk
    return data


def moment(rng: random.Random, seconds: float) -> float:
    """A random moment of something that lasts for so many seconds."""
    return rng.uniform(0.0, seconds)
