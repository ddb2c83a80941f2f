"""What a killed process has left is removed by the next one, at every door that writes whole files.

Hidden remnants of a backup or a pixel cache hold as many bytes as the whole.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedding.photos.preprocessing import Preprocessing
from index.exchange.backup.backup import make_backup, restore_backup
from index.identification.submission import write_submission
from index.labels.reader import read_labels
from tests.faults.acts import backup_tar, export
from tests.faults.scene import Acknowledger, Scene, import_folder, sqlite_scene
from training.pixels.cache import cached_pixels

_SUFFIX = (
    "from index.storage.partial_files import unfinished_suffix; print(unfinished_suffix(), end='')"
)


class _Silent(Acknowledger):
    def __init__(self) -> None:
        super().__init__(-1)

    def __call__(self, **facts: object) -> None:
        """Acknowledge to nobody."""


def _restore(scene: Scene) -> None:
    (scene.folder / "restored").mkdir(exist_ok=True)
    restore_backup(scene.backup, scene.folder / "restored" / "catalogue.db")


def _cache(scene: Scene) -> None:
    photos = list(read_labels(None, scene.new_photos).photos)
    cached_pixels(photos, Preprocessing(8, 8), scene.folder / "cache")


DOORS: dict[str, tuple[str, Callable[[Scene], object]]] = {
    "backup": ("", lambda scene: make_backup(scene.address, scene.folder / "made")),
    "backup tar": ("", lambda scene: backup_tar(scene, _Silent())),
    "export": ("", lambda scene: export(scene, _Silent())),
    "restore": ("restored", _restore),
    "restored originals": ("restored/catalogue.db.media", _restore),
    "import": ("home/catalogue.db.media", lambda scene: import_folder(scene, scene.new_photos)),
    "submission": ("", lambda scene: write_submission([], scene.folder / "submission.csv")),
    "pixel cache": ("cache", _cache),
}


@pytest.mark.parametrize("door", DOORS)
def test_remnants_of_a_killed_process_are_removed(door: str, tmp_path: Path) -> None:
    scene = sqlite_scene(tmp_path / "scene")
    place, act = DOORS[door]
    ended = subprocess.run(
        [sys.executable, "-c", _SUFFIX], capture_output=True, text=True, check=True
    ).stdout
    folder = scene.folder / place
    if door == "restored originals":
        original = next((scene.backup / "catalogue.db.media").glob("*/*.png"))
        folder = folder / original.parent.name
    folder.mkdir(parents=True, exist_ok=True)
    remnant = folder / f".anything{ended}"
    remnant.write_bytes(np.zeros(100, np.uint8).tobytes())
    act(scene)
    assert not remnant.exists()
