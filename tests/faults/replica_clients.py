"""Clients of several services at once: each request goes to any, and is sent again where one dies.

What is acknowledged is noted, and how old each answer is.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import random
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.load import LoadCount, photo

ACTS_OLD_SECONDS = 1.0
"""No answer may be of a revision after which another one was acknowledged so long before."""
_GIVE_UP_SECONDS = 120.0
_JOB_PHOTOS = 3


@dataclass
class ReplicaCount(LoadCount):
    """What the clients were answered, beside `LoadCount`'s.

    `ages`: how long before each request a later revision than its answer's was acknowledged.
    `unknown`: acts whose service died, and of which the next one can't say whether they were done.
    """

    ages: list[float] = field(default_factory=list[float])
    acts: Counter[str] = field(default_factory=Counter[str])
    unknown: list[str] = field(default_factory=list[str])
    jobs: Counter[str] = field(default_factory=Counter[str])


def zipped_photos(seeds: Sequence[int]) -> bytes:
    """A zip of the pictures of some seeds."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for seed in seeds:
            archive.writestr(f"{seed}.png", photo(seed))
    return data.getvalue()


class ReplicaClients:
    """Clients of the services at `urls`, each doing one thing after the other until a time."""

    def __init__(self, urls: Sequence[str], seed: int) -> None:
        self._urls = urls
        self._seed = seed
        self._numbers = itertools.count(1000)
        self._acknowledged: list[tuple[float, int]] = []
        self.count = ReplicaCount()

    async def run(self, count: int, until: float) -> None:
        """Send from `count` clients until a time."""
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            await asyncio.gather(
                *(_OneClient(self, client, number).run(until) for number in range(count))
            )

    def next_number(self) -> int:
        """A number that no other act has."""
        return next(self._numbers)

    def rng_of(self, number: int) -> random.Random:
        """The randomness of one client."""
        return random.Random(1000 * self._seed + number)

    def url(self, rng: random.Random, other_than: str | None = None) -> str:
        """Any service, but for one that has just failed."""
        return rng.choice([one for one in self._urls if one != other_than])

    def acknowledge(self, event: dict[str, Any]) -> None:
        """Note an act that a service has said it did."""
        number = event["revision"]
        if number in self.count.revisions:
            self.count.faults.append(f"revision {number} was acknowledged twice")
        self.count.revisions[number] = event["kind"]
        self.count.acts[event["kind"]] += 1
        self._acknowledged.append((time.monotonic(), number))

    def note_age(self, what: str, revision: int, asked_at: float) -> None:
        """Note how old an answer of a revision is to a request that was sent at `asked_at`."""
        age = 0.0
        for at, number in reversed(self._acknowledged):
            if number <= revision and at < asked_at - 10:
                break
            if number > revision and at < asked_at:
                age = asked_at - at
        self.count.ages.append(age)
        if age > ACTS_OLD_SECONDS:
            self.count.faults.append(f"{what}: revision {revision} was {age:.2f} s old")


class _OneClient:
    def __init__(self, clients: ReplicaClients, http: httpx.AsyncClient, number: int) -> None:
        self._clients, self._http = clients, http
        self._count = clients.count
        self._rng = clients.rng_of(number)
        self._seeds = [0, 1, 10, 11, 20, 31, 900, 901]
        self._waiting: list[str] = []
        self._own: list[str] = []
        self._last: int | None = None
        self._until = 0.0

    async def run(self, until: float) -> None:
        ways = (
            (self._identify, 40),
            (self._list, 15),
            (self._enrol, 15),
            (self._confirm, 15),
            (self._rename, 6),
            (self._merge, 3),
            (self._undo, 3),
            (self._job, 3),
        )
        does, weights = zip(*ways, strict=True)
        self._until = until
        while time.monotonic() < until:
            (do,) = self._rng.choices(does, weights)
            await do()

    async def _identify(self) -> None:
        seed, asked_at = self._rng.choice(self._seeds), time.monotonic()
        answer = await self._read("identify", "POST", "/v1/identify", seed=seed)
        if answer is not None:
            self._count.identified.append((seed, answer))
            self._clients.note_age("identify", answer["catalogue_revision"], asked_at)

    async def _list(self) -> None:
        asked_at = time.monotonic()
        path = self._rng.choice(("/v1/queue/encounters", "/v1/stats", "/v1/individuals"))
        answer = await self._read("list", "GET", path)
        if answer is None or path == "/v1/individuals":
            return
        revision = answer["revision"] if "revision" in answer else answer["catalogue_revision"]
        self._clients.note_age(path, revision, asked_at)

    async def _enrol(self) -> None:
        seed = self._clients.next_number()
        answer = await self._act("/v1/queue", seed=seed)
        if answer is not None:
            self._waiting += [card["name"] for card in answer["photos"]]
            self._seeds.append(seed)

    async def _confirm(self) -> None:
        if self._waiting:
            name, whose = self._waiting.pop(), f"n_{self._clients.next_number()}"
            if await self._act(f"/v1/queue/{name}/confirm", {"individual": whose}) is not None:
                self._own.append(whose)
                await self._expect_known(whose)

    async def _rename(self) -> None:
        if self._own:
            before, new = self._own.pop(), f"n_{self._clients.next_number()}"
            if await self._act(f"/v1/individuals/{before}/rename", {"new": new}) is not None:
                self._own.append(new)
                await self._expect_known(new)

    async def _merge(self) -> None:
        if len(self._own) > 1:
            source, into = self._own.pop(0), self._own[0]
            await self._act(f"/v1/individuals/{source}/merge", {"into": into})

    async def _undo(self) -> None:
        if self._last is not None:
            revision, self._last = self._last, None
            # What it made may be gone then: these are not acted on any more.
            self._own, self._waiting = [], []
            await self._act(f"/v1/changes/{revision}/undo")

    async def _expect_known(self, name: str) -> None:
        """Ask any service for an individual that was acknowledged a moment ago."""
        url = self._clients.url(self._rng)
        try:
            response = await self._http.get(f"{url}/v1/individuals/{name}")
        except httpx.HTTPError:
            return
        if response.status_code == 404:
            self._count.faults.append(f"{name} was acknowledged, and {url} doesn't know it")

    async def _job(self) -> None:
        seeds = [self._rng.randrange(10**6) for _ in range(_JOB_PHOTOS)]
        files = {"archive": ("a.zip", zipped_photos(seeds))}
        job = await self._act("/v1/jobs", form={"kind": "identify"}, files=files)
        deadline = time.monotonic() + _GIVE_UP_SECONDS
        while job is not None and job["state"] not in ("succeeded", "failed", "cancelled"):
            if time.monotonic() > deadline:
                self._count.faults.append(f"job {job['id']} is {job['state']} for ever")
                return
            await asyncio.sleep(0.2)
            job = await self._read("job", "GET", f"/v1/jobs/{job['id']}") or job
        if job is None:
            return
        self._count.jobs[job["state"]] += 1
        if job["state"] != "succeeded":
            self._count.faults.append(f"job {job['id']}: {job['state']}, {job['reason']}")
            return
        result = await self._read("result", "GET", f"/v1/jobs/{job['id']}/result", is_text=True)
        if result is not None and len(result["text"].splitlines()) != 1 + _JOB_PHOTOS:
            self._count.faults.append(f"job {job['id']}: another result, {result['text']!r}")

    async def _act(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        seed: int | None = None,
        form: dict[str, str] | None = None,
        files: dict[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """Have an act done by any service, again by another where one died; None: not done."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if seed is not None:
            files = {"photos": (f"{seed}.png", photo(seed))}
        url, was_cut, began = self._clients.url(self._rng), False, time.monotonic()
        while time.monotonic() - began < _GIVE_UP_SECONDS:
            asked_at = time.monotonic()
            try:
                response = await self._http.post(
                    url + path, json=body, data=form, files=files, headers=headers
                )
            except httpx.ConnectError:  # nobody is there
                url = self._clients.url(self._rng, url)
                await asyncio.sleep(0.05)
                continue
            except httpx.HTTPError:
                was_cut = True
                url = self._clients.url(self._rng, url)
                continue
            self._note(f"act {path.rpartition('/')[2]}", response, asked_at)
            is_held = "in-progress" in response.text[:200]  # by a service that died
            if is_held and time.monotonic() > self._until:
                self._count.unknown.append(path)
                return None
            if response.status_code == 503 or is_held:
                url = self._clients.url(self._rng)
                await asyncio.sleep(0.3)
                continue
            return self._done(path, response, was_cut=was_cut)
        self._count.faults.append(f"{path}: nobody did it within {_GIVE_UP_SECONDS:.0f} s")
        return None

    def _done(self, path: str, response: httpx.Response, *, was_cut: bool) -> dict[str, Any] | None:
        if response.status_code >= 300:
            if was_cut:
                self._count.unknown.append(path)
            return None
        answer: dict[str, Any] = response.json()
        event = answer.get("event", answer)
        if event is None:  # every photo was known: of a try whose service died
            self._count.unknown.append(path)
        elif "revision" in event:
            self._clients.acknowledge(event)
            self._last = event["revision"]
        return answer

    async def _read(
        self, what: str, method: str, path: str, *, seed: int | None = None, is_text: bool = False
    ) -> dict[str, Any] | None:
        """Ask any service; None where it is not there just now."""
        files = None if seed is None else {"photos": (f"{seed}.png", photo(seed))}
        began = time.monotonic()
        try:
            url = self._clients.url(self._rng) + path
            response = await self._http.request(method, url, files=files)
        except httpx.HTTPError as error:
            self._count.broken.append((began, f"{what}: {type(error).__name__}"))
            await asyncio.sleep(0.05)
            return None
        self._note(what, response, began)
        if response.status_code == 503:
            await asyncio.sleep(0.05)
        if response.status_code != 200:
            return None
        return {"text": response.text} if is_text else response.json()

    def _note(self, what: str, response: httpx.Response, began: float) -> None:
        self._count.seconds[what].append(time.monotonic() - began)
        self._count.statuses[response.status_code] += 1
        if response.status_code >= 500 and response.status_code != 503:
            self._count.faults.append(f"{what}: {response.status_code} {response.text[:300]}")
