"""The commands, run with an embedder that needs no network."""

from __future__ import annotations

import hashlib
import sys
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from embedding.errors import FlukeprintError
from index.commands import index


@pytest.fixture
def checkpoints(tmp_path, monkeypatch, make_embedder):
    """Two checkpoint files, and an Embedder.load that knows their fingerprints; no torch."""
    for name in ("old", "new"):
        (tmp_path / f"{name}.safetensors").write_text(name)

    def load(path):
        return make_embedder(hashlib.sha256(path.read_bytes()).hexdigest())

    monkeypatch.setitem(
        sys.modules, "embedding.embedder", SimpleNamespace(Embedder=SimpleNamespace(load=load))
    )
    monkeypatch.setenv("FLUKEPRINT_CHECKPOINT", str(tmp_path / "old.safetensors"))
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", str(tmp_path / "c.db"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def run(checkpoints):
    app = typer.Typer()
    index.register(app)

    def _run(*arguments: object):
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        if isinstance(result.exception, FlukeprintError):
            raise result.exception  # what main() prints
        return result

    return _run


@pytest.fixture
def built(run, season):
    season.labels()
    assert run("index", "build", "--csv", season.csv).exit_code == 0
    return season
