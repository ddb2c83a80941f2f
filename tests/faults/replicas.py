"""Several services on one PostgreSQL catalogue, one of which is killed now and then: nothing is
lost, and no answer is old.
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from index.catalogue.catalogue import Catalogue
from index.storage.address import PostgresAddress
from tests.faults.copies import execute
from tests.faults.load import check_answers, check_revisions
from tests.faults.past_answers import check_all_answers
from tests.faults.replica_clients import ReplicaClients, ReplicaCount
from tests.faults.scene import check_whole, make_scene
from tests.faults.served import Server, serving
from tests.faults.two_services import wait_until_ready

_AWAY_SECONDS = 1.0  # between a kill and the next start
_LEASE_SECONDS = 24  # a dead service's job is looked for four times in it


@contextmanager
def postgres_scene(server: Path, folder: Path) -> Generator[PostgresAddress]:
    """A catalogue in a database of its own; `server` has the socket."""
    execute(server, "DROP DATABASE IF EXISTS replicas WITH (FORCE)", "CREATE DATABASE replicas")
    address = PostgresAddress(
        user="flukeprint",
        database="replicas",
        options=(("host", str(server)),),
        files=folder / "scene" / "home",
    )
    yield make_scene(folder / "scene", address).address  # type: ignore[misc]
    execute(server, "DROP DATABASE IF EXISTS replicas WITH (FORCE)")


class Replicas:
    """Services of one catalogue on ports of their own, which can be killed and started again."""

    def __init__(self, address: PostgresAddress, folder: Path, count: int = 2) -> None:
        self.address, self._folder = address, folder
        self._ports = [_free_port() for _ in range(count)]
        self.urls = [f"http://127.0.0.1:{port}" for port in self._ports]
        self.kills = 0
        self._stacks = [ExitStack() for _ in range(count)]
        self.servers: list[Server] = []

    def __enter__(self) -> Replicas:
        self.servers = [self._start(at) for at in range(len(self._ports))]
        for server in self.servers:
            wait_until_ready(server)
        return self

    def __exit__(self, *_: object) -> None:
        for stack in self._stacks:
            stack.close()

    @property
    def logs(self) -> list[Path]:
        """What all that ever ran have logged."""
        return sorted(self._folder.glob("service-*.log"))

    def kill(self, at: int) -> None:
        """Kill one with SIGKILL."""
        self.servers[at].process.kill()
        self.servers[at].process.wait()
        self.kills += 1
        self._stacks[at].close()

    def start_again(self, at: int) -> None:
        """Start a killed one again, and wait until it answers."""
        self.servers[at] = self._start(at)
        wait_until_ready(self.servers[at])

    def _start(self, at: int) -> Server:
        log = self._folder / f"service-{at}-{self.kills}.log"
        files = str(self.address.files)
        lease = str(_LEASE_SECONDS)
        options = ("--files", files, "--port", str(self._ports[at]), "--job-lease-seconds", lease)
        url = url_of(self.address)
        return self._stacks[at].enter_context(serving(url, log, *options))


def run_replicas(
    server: Path, folder: Path, seconds: float, *, kill_every: float = 60.0, clients: int = 6
) -> tuple[ReplicaCount, int]:
    """Let clients do everything to two services while one of them is killed now and then.

    Returns what they were answered, and how many kills there were.
    """
    rng = random.Random(23)
    with postgres_scene(server, folder) as address:
        with Replicas(address, folder) as replicas:
            sending = ReplicaClients(replicas.urls, 23)
            until = time.monotonic() + seconds
            is_over = threading.Event()
            killing = threading.Thread(
                target=_kill_until, args=(replicas, rng, kill_every, is_over)
            )
            killing.start()
            asyncio.run(sending.run(clients, until))
            is_over.set()
            killing.join()
            count = sending.count
            for one in replicas.servers:
                if one.stop() != 0:
                    count.faults.append(f"a service ended with {one.process.returncode}")
        _check(address, count, replicas)
        return count, replicas.kills


def describe(count: ReplicaCount, kills: int) -> list[str]:
    """The run's figures, in lines."""
    ages = np.array(count.ages)
    late = ages[ages > 0]
    jobs = ", ".join(f"{number} {state}" for state, number in count.jobs.items())
    lines = [
        f"{kills} kills; {count.statuses.total()} answers, {dict(count.statuses)}",
        f"{len(count.revisions)} acts acknowledged: {dict(count.acts)}; jobs: {jobs}",
        f"{len(count.unknown)} acts of killed services whose outcome the next one couldn't say",
        f"{count.checked} answers to identify checked against their revision",
        f"{len(ages)} answers name a revision: {len(late)} of one before the last acknowledged, "
        f"the oldest {ages.max() * 1000:.0f} ms",
    ]
    for kind in ("identify", "act confirm", "act rename"):
        if count.seconds[kind]:
            p50, p99 = count.percentile(0.5, kind), count.percentile(0.99, kind)
            lines.append(f"{kind}: median {p50:.0f} ms, p99 {p99:.0f} ms")
    return lines


def _kill_until(
    replicas: Replicas, rng: random.Random, every: float, is_over: threading.Event
) -> None:
    while not is_over.wait(every):
        at = rng.randrange(len(replicas.urls))
        replicas.kill(at)
        is_over.wait(_AWAY_SECONDS)
        replicas.start_again(at)


def _check(address: PostgresAddress, count: ReplicaCount, replicas: Replicas) -> None:
    check_revisions(address, count)
    count.checked = check_all_answers(address, count)
    check_answers(address, count, most_revisions=10)
    with Catalogue.open(address) as catalogue:
        made = catalogue.revision - 2  # two were there before
    lost = made - len(count.revisions)
    if not 0 <= lost <= len(count.unknown):
        count.faults.append(
            f"{made} revisions were made, {len(count.revisions)} acknowledged, and of "
            f"{len(count.unknown)} nobody knows"
        )
    for log in replicas.logs:
        text = log.read_text()
        count.faults += [f"{log.name}: {word}" for word in ("Traceback", " ERROR ") if word in text]
    check_whole(address)


def url_of(address: PostgresAddress) -> str:
    """The URL of a catalogue, as an option of a command."""
    host = dict(address.options)["host"]
    return f"postgresql://{address.user}@/{address.database}?host={host}"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
