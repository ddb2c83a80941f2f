"""A light install: what only identifies, indexes, serves and explains never imports PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from demo.album import draw_album

ROOT = Path(__file__).resolve().parents[2]

# Blocks what a light install lacks, then runs what follows.
BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            *("torch", "torchvision", "timm", "onnx", "onnxscript", "onnxruntime"),
            *("matplotlib", "sklearn", "optuna", "tomli_w", "pytorch_metric_learning", "filelock"),
        }:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])

sys.meta_path.insert(0, Blocked())
"""
COMMAND = """
import flukeprint
flukeprint.main()
"""
SERVED = """
from pathlib import Path
from service.app import create_app
from service.serving.loading import load_serving
from service.settings import Settings
from tests.service.local_client import local_client

settings = Settings(catalogue=Path(sys.argv[1]), device="cpu")
with local_client(create_app(settings, lambda: load_serving(settings))) as client:
    while client.get("/readyz").status_code == 503:
        pass
    with open(sys.argv[2], "rb") as photo:
        answer = client.post("/v1/identify", files={"photos": photo})
print(answer.status_code, answer.json()["results"][0]["matches"][0]["individual"])
"""


def python(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script without PyTorch."""
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + script, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four drawn whales in a catalogue that was built without PyTorch, and a question."""
    folder = tmp_path_factory.mktemp("light") / "album"
    draw_album(folder, individuals=4, photos=3, queries=1, unknown=0, advance=lambda _: None)
    built = python(
        COMMAND,
        *("index", "build", "--catalogue", folder / "catalogue.db"),
        *("--csv", folder / "labels.csv", "--photos", folder / "photos"),
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_identify_needs_no_torch(album: Path) -> None:
    done = python(
        COMMAND,
        *("identify", album / "queries" / "question_01.jpg"),
        *("--catalogue", album / "catalogue.db"),
    )
    assert done.returncode == 0, done.stderr
    assert "question_01.jpg" in done.stdout


def test_a_service_needs_no_torch(album: Path) -> None:
    done = python(SERVED, album / "catalogue.db", album / "queries" / "question_01.jpg")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "200"


def test_explain_and_embed_need_no_torch(album: Path, tmp_path: Path) -> None:
    photos = sorted((album / "photos").iterdir())[:2]
    drawn = python(COMMAND, "explain", *photos, "--out", tmp_path / "why.png")
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")
    embedded = python(COMMAND, "embed", *photos, "--out", tmp_path / "vectors.npz")
    assert embedded.returncode == 0, embedded.stderr


def test_what_needs_torch_says_what_to_install(album: Path) -> None:
    asked = ("identify", album / "queries" / "question_01.jpg", "--runtime", "torch")
    done = python(COMMAND, *asked, "--catalogue", album / "catalogue.db")
    assert done.returncode == 2
    assert "torch isn't installed" in done.stderr and "flukeprint[torch]" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("train", "tiny", "--photos", "photos", "--csv", "labels.csv", "--out", "run"),
        ("evaluate", "--photos", "photos", "--csv", "labels.csv", "--out", "report"),
        ("combine", "a.safetensors", "b.safetensors", "--out", "both.safetensors"),
        ("model", "summary"),
        ("export", "--out", "graphs"),
        ("data", "explore", "labels.csv", "--photos", "photos", "--out", "facts"),
        ("data", "explore", "labels.csv", "--photos", "photos", "--out", "facts"),
    ],
)
def test_what_trains_says_what_to_install(album: Path, words: tuple[str, ...]) -> None:
    own = [str(album / word) if (album / word).exists() or "." in word else word for word in words]
    done = python(COMMAND, *own)
    assert done.returncode == 2, done.stderr
    assert "isn't installed" in done.stderr and "flukeprint[train]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (ROOT / "run").exists()
