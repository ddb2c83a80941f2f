"""`flukeprint catalogue import`, killed at its worst moments: the same command goes on as if
nothing had been.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from index.catalogue.catalogue import Catalogue
from index.commands import catalogue
from index.exchange.backup.verify import verify_catalogue
from index.reindex.build import build_catalogue

ROOT = Path(__file__).resolve().parents[4]
PHOTOS = 14
# The real command, but for the network. Four photos are a batch; `moment` says at what to die.
IMPORTING = """
import os, signal, sys
from types import SimpleNamespace
import index.photos.embed, index.storage.originals, index.reindex.preparation
from flukeprint import main
from index.catalogue.revision import Revision
from tests.index.conftest import ColourEmbedder

moment, *arguments = sys.argv[1:]
index.photos.embed.BATCH_PHOTOS = index.reindex.preparation.BATCH_PHOTOS = 4
counts = {"copy": 0, "embed": 0}

def reach(now, number):
    if moment == f"{now} {number}":
        os.kill(os.getpid(), signal.SIGKILL)

class Counting(ColourEmbedder):
    def embed(self, images, boxes=None):
        counts["embed"] += 1
        reach("embed", counts["embed"])
        return super().embed(images, boxes)

fsync, finish = os.fsync, Revision.finish

def copying(descriptor):
    name = os.readlink(f"/proc/self/fd/{descriptor}")
    if ".db.media/" in name:
        counts["copy"] += 1
        reach("copy", counts["copy"])
    fsync(descriptor)

def finishing(self, *given, **more):
    finish(self, *given, **more)
    self.session.flush()
    reach("commit", 1)

index.storage.originals.os.fsync = copying
Revision.finish = finishing
stub = SimpleNamespace(load=lambda checkpoint: Counting())
sys.modules["embedding.embedder"] = SimpleNamespace(Embedder=stub)
sys.argv = ["flukeprint", *arguments]
main()
"""


@pytest.fixture
def source(tmp_path: Path, make_season: Any, draw_pattern: Callable[..., bytes]) -> Path:
    """A zip of photos of five animals, with their labels."""
    season = make_season(tmp_path / "season")
    for number in range(PHOTOS):
        draw_pattern(season.folder / f"{number:02}.jpg", 700 + number)
        season.rows[f"{number:02}.jpg"] = {
            "label": f"w_{number // 3}",
            "encounter": f"e{number // 3}",
        }
    season.labels()
    return Path(shutil.make_archive(str(tmp_path / "season"), "zip", season.folder))


@pytest.fixture
def into(
    tmp_path: Path, make_season: Any, draw_pattern: Callable[..., bytes], embedder: Any
) -> Callable[..., Path]:
    """A catalogue of the name in a folder of its own: not there yet, or with three photos of
    another season.
    """

    def _into(name: str, *, is_there: bool) -> Path:
        path = tmp_path / name / "catalogue.db"
        path.parent.mkdir()
        if is_there:
            season = make_season(tmp_path / "first season")
            for take in range(3):
                draw_pattern(season.folder / f"first_{take}.jpg", 600 + take)
                season.rows[f"first_{take}.jpg"] = {"label": "w_first"}
            build_catalogue(path, season.labels(), embedder)
        return path

    return _into


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, embedder: Any) -> Callable[..., dict[str, Any]]:
    """The same command, undisturbed; what it says."""
    app = typer.Typer()
    catalogue.register(app)
    loads = SimpleNamespace(load=lambda checkpoint: embedder)
    monkeypatch.setitem(sys.modules, "embedding.embedder", SimpleNamespace(Embedder=loads))

    def _command(source: Path, path: Path) -> dict[str, Any]:
        result = CliRunner().invoke(app, words(source, path))
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) | {"catalogue": ""}

    return _command


def words(source: Path, path: Path) -> list[str]:
    return ["catalogue", "import", str(source), "--catalogue", str(path), "--json"]


def kill(source: Path, path: Path, moment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, moment, *words(source, path)],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="which file is written is asked of /proc"
)
@pytest.mark.parametrize("is_there", [False, True], ids=["a new catalogue", "one that is there"])
@pytest.mark.parametrize(
    ("moment", "kept"),
    # Two batches of four are under way at a time: the second may be lost with the third.
    [("copy 5", {0}), ("embed 3", {4, 8}), ("commit 1", {PHOTOS})],
    ids=["copying", "embedding", "end"],
)
def test_the_same_command_goes_on(
    source: Path,
    into: Callable[..., Path],
    command: Callable[..., dict[str, Any]],
    embedder: Any,
    knowledge: Callable[..., list[tuple[Any, ...]]],
    moment: str,
    kept: set[int],
    is_there: bool,
) -> None:
    path, whole = into("killed", is_there=is_there), into("whole", is_there=is_there)
    before = knowledge(path) if is_there else None
    undisturbed = command(source, whole)
    kill(source, path, moment)

    assert path.exists() == is_there
    assert (knowledge(path) if is_there else None) == before

    embedder.embedded = 0
    assert command(source, path) == undisturbed
    assert PHOTOS - embedder.embedded in kept
    assert knowledge(path) == knowledge(whole)
    with Catalogue.open(path) as one, Catalogue.open(whole) as other:
        assert one.gallery().vectors.tolist() == other.gallery().vectors.tolist()
        assert one.revision == other.revision
    told = verify_catalogue(path)
    assert (told.faults, told.stray) == ((), ())
    left = {each.name for each in path.parent.iterdir()}
    assert left == {"catalogue.db", "catalogue.db.media"}
