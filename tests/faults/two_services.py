"""Two services and a command line change one catalogue at once: nothing is lost."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from index.catalogue.catalogue import Catalogue
from tests.faults.load import Clients, LoadCount, check_answers, check_revisions
from tests.faults.scene import Scene, check_whole, draw, sqlite_scene
from tests.faults.served import Server, serving, start

_LOCKED = "database is locked"


@dataclass
class SharedCount:
    """What each of the two services answered, and what the command line made."""

    services: list[LoadCount] = field(default_factory=list[LoadCount])
    updates: int = 0
    revisions: dict[int, str] = field(default_factory=dict[int, str])
    checked: int = 0
    faults: list[str] = field(default_factory=list[str])


def wait_until_ready(server: Server) -> None:
    """Wait until a service answers that it is ready."""
    while httpx.get(f"{server.url}/readyz", trust_env=False, timeout=60).status_code != 200:
        time.sleep(0.05)


def run_two_services(folder: Path, seconds: float, clients: int = 4) -> SharedCount:
    """Let two services and repeated `index update`s change one catalogue for so many seconds."""
    scene = sqlite_scene(folder / "scene")
    count = SharedCount()
    logs = [folder / "first.log", folder / "second.log"]
    with serving(scene.address, logs[0]) as first, serving(scene.address, logs[1]) as second:
        for server in (first, second):
            wait_until_ready(server)
        until = time.monotonic() + seconds
        updating = threading.Thread(target=_update_until, args=(scene, until, count))
        updating.start()
        both = [Clients(first.url, 1), Clients(second.url, 2)]
        asyncio.run(_run_both(both, clients, until))
        updating.join()
        count.services = [each.count for each in both]
        for server in (first, second):
            if server.stop() != 0:
                count.faults.append(f"a service ended with {server.process.returncode}")
    _check(scene, count, logs)
    return count


async def _run_both(both: list[Clients], clients: int, until: float) -> None:
    await asyncio.gather(*(each.run(clients, until) for each in both))


def _update_until(scene: Scene, until: float, count: SharedCount) -> None:
    """Run `flukeprint index update` again and again, each time with one photo more."""
    folder = scene.folder / "fieldwork"
    while time.monotonic() < until:
        number = count.updates
        draw(folder / f"u_{number % 5}" / f"update_{number}.png", 50_000 + number)
        words = ("--photos", str(folder), "--catalogue", str(scene.address), "--json")
        process = start("index", "update", *words)
        text, _ = process.communicate(timeout=600)
        count.updates += 1
        if process.returncode != 0 or _LOCKED in text:
            count.faults.append(f"index update ended with {process.returncode}: {text[-300:]}")
            continue
        count.revisions[_report(text)["revision"]] = "update"


def _report(text: str) -> dict[str, int]:
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


def _check(scene: Scene, count: SharedCount, logs: list[Path]) -> None:
    everything = LoadCount(revisions=dict(count.revisions))
    for one in count.services:
        count.faults += one.faults + [text for _, text in one.broken]
        twice = everything.revisions.keys() & one.revisions.keys()
        count.faults += [f"revision {number} was acknowledged twice" for number in twice]
        everything.revisions |= one.revisions
        everything.identified += one.identified
    check_revisions(scene.address, everything)
    count.checked = check_answers(scene.address, everything)
    count.faults += everything.faults
    with Catalogue.open(scene.address) as catalogue:
        made = catalogue.revision - 2  # two were there before
    if made != len(everything.revisions):
        count.faults.append(f"{made} revisions were made, {len(everything.revisions)} acknowledged")
    for log in logs:
        text = log.read_text()
        count.faults += [f"{log.name}: {word}" for word in (_LOCKED, "Traceback") if word in text]
    check_whole(scene.address)
