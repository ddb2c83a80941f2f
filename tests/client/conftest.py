"""The service of tests/service with its known answers, and clients that ask it over a real
socket.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from client import Client


def _service_tests() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "service" / "conftest.py"
    spec = importlib.util.spec_from_file_location("known_answers", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


known_answers = _service_tests()
settings = known_answers.settings
photo = known_answers.photo
curated_url = known_answers.curated_url


@pytest.fixture
def keyed_url(settings: Any, tmp_path: Path) -> Generator[str]:
    """Where the curated whales are served with a place for keys, of which there is none yet."""
    app, _, _ = known_answers.curated_app(settings, tmp_path / "curated", has_keys=True)
    with known_answers.served(app) as url:
        yield url


@pytest.fixture
def client(curated_url: str) -> Generator[Client]:
    """A client of the curated whales: w_0 at 0 and 3 degrees, w_30, w_90, two unknown photos at 200
    and 201.
    """
    with Client(curated_url) as client:
        yield client
