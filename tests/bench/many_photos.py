"""Peak memory and CPU time of `data check` on 50,000 photos, 9,000 of them without a label.

    python tests/bench/many_photos.py FOLDER... [--count 50000] [--unlabelled 9000] [--keep FOLDER]

The photos are those of the folders given, then their mirror images, then the same upside down, as
far as the count needs: other pictures than the first, in files of their own. Each has a label of
its own. Prints what was found.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

from embedding.photos.photo import find_photos

ROOT = Path(__file__).resolve().parents[2]
WAYS = {"as": None, "mirrored": ImageOps.mirror, "flipped": ImageOps.flip}


def make(sources: list[Path], folder: Path, count: int, unlabelled: int) -> None:
    """Write `count` photos into folder/photos, and folder/labels.csv without `unlabelled` of
    them.
    """
    (folder / "photos").mkdir(parents=True)
    names: list[str] = []
    for way, turned in WAYS.items():
        for source in sources[: count - len(names)]:
            names.append(f"{way}_{source.name}")
            if turned is None:
                (folder / "photos" / names[-1]).symlink_to(source.resolve())
            else:
                with Image.open(source) as image:
                    turned(image).save(folder / "photos" / names[-1], quality=92)
    without = set(random.Random(0).sample(names, unlabelled))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("image", "label"), *((name, f"w_{name}") for name in names if name not in without)]
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--unlabelled", type=int, default=9_000)
    parser.add_argument("--keep", type=Path, help="Make the set here, and leave it.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch) / "many"
        make(find_photos(given.folders), folder, given.count, given.unlabelled)
        command = [sys.executable, "-m", "flukeprint", "data", "check", str(folder / "labels.csv")]
        command += [
            "--photos",
            str(folder / "photos"),
            "--json",
            "-",
            "--html",
            str(folder / "check.html"),
        ]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    report = json.loads(done.stdout)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{report['facts']['files']:,} photos: peak {used.ru_maxrss / 1024:.0f} MiB, ", end="")
    print(f"{used.ru_utime + used.ru_stime:.0f} s of CPU time, exit code {done.returncode}")
    for finding in report["findings"]:
        print(f"{finding['count']:,} {finding['title']}")


if __name__ == "__main__":
    main()
