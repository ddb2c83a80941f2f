"""Mutated uploads: an answer or a problem, never a 5xx, a hang, or a file where none belongs."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from service.settings import Settings
from tests.faults import corpus
from tests.service.conftest import curated_app
from tests.service.local_client import local_client

# Of processor time, service and client together: seconds on a clock depend on who else computes.
MOST_SECONDS = 5.0
HANGING_SECONDS = 60.0
# Where a service may write, beside its catalogue.
_OWN = (".media", ".jobs", ".serving", ".thumbnails", ".embedded")


@dataclass
class UploadCount:
    """What uploads were answered with, and the most processor seconds that one took."""

    answers: Counter[str] = field(default_factory=Counter[str])
    jobs: Counter[str] = field(default_factory=Counter[str])
    slowest_seconds: float = 0.0
    faults: list[str] = field(default_factory=list[str])

    @property
    def sent(self) -> int:
        """How many uploads were sent."""
        return self.answers.total()


class UploadHarness:
    """Sends a service one upload after the other; `folder` lies around its catalogue."""

    def __init__(self, folder: Path, client: TestClient, seed: int) -> None:
        self._folder = folder
        self._client = client
        self._client.timeout = HANGING_SECONDS
        self._rng = random.Random(seed)
        self._photos = list(corpus.photos().items())
        self._archives = list(corpus.archives().items())
        self.count = UploadCount()

    def trial(self) -> None:
        """Send one photo or archive; what is wrong with the answer goes into `count.faults`."""
        state = self._rng.getstate()
        began = time.process_time()
        name, response = self._send_archive() if self._rng.random() < 0.15 else self._send_photo()
        seconds = time.process_time() - began
        self.count.slowest_seconds = max(self.count.slowest_seconds, seconds)
        self.count.answers[f"{response.status_code // 100}xx"] += 1
        fault = _fault(response, seconds)
        if fault:
            number = self.count.sent - 1
            self.count.faults.append(f"upload {number} ({name}): {fault}; {hash(state)}")

    def check_files(self) -> None:
        """Note every file that lies where the service has nothing to write."""
        home = self._folder / "a" / "b" / "home"
        for path in self._folder.rglob("*"):
            is_own = home in path.parents and (
                path.parent == home or path.relative_to(home).parts[0].endswith(_OWN)
            )
            if path.is_symlink() or (path.is_file() and not is_own):
                self.count.faults.append(f"{path} lies outside")
        outside = [path for path in home.iterdir() if "outside" in path.name]
        self.count.faults += [f"{path} lies outside the media folder" for path in outside]

    def _mutated(self, pairs: list[tuple[str, bytes]]) -> tuple[str, bytes]:
        name, data = self._rng.choice(pairs)
        _, other = self._rng.choice(pairs)
        return name, corpus.mutated(data, self._rng, other)

    def _send_photo(self) -> tuple[str, Response]:
        kind, data = self._mutated(self._photos)
        route = self._rng.choice(("identify", "identify", "queue", "embed", "verify"))
        files: list[tuple[str, Any]] = [("photos", (self._rng.choice(corpus.NAMES), data))]
        if self._rng.random() < 0.2:
            more = self._mutated(self._photos)[1]
            files.append(("photos", (self._rng.choice(corpus.NAMES), more)))
        form = {"individual": "w_0"} if route == "verify" else {}
        if self._rng.random() < 0.05:
            body = corpus.mutated(_body(files), self._rng, data)
            sent = self._client.post(
                f"/v1/{route}",
                content=body,
                headers={"Content-Type": "multipart/form-data; boundary=limit"},
            )
            return f"body of {kind}", sent
        return f"{route} {kind}", self._client.post(f"/v1/{route}", files=files, data=form)

    def _send_archive(self) -> tuple[str, Response]:
        kind, data = self._mutated(self._archives)
        job = self._rng.choice(("import", "import", "identify"))
        response = self._client.post(
            "/v1/jobs", data={"kind": job}, files={"archive": ("season.zip", data)}
        )
        if response.status_code == 202:
            response = self._follow(response, is_imported=job == "import")
        return f"{job} of {kind}", response

    def _follow(self, response: Response, *, is_imported: bool) -> Response:
        """Wait for a job's end; an import whose dry run succeeded is carried out."""
        ended = _wait(self._client, response.json()["id"])
        self.count.jobs[ended.json()["state"]] += 1
        if is_imported and ended.json()["state"] == "succeeded" and self._rng.random() < 0.5:
            asked = {"kind": "import", "parameters": {"dry_run": ended.json()["id"]}}
            second = self._client.post("/v1/jobs", json=asked)
            if second.status_code == 202:
                ended = _wait(self._client, second.json()["id"])
                self.count.jobs[ended.json()["state"]] += 1
        return ended


def _body(files: list[tuple[str, Any]]) -> bytes:
    parts = [
        f'--limit\r\nContent-Disposition: form-data; name="{field}"; filename="x.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + data
        + b"\r\n"
        for field, (_, data) in files
    ]
    return b"".join(parts) + b"--limit--\r\n"


def _wait(client: TestClient, job_id: int) -> Response:
    until = time.monotonic() + HANGING_SECONDS
    while time.monotonic() < until:
        response = client.get(f"/v1/jobs/{job_id}")
        if response.json().get("state") not in ("queued", "running"):
            return response
        time.sleep(0.002)
    return response


def _fault(response: Response, seconds: float) -> str:
    """What is wrong with an answer; empty where nothing is."""
    kind = response.headers.get("content-type", "")
    if response.status_code >= 500:
        return f"{response.status_code}: {response.text[:300]}"
    if response.status_code >= 400 and kind != "application/problem+json":
        return f"{response.status_code} without a problem: {kind}"
    if seconds > MOST_SECONDS:
        return f"took {seconds:.1f} s of processor time"
    job: Any = response.json() if response.status_code == 200 else {}
    if job.get("state") == "failed" and "a fault of ours" in str(job.get("reason")):
        return f"the job failed unexpectedly: {job}"
    if job.get("state") in ("queued", "running"):
        return f"the job hangs: {job}"
    return ""


def run_uploads(
    folder: Path, count: int, seed: int, *, deadline: float = float("inf")
) -> UploadCount:
    """Send a fresh service `count` uploads, or as many as it takes in until a deadline."""
    (folder / "a" / "b").mkdir(parents=True)
    settings = Settings(requests_per_minute=0)
    app, _, _ = curated_app(settings, folder / "a" / "b" / "home")
    with local_client(app, raise_server_exceptions=False) as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.01)
        harness = UploadHarness(folder, client, seed)
        while harness.count.sent < count and time.monotonic() < deadline:
            harness.trial()
            if harness.count.sent % 1000 == 0:
                print(f"{harness.count.sent} sent: {dict(harness.count.answers)}", flush=True)
        harness.check_files()
        assert client.get("/readyz").status_code == 200
    return harness.count
