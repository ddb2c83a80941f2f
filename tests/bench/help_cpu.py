"""CPU time of `flukeprint COMMAND --help`, for every command: python tests/bench/help_cpu.py
[repeats].
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from flukeprint import build_app

ROOT = Path(__file__).resolve().parents[2]


def calls_of(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group of commands."""
    yield words
    for name, member in getattr(command, "commands", {}).items():
        yield from calls_of(member, (*words, name))


def cpu_seconds(words: tuple[str, ...]) -> float:
    """User and system time of one call in a fresh process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "flukeprint", *words, "--help"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    for call in calls_of(get_command(build_app())):
        times = sorted(cpu_seconds(call) for _ in range(repeats))
        print(f"{times[len(times) // 2]:.2f} s  flukeprint {' '.join((*call, '--help'))}")
