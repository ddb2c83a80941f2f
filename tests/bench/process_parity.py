"""How far two processes' losses are from one's, step by step, on drawn photos.

    python -m tests.bench.process_parity [--set optimiser.kind=sgd --set optimiser.rate=0.01]

Trains recipe `tiny` with a smaller network once by itself and once under torchrun with two
processes (gloo, CPU). The batch, its random changes and its batch statistics are the same for both.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from index.labels.reader import read_labels
from tests.training.conftest import FAST, striped
from training.distributed.world import is_first_process
from training.recipes.reading import read_recipe
from training.run import loop
from training.run.run import RunOptions

ROOT = Path(__file__).resolve().parents[2]
_TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node=2")


def draw_photos(folder: Path) -> None:
    """20 individuals of 2 to 5 photos and 12 of nobody known, as tests draw them; `labels.csv`."""
    folder.mkdir()
    named = [(one, photo) for one in range(20) for photo in range(2 + one % 4)]
    named += [(one, 0) for one in range(100, 112)]
    rows = ["Image,Id"]
    for individual, photo in named:
        name = f"w{individual:02}_{photo}.png"
        striped(individual, photo).save(folder / name)
        rows.append(f"{name},{'new_whale' if individual >= 100 else f'w{individual:02}'}")
    (folder / "labels.csv").write_text("\n".join([*rows, ""]))


def losses_of_steps(photos: Path, out: Path, overrides: list[str]) -> list[float]:
    """Train, and return the loss of every step."""
    losses: list[float] = []
    take_step = loop.take_step

    def taking(*arguments: Any) -> float:
        losses.append(take_step(*arguments))
        return losses[-1]

    loop.take_step = taking
    labels = read_labels(photos / "labels.csv", photos)
    recipe = read_recipe("tiny", [*FAST, "schedule.epochs=6", *overrides])
    loop.train(recipe, labels.photos, out, RunOptions(cache=photos.parent / "cache"))
    return losses


def run_both(overrides: list[str]) -> tuple[list[float], list[float]]:
    """The losses of one process, and of two."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        draw_photos(folder / "photos")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = f"--master-port={free.getsockname()[1]}"
        for name, launch in (("one", ()), ("two", (*_TORCHRUN, port))):
            options = [part for one in overrides for part in ("--set", one)]
            words = [__file__, "--photos", str(folder / "photos"), "--out", str(folder / name)]
            subprocess.run(
                [sys.executable, *launch, *words, *options],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
                stderr=subprocess.DEVNULL,
                check=True,
            )
        one, two = (json.loads((folder / f"{name}.json").read_text()) for name in ("one", "two"))
        return one, two


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", action="append", default=[], help="a recipe's choice")
    parser.add_argument("--photos", type=Path, help="used by the processes that this starts")
    parser.add_argument("--out", type=Path, help="used by the processes that this starts")
    options = parser.parse_args()
    if options.photos is not None:
        losses = losses_of_steps(options.photos, options.out, options.set)
        if is_first_process():
            options.out.with_suffix(".json").write_text(json.dumps(losses))
        return
    one, two = run_both(options.set)
    differences = [abs(right - left) / abs(left) for left, right in zip(one, two, strict=True)]
    print(f"{len(one)} steps, relative difference of the loss: {max(differences):.1e} at most")
    print(" ".join(f"{each:.0e}" for each in differences))


if __name__ == "__main__":
    main()
