"""Many clients at once against a real server: what each was answered, and whether it is true."""

from __future__ import annotations

import asyncio
import io
import itertools
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from PIL import Image

from index.catalogue.catalogue import Catalogue
from index.curation.past_revision import past_catalogue
from index.identification.identifier import Identifier
from index.storage.address import CatalogueAddress
from tests.faults.scene import embedder

_DELIBERATE = (429, 503)


@dataclass
class LoadCount:
    """What clients were answered: seconds by what they did, statuses, and answers to check.

    `broken`: when a request that got no answer was sent, and why it got none.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[int] = field(default_factory=Counter[int])
    faults: list[str] = field(default_factory=list[str])
    identified: list[tuple[int, dict[str, Any]]] = field(default_factory=list[Any])
    revisions: dict[int, str] = field(default_factory=dict[int, str])
    checked: int = 0
    broken: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def percentile(self, share: float, kind: str | None = None) -> float:
        """The milliseconds within which a share of the answers came."""
        kinds = [kind] if kind else list(self.seconds)
        return float(np.quantile([s for one in kinds for s in self.seconds[one]], share)) * 1000


def photo(seed: int) -> bytes:
    """The picture of a seed as a PNG, which no other seed's resembles."""
    cells = np.random.default_rng(seed).integers(0, 256, (2, 4, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(cells).resize((32, 16), Image.Resampling.NEAREST).save(data, "PNG")
    return data.getvalue()


class Clients:
    """`count` clients of one service, each doing one thing after the other until a time."""

    def __init__(self, url: str, seed: int, *, writes: bool = True) -> None:
        self._url = url
        self._seed = seed
        self._writes = writes
        self._numbers = itertools.count(10_000 * seed + 1000)
        self.count = LoadCount()

    async def run(self, count: int, until: float, requests: int | None = None) -> None:
        """Send from `count` clients until a time, or until each has sent `requests`."""
        limits = httpx.Limits(max_connections=count, max_keepalive_connections=count)
        async with httpx.AsyncClient(
            base_url=self._url, limits=limits, timeout=60, trust_env=False
        ) as client:
            await asyncio.gather(
                *(self._one(client, number, until, requests) for number in range(count))
            )

    async def _one(
        self, client: httpx.AsyncClient, number: int, until: float, requests: int | None
    ) -> None:
        rng = random.Random(self._seed * 1000 + number)
        waiting: list[str] = []
        sent = itertools.count()
        while time.monotonic() < until and (requests is None or next(sent) < requests):
            await self._step(client, rng, waiting)

    async def _step(
        self, client: httpx.AsyncClient, rng: random.Random, waiting: list[str]
    ) -> None:
        chance = rng.random() if self._writes else rng.random() * 0.8
        if chance < 0.55:
            seed = rng.choice((0, 1, 10, 11, 20, 31, 900, 901, 902))
            answer = await self._send(client, "identify", "POST", "/v1/identify", seed=seed)
            if answer is not None:
                self.count.identified.append((seed, answer))
        elif chance < 0.8:
            path = rng.choice(("/v1/queue", "/v1/individuals", "/v1/changes", "/readyz"))
            await self._send(client, "list", "GET", path)
        elif chance < 0.9 or not waiting:
            answer = await self._send(
                client, "enrol", "POST", "/v1/queue", seed=next(self._numbers)
            )
            if answer is not None and answer["event"]:
                self._note(answer["event"])
                waiting += [card["name"] for card in answer["photos"]]
        elif chance < 0.98:
            path = f"/v1/queue/{waiting.pop()}/confirm"
            body = {"individual": f"n_{next(self._numbers)}"}
            await self._act(client, "confirm", path, body)
        else:
            await self._merge(client, rng)

    async def _merge(self, client: httpx.AsyncClient, rng: random.Random) -> None:
        listed = await self._send(client, "list", "GET", "/v1/individuals?search=n_&limit=50")
        names = [one["name"] for one in listed["individuals"]] if listed else []
        if len(names) >= 2:
            source, into = rng.sample(names, 2)
            await self._act(client, "merge", f"/v1/individuals/{source}/merge", {"into": into})

    async def _act(
        self, client: httpx.AsyncClient, kind: str, path: str, body: dict[str, Any]
    ) -> None:
        event = await self._send(client, kind, "POST", path, body=body)
        if event is not None:
            self._note(event)

    def _note(self, event: dict[str, Any]) -> None:
        if event["revision"] in self.count.revisions:
            self.count.faults.append(f"revision {event['revision']} was given twice")
        self.count.revisions[event["revision"]] = event["kind"]

    async def _send(
        self,
        client: httpx.AsyncClient,
        kind: str,
        method: str,
        path: str,
        *,
        seed: int | None = None,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """Send one request; gives its answer, or None for a problem, which is counted."""
        files = None if seed is None else [("photos", (f"{seed}.png", photo(seed)))]
        began = time.monotonic()
        try:
            response = await client.request(method, path, files=files, json=body)
        except httpx.HTTPError as error:
            self.count.broken.append((began, f"{kind}: {type(error).__name__} {error}"))
            await asyncio.sleep(0.05)
            return None
        self.count.seconds[kind].append(time.monotonic() - began)
        self.count.statuses[response.status_code] += 1
        if response.status_code >= 500 and response.status_code not in _DELIBERATE:
            self.count.faults.append(f"{kind}: {response.status_code} {response.text[:300]}")
        return response.json() if response.status_code in (200, 201) else None


def check_answers(catalogue: CatalogueAddress, count: LoadCount, most_revisions: int = 40) -> int:
    """Check each answer against the revision that it names; returns how many were checked.

    Going back to a revision takes a while, so answers of so many revisions are checked, spread over
    all of them. What is wrong goes into `count.faults`.
    """
    by_revision: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for seed, answer in count.identified:
        by_revision[answer["catalogue_revision"]].append((seed, answer))
    numbers = sorted(by_revision)
    step = max(1, len(numbers) // most_revisions)
    checked = 0
    with Catalogue.open(catalogue) as opened:
        for revision in numbers[::step]:
            past = past_catalogue(opened, revision)
            model = embedder()
            identifier = Identifier(model, past.gallery, past.calibration, past.species)
            for seed, answer in by_revision[revision]:
                image = Image.open(io.BytesIO(photo(seed))).convert("RGB")
                expected = identifier.identify([image])[0]
                result = answer["results"][0]
                found = [(one["individual"], one["photo"]) for one in result["matches"]]
                needed = [(one.individual, one.photo) for one in expected.matches]
                if found != needed:
                    count.faults.append(f"revision {revision}: {found} and not {needed}")
                if _contradicts_itself(result):
                    count.faults.append(f"revision {revision}: {result} contradicts itself")
                checked += 1
    return checked


def _contradicts_itself(result: dict[str, Any]) -> bool:
    """Whether a decision is another than its own distance and thresholds allow.

    A calibration follows the photos a moment later, so an answer may be by the one before.
    """
    distance, thresholds = result["matches"][0]["distance"], result["thresholds"]
    allowed = {"known", "review"} if distance <= thresholds["known"] else {"review"}
    return result["decision"] not in (
        {"new_whale"} if distance > thresholds["new_whale"] else allowed
    )


def check_revisions(catalogue: CatalogueAddress, count: LoadCount) -> None:
    """Assert that every acknowledged event is in the log, as what it was acknowledged."""
    with Catalogue.open(catalogue) as opened:
        kinds = {each.revision: each.kind for each in opened.history(limit=10**6)}
    for revision, kind in count.revisions.items():
        if kinds.get(revision) != kind:
            count.faults.append(f"revision {revision}: {kinds.get(revision)} and not {kind}")
