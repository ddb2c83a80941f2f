"""Does `data check` find what is wrong, all of it and nothing else?

Faults are planted in a copy of a labelled set.

    python tests/bench/planted_mismatch.py LABELS.csv --photos DIR [--share 0.18] [--seed 0] [--keep
    FOLDER]

The photos are linked into a temporary folder. A share of them loses its row; of others the file is
renamed, spelt in another case, emptied, cut short, copied under another label, or saved again
smaller under another label. Prints for each kind how many were planted, found, missed and found
without having been planted; the exit code is 1 where the last two are not 0. What is wrong with the
set itself would count as found without having been planted.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from PIL import Image

from index.labels.reader import NEW_WHALE, read_labels

ROOT = Path(__file__).resolve().parents[2]
FEW = 50  # of each smaller kind
Planted = dict[str, set[tuple[str, ...]]]


def plant(labels: Path, photos: Path, folder: Path, share: float, seed: int) -> Planted:
    """Link the set into `folder` with its faults, write labels.csv there; returns the photos of
    each kind of case.
    """
    rng = random.Random(seed)
    rows = {
        photo.name: photo.individual or NEW_WHALE for photo in read_labels(labels, photos).photos
    }
    files = {name: (photos / name).resolve() for name in rows}
    planted: Planted = defaultdict(set)
    names = sorted(rows)
    rng.shuffle(names)
    lost, left = names[: round(share * len(names))], names[round(share * len(names)) :]
    kinds = [left[at * FEW : (at + 1) * FEW] for at in range(6)]
    for name in lost:
        del rows[name]
        planted["no_label"].add((name,))
    for name in kinds[0]:
        files[f"renamed_{name}"] = files.pop(name)
        planted["no_label"].add((f"renamed_{name}",))
        planted["no_photo"].add((name,))
    for name in kinds[1]:
        files[name.upper()] = files.pop(name)
        planted["no_label"].add((name.upper(),))
        planted["no_photo"].add((name,))
    link_all(files, folder / "photos")
    for name in kinds[2]:
        write_anew(folder / "photos" / name, b"")
        planted["unreadable"].add((name,))
    for name in kinds[3]:
        whole = files[name].read_bytes()
        write_anew(folder / "photos" / name, whole[: len(whole) * 2 // 3])
        planted["unreadable"].add((name,))
    for name in kinds[4]:
        copy_of(name, f"copy_{name}", rows, rng)
        (folder / "photos" / f"copy_{name}").symlink_to(files[name])
        planted["same_file_across_labels"].add(tuple(sorted((name, f"copy_{name}"))))
    for name in kinds[5]:
        copy_of(name, f"small_{name}", rows, rng)
        with Image.open(files[name]) as image:
            smaller = image.resize((round(0.8 * image.width), round(0.8 * image.height)))
            smaller.save(folder / "photos" / f"small_{name}", "JPEG", quality=70)
        planted["near_across_labels"].add(tuple(sorted((name, f"small_{name}"))))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("Image", "Id"), *rows.items()])
    return planted


def link_all(files: dict[str, Path], folder: Path) -> None:
    for name, file in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(file)


def write_anew(path: Path, data: bytes) -> None:
    path.unlink()  # a link: the photo itself stays as it is
    path.write_bytes(data)


def copy_of(name: str, copy: str, rows: dict[str, str], rng: random.Random) -> None:
    """Give a copy's row the label of somebody else."""
    rows[copy] = rng.choice(sorted(set(rows.values()) - {rows[name]}))


def found_in(report: dict[str, Any]) -> Planted:
    """The photos of each case of what is wrong, by kind."""
    wrong = (finding for finding in report["findings"] if finding["is_wrong"])
    return {
        finding["kind"]: {tuple(sorted(case["photos"])) for case in finding["cases"]}
        for finding in wrong
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("labels", type=Path)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.18)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="Plant here, and leave it.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        planted = plant(given.labels, given.photos, folder, given.share, given.seed)
        started = time.monotonic()
        command = [sys.executable, "-m", "flukeprint", "data", "check", str(folder / "labels.csv")]
        command += ["--photos", str(folder / "photos"), "--json", "-"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
        assert done.returncode == 1, done.returncode
        found = found_in(json.loads(done.stdout))
    print(f"{time.monotonic() - started:.0f} s")
    print("| kind | planted | found | missed | not planted |\n| --- | --- | --- | --- | --- |")
    is_exact = True
    for kind in sorted(planted.keys() | found.keys()):
        right, said = planted.get(kind, set()), found.get(kind, set())
        print(
            f"| {kind} | {len(right):,} | {len(right & said):,} | {len(right - said):,} | "
            f"{len(said - right):,} |"
        )
        is_exact = is_exact and right == said
    return 0 if is_exact else 1


if __name__ == "__main__":
    sys.exit(main())
