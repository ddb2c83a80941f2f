"""The application as a whole: what importing it costs, how loading ends, what is left when it
stops.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from embedding.errors import FlukeprintError
from service.app import create_app
from service.settings import Settings
from tests.service.local_client import local_client

_IMPORT_WITH_TRAINING_BLOCKED = """
import os, sys, threading

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "pytorch_metric_learning", "matplotlib", "tensorboard", "sklearn", "training"
        }:
            raise ImportError(f"{name} belongs to training")

sys.meta_path.insert(0, Blocked())
os.environ["FLUKEPRINT_PORT"] = "not a number"  # an import that read the environment would fail
import service.app, service.server, service.commands
assert "torch" not in sys.modules, "torch is for the loading"
assert threading.active_count() == 1, threading.enumerate()
"""


def test_importing_does_nothing_and_needs_nothing_of_training() -> None:
    subprocess.run([sys.executable, "-c", _IMPORT_WITH_TRAINING_BLOCKED], check=True, timeout=120)


def test_making_an_application_starts_nothing(settings: Settings) -> None:
    before = set(threading.enumerate())  # threads of earlier tests may end meanwhile
    create_app(settings, lambda: 1 / 0)
    assert set(threading.enumerate()) <= before


def test_a_failed_load_is_told_and_leaves_the_service_unready(
    settings: Settings, problem: Callable[..., Any]
) -> None:
    outcomes: list[object] = []
    failed = threading.Event()

    def load() -> Any:
        raise FlukeprintError("the catalogue is gone")

    def on_loaded(outcome: object) -> None:
        outcomes.append(outcome)
        failed.set()

    with local_client(create_app(settings, load, on_loaded=on_loaded)) as client:
        assert failed.wait(30)
        problem(client.get("/readyz"), 503, "not-ready")
    assert str(outcomes[0]) == "the catalogue is gone"


def test_no_thread_of_ours_is_left_after_stopping(
    serve: Callable[..., Any], photo: Callable[..., bytes]
) -> None:
    with serve() as client:
        client.post("/v1/identify", files=[("photos", ("a.png", photo(0)))])
        assert {"inference", "decode_0"} <= {thread.name for thread in threading.enumerate()}
    assert not {thread.name for thread in threading.enumerate()} & {"inference", "decode_0"}
