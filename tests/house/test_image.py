"""The program that carries out the Dockerfile's steps reads all of it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Generator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> Generator[ModuleType]:
    spec = importlib.util.spec_from_file_location("image_trial", ROOT / ".ci" / "image.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    yield module


def test_our_dockerfile_is_read(image: ModuleType) -> None:
    read = image.read_dockerfile(DOCKERFILE, {"FAISS": "gpu"})
    assert (read.release, read.user, read.folder) == ("bookworm", "flukeprint", "/app")
    assert [word for word, _ in read.steps] == ["RUN", "COPY", "RUN"]
    assert "make setup FAISS=$FAISS" in read.steps[-1][1]
    assert read.arguments == {"FAISS": "gpu"}
    assert read.environment["FLUKEPRINT_CATALOGUE"] == "/catalogue/catalogue.db"
    assert read.command == ["flukeprint", "serve"]
    assert read.health[:2] == ["python", "-c"]
    assert 'os.environ["FLUKEPRINT_PORT"]' in read.health[2]


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        ("FROM alpine\n", {}, "FROM alpine; a root can be made like python:3.11-slim-bookworm"),
        ("FROM python:3.12-slim-bookworm\n", {}, "FROM python:3.12-slim-bookworm"),
        ("ADD x /\n", {}, "ADD is no instruction"),
        ("ARG FAISS=cpu\n", {"CUDA": "12"}, "--build-arg ['CUDA']; the Dockerfile has ['FAISS']"),
    ],
)
def test_what_cannot_be_carried_out_is_said(
    image: ModuleType, text: str, given: dict[str, str], said: str
) -> None:
    with pytest.raises(ValueError) as refused:
        image.read_dockerfile(text, given)
    assert said in str(refused.value)


def test_files_come_along_as_the_ignore_file_says(image: ModuleType) -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8")
    let_in = [image.is_let_in(path, ignore) for path in ("doctor.py", "index/a.py", "tests/b.py")]
    assert let_in == [True, True, False]
