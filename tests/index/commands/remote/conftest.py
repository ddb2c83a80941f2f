"""Commands that a service of tests/service answers, and photos to send."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from index.commands import index

ROOT = Path(__file__).resolve().parents[4]


def _service_tests() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "known_answers", ROOT / "tests" / "service" / "conftest.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


known_answers = _service_tests()
settings, photo, curated_url = (
    known_answers.settings,
    known_answers.photo,
    known_answers.curated_url,
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command; the environment has a catalogue and a checkpoint, which contradicts
    nothing.
    """
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", "elsewhere.db")
    monkeypatch.setenv("FLUKEPRINT_CHECKPOINT", "elsewhere.safetensors")
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    index.register(app)

    def _run(*arguments: object) -> Any:
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return _run


@pytest.fixture
def photos(tmp_path: Path, photo: Callable[..., bytes]) -> Path:
    """Photos at 31 and 91 degrees, and a text that calls itself a photo."""
    folder = tmp_path / "may"
    folder.mkdir()
    (folder / "a31.png").write_bytes(photo(31))
    (folder / "b91.png").write_bytes(photo(91))
    (folder / "notes.png").write_text("words")
    return folder
