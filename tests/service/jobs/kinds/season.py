"""A season of two whales, served with jobs; zips that are sent to it, and their jobs."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from tests.service.conftest import RedEmbedder, photo_of

Site = tuple[TestClient, Path, RedEmbedder]


def zipped(entries: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


LABELS = (
    b"image,label\nnew_30.png,w_30\nnew_31.png,w_30\nagain.png,w_0\nlost.png,w_5\nbad.png,w_0\n"
)


OFFERED = {
    "labels.csv": LABELS,
    "new_30.png": photo_of(30),
    "new_31.png": photo_of(31),
    "again.png": photo_of(0),
    "bad.png": b"torn",
    "notes.txt": b"seen at noon",
    "../out.png": photo_of(77),
}


def send_zip(
    client: TestClient, content: bytes, parameters: str = '{"duplicates": "keep-near"}', **more: Any
) -> Any:
    data = {"kind": "import", "parameters": parameters}
    return client.post("/v1/jobs", data=data, files={"archive": ("season.zip", content)}, **more)


def ended(client: TestClient, job_id: int) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    # A service that has just started takes up what was interrupted a moment later.
    while (job := client.get(f"/v1/jobs/{job_id}").json())["state"] in (
        "queued",
        "running",
        "interrupted",
    ):
        assert time.monotonic() < deadline, job
        time.sleep(0.01)
    return job


def carry_out(client: TestClient, dry_run: int) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json={"kind": "import", "parameters": {"dry_run": dry_run}})
    assert answer.status_code == 202, answer.text
    return ended(client, answer.json()["id"])


def report(client: TestClient, job_id: int, **query: Any) -> dict[str, tuple[str, str]]:
    page = client.get(f"/v1/jobs/{job_id}/report", params=query)
    assert page.status_code == 200, page.text
    return {row["photo"]: (row["status"], row["reason"]) for row in page.json()["rows"]}
