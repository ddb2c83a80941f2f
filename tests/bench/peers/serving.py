"""Requests a second of flukeprint's service beside services that a laboratory would write itself.

    python -m tests.bench.peers.serving --catalogue catalogue.db --photos FOLDER [--rounds 3]
        [--before ANOTHER_WORKING_COPY]

The catalogue holds vectors of the shipped checkpoint. All services run at once and are asked in
turn, by 1, 8 and 50 clients, so that other work hurts them alike; the best of the rounds counts. A
peer whose package isn't installed is left out. `same` is the share of photos with the same best
individual as flukeprint. CPU milliseconds are a service's own, and the load's process has its.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demo.serving import free_port

_TICKS = os.sysconf("SC_CLK_TCK")
_OURS = ("flukeprint", "before")


@dataclass(frozen=True)
class Figures:
    """Of one round: requests a second, milliseconds, CPU milliseconds a request, answers."""

    rate: float
    p50: float
    p95: float
    cpu_ms: float
    load_cpu_ms: float
    first: dict[str, str]


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    name: str
    port: int
    pid: int


@contextmanager
def started(name: str, catalogue: Path, code: Path) -> Generator[Running]:
    """Run a service until the block ends; `code` is the working copy that it is of."""
    port = free_port()
    if name in _OURS:
        words = ["-m", "flukeprint", "serve", "--catalogue", str(catalogue), "--port", str(port)]
    else:
        words = ["-m", f"tests.bench.peers.{name}", str(port), str(catalogue)]
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
        cwd=code,
    )
    try:
        for _ in range(1200):
            if process.poll() is not None:
                raise SystemExit(f"{name} ended with {process.returncode}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                time.sleep(0.1)
        yield Running(name, port, process.pid)
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def measured(service: Running, photos: Path, clients: int, seconds: float) -> Figures:
    """Load a service for some seconds."""
    path = "/v1/identify" if service.name in _OURS else "/identify"
    before = _cpu(service.pid)
    words = [str(service.port), path, "photos", str(clients), str(seconds), str(photos)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.peers.load", *words],
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    took = sorted(found["took"])
    count = len(took)
    return Figures(
        rate=count / found["wall"],
        p50=1000 * took[count // 2],
        p95=1000 * took[int(count * 0.95)],
        cpu_ms=1000 * (_cpu(service.pid) - before) / count,
        load_cpu_ms=1000 * found["cpu"] / count,
        first=found["first"],
    )


def _cpu(pid: int) -> float:
    """CPU seconds of a process group."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == pid:
            total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--before", type=Path, help="another working copy, asked in turn as well")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 50])
    options = parser.parse_args()
    names = [*_OURS] if options.before else ["flukeprint"]
    for name, packages in (("plain", ["torch", "timm"]), ("lit", ["litserve", "torch", "timm"])):
        absent = [each for each in packages if importlib.util.find_spec(each) is None]
        if absent:
            print(f"{name}: left out, {', '.join(absent)} isn't installed")
        else:
            names.append(name)
    best: dict[tuple[str, int], Figures] = {}
    with ExitStack() as stack:
        services = [
            stack.enter_context(
                started(
                    name,
                    options.catalogue.absolute(),
                    options.before if name == "before" else Path(),
                )
            )
            for name in names
        ]
        for service in services:
            measured(service, options.photos, 2, 3)  # graphs are compiled, memory is taken
        for _ in range(options.rounds):
            for clients in options.clients:
                for service in services:
                    found = measured(service, options.photos, clients, options.seconds)
                    key = (service.name, clients)
                    first = best.get(key, found).first | found.first
                    fastest = max(best.get(key, found), found, key=lambda one: one.rate)
                    best[key] = replace(fastest, first=first)
    for clients in options.clients:
        ours = best["flukeprint", clients]
        for name in names:
            found = best[name, clients]
            same = [
                ours.first.get(at) == first for at, first in found.first.items() if at in ours.first
            ]
            print(
                f"{clients} clients, {name}: {found.rate:.1f} a second, p50 {found.p50:.0f} ms, "
                f"p95 {found.p95:.0f} ms, CPU {found.cpu_ms:.1f} ms, the load's "
                f"{found.load_cpu_ms:.2f}; flukeprint has {ours.rate / found.rate:.2f} x; "
                f"same {sum(same)} of {len(same)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
