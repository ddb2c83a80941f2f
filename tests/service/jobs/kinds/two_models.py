"""A service that can go over from one checkpoint to another."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastapi.testclient import TestClient

from embedding.checkpoint import CheckpointHeader, fingerprint_of, save_checkpoint
from embedding.photos.preprocessing import Preprocessing
from index.storage.address import CatalogueAddress
from tests.service.conftest import RedEmbedder, photo_of

ANGLES = {"w_0": (0, 3), "w_30": (30, 33), "w_90": (90, 93)}


class Turned(RedEmbedder):
    """Red says the angle, and the checkpoint by how much more it is turned: two checkpoints never
    agree.
    """

    def __init__(self, path: Path, turn_degrees: float) -> None:
        super().__init__()
        self.fingerprint = fingerprint_of(path)
        self._turn = np.radians(turn_degrees)

    def embed(self, images: Any, boxes: Any = None) -> np.ndarray:
        rows = super().embed(images, boxes)
        angles = np.arctan2(rows[:, 1], rows[:, 0]) + self._turn
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class TwoModels:
    """A service of two checkpoints; `held` keeps the second one from embedding until it is let
    go.
    """

    def __init__(
        self, client: TestClient, path: CatalogueAddress, old: Turned, new: Turned
    ) -> None:
        self.client, self.path, self.old, self.new = client, path, old, new

    def hold(self) -> tuple[threading.Event, threading.Event]:
        reached, released = threading.Event(), threading.Event()

        def wait() -> None:
            reached.set()
            assert released.wait(60)

        self.new.before_embedding = wait
        return reached, released

    def start(self, name: str = "new.safetensors") -> int:
        answer = self.client.post(
            "/v1/jobs", json={"kind": "upgrade", "parameters": {"checkpoint": name}}
        )
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def ended(self, job_id: int) -> dict[str, Any]:
        deadline = time.monotonic() + 120
        while (job := self.client.get(f"/v1/jobs/{job_id}").json())["state"] in (
            "queued",
            "running",
        ):
            assert time.monotonic() < deadline, job
            time.sleep(0.01)
        return job

    def identified(self, degrees: int) -> tuple[str, str, float]:
        """Who it is, by which checkpoint, and how far: 0 where query and vectors are of the same
        one.
        """
        answer = self.client.post("/v1/identify", files={"photos": ("q.png", photo_of(degrees))})
        assert answer.status_code == 200, answer.text
        match = answer.json()["results"][0]["matches"][0]
        return match["individual"], answer.json()["fingerprint"], match["distance"]


def checkpoint(folder: Path, name: str) -> Path:
    path = folder / f"{name}.safetensors"
    save_checkpoint(
        path, {"a": torch.zeros(1)}, CheckpointHeader({}, Preprocessing(8, 8), {"name": name})
    )
    return path
