"""64 clients, slow clients, memory and SIGTERM: a real service under load."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.faults.load import Clients, LoadCount, check_answers, check_revisions
from tests.faults.scene import check_whole, sqlite_scene
from tests.faults.served import Server, serving
from tests.faults.slow_clients import slow_clients
from tests.faults.two_services import wait_until_ready

# A request that was sent less than this before the signal may still have been on its way.
_ON_THE_WAY_SECONDS = 0.25


@dataclass
class MemoryCount:
    """The memory (MB) of a service after a warm-up and after each block of requests."""

    blocks: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])

    @property
    def growth(self) -> float:
        """By which share the memory has grown since the warm-up."""
        return self.blocks[-1][1] / self.blocks[0][1] - 1


def run_mixed(folder: Path, seconds: float, clients: int) -> LoadCount:
    """Identify, list, enrol, confirm and merge from many clients, with a re-index meanwhile."""
    scene = sqlite_scene(folder / "scene")
    with serving(scene.address, folder / "log") as server:
        wait_until_ready(server)
        both = Clients(server.url, 1)
        asyncio.run(_with_reindex(both, server, clients, seconds))
        assert server.stop() == 0
    count = both.count
    count.faults += [text for _, text in count.broken]
    check_revisions(scene.address, count)
    count.checked = check_answers(scene.address, count)
    check_whole(scene.address)
    return count


async def _with_reindex(both: Clients, server: Server, clients: int, seconds: float) -> None:
    load = asyncio.create_task(both.run(clients, time.monotonic() + seconds))
    await asyncio.sleep(seconds / 3)
    async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
        body = {"kind": "reindex", "parameters": {"rehash": True}}
        job = (await client.post("/v1/jobs", json=body)).json()
        await load
        until = time.monotonic() + 60
        while job["state"] in ("queued", "running") and time.monotonic() < until:
            job = (await client.get(f"/v1/jobs/{job['id']}")).json()
    if job["state"] != "succeeded":
        both.count.faults.append(f"the re-index is {job['state']}: {job['reason']}")


def run_with_slow_clients(folder: Path, seconds: float, slow: int) -> LoadCount:
    """Let ordinary clients read while `slow` connections of each kind send nothing more."""
    scene = sqlite_scene(folder / "scene")
    with serving(scene.address, folder / "log") as server:
        wait_until_ready(server)
        ordinary = Clients(server.url, 1, writes=False)
        with slow_clients(server.url, slow):
            asyncio.run(ordinary.run(4, time.monotonic() + seconds))
    ordinary.count.faults += [text for _, text in ordinary.count.broken]
    return ordinary.count


def run_memory(folder: Path, requests: int, warm_up: int, blocks: int = 10) -> MemoryCount:
    """Measure a service's memory over so many requests, after a warm-up."""
    scene = sqlite_scene(folder / "scene")
    count = MemoryCount()
    with serving(scene.address, folder / "log", "--log-level", "warning") as server:
        wait_until_ready(server)
        done = _send(server, warm_up, 0)
        for block in range(blocks + 1):
            count.blocks.append((done, server.resident_mb))
            if block < blocks:
                done += _send(server, requests // blocks, block + 1)
    return count


def _send(server: Server, requests: int, seed: int, clients: int = 8) -> int:
    reading = Clients(server.url, seed, writes=False)
    asyncio.run(reading.run(clients, float("inf"), requests // clients))
    assert reading.count.faults == []
    return reading.count.statuses.total()


def run_sigterm(folder: Path, seconds: float, clients: int) -> tuple[LoadCount, list[str]]:
    """Stop a service under load; returns the count and the requests that got no answer."""
    scene = sqlite_scene(folder / "scene")
    with serving(scene.address, folder / "log") as server:
        wait_until_ready(server)
        sending = Clients(server.url, 1)
        stopped_at = asyncio.run(_stop_under_load(sending, server, clients, seconds))
        assert server.process.wait(timeout=60) == 0
    check_revisions(scene.address, sending.count)
    check_whole(scene.address)
    unanswered = [
        text
        for began, text in sending.count.broken
        if began < stopped_at - _ON_THE_WAY_SECONDS and "ConnectError" not in text
    ]
    return sending.count, [*unanswered, *sending.count.faults]


async def _stop_under_load(sending: Clients, server: Server, clients: int, seconds: float) -> float:
    load = asyncio.create_task(sending.run(clients, time.monotonic() + seconds + 2))
    await asyncio.sleep(seconds)
    server.process.terminate()
    stopped_at = time.monotonic()
    await load
    return stopped_at
