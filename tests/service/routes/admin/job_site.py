"""Jobs over HTTP: how tests send and await them."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

Restart = Callable[..., Any]


class Hold:
    """Keeps the network from going on until it is let go."""

    def __init__(self, embedder: Any) -> None:
        self.reached, self.released = threading.Event(), threading.Event()
        self._embedder = embedder
        embedder.before_embedding = self._wait

    def _wait(self) -> None:
        self.reached.set()
        assert self.released.wait(60)

    def release(self) -> None:
        self._embedder.before_embedding = lambda: None
        self.released.set()


def identify(client: TestClient, **parameters: Any) -> Any:
    return client.post(
        "/v1/jobs", json={"kind": "identify", "parameters": {"folder": "may", **parameters}}
    )


def zipped(**entries: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


def until(client: TestClient, job_id: int, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while (job := client.get(f"/v1/jobs/{job_id}").json())["state"] not in states:
        assert time.monotonic() < deadline, job
    return job
