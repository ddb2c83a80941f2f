"""Memory and speed of `flukeprint data pack` on any number of photos, made of links to those of
some folders.

    python tests/bench/pack_memory.py --photos DIR [--photos DIR] --count 50000 [--size 224]
    [--limit-mib 512] python tests/bench/pack_memory.py --photos DIR --count 300 --enlarge 4000x3000

The photos are linked again and again under other names; with --enlarge each is made a JPEG of that
size first. With --limit-mib the system gives the command no more memory of its own than that
(RLIMIT_DATA). `peak_own_mib` is memory that no file stands behind, `peak_memory_mib` what the
command tells: all that is resident, libraries too. Prints one JSON object; the work folder is
removed at the end.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

from embedding.photos.photo_files import find_photos

ROOT = Path(__file__).resolve().parents[2]


def make_photos(
    sources: list[Path], folder: Path, count: int, enlarged: tuple[int, int] | None
) -> Path:
    """Fill a folder with `count` photos, three an individual; returns its labels."""
    folder.mkdir()
    given = [path.resolve() for path in find_photos(sources)][:count]
    if enlarged is not None:
        given = [
            _enlarged(path, folder.parent / f"{at:06}.jpg", enlarged)
            for at, path in enumerate(given)
        ]
    rows: list[tuple[str, str]] = [("image", "label")]
    for at in range(count):
        source = given[at % len(given)]
        (folder / f"{at:06}{source.suffix}").symlink_to(source)
        rows.append((f"{at:06}{source.suffix}", f"w{at // 3}"))
    labels = folder.parent / "labels.csv"
    with labels.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return labels


def _enlarged(source: Path, path: Path, size_px: tuple[int, int]) -> Path:
    image = Image.open(source).convert("RGB").resize(size_px, Image.Resampling.BICUBIC)
    image.save(path, "JPEG", quality=92)
    return path


def own_memory_bytes(pid: int) -> int:
    """Memory of a process that no file stands behind; 0 when it is gone."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(kb) for kb in re.findall(r"^Anonymous:\s+(\d+) kB", told, re.MULTILINE)) * 1024


def measure(command: list[str], limit_mib: int | None) -> dict[str, Any]:
    """Run the command; its own figures, and the most memory that was seen of it from outside."""
    if limit_mib:
        command = ["sh", "-c", f'ulimit -d {limit_mib * 1024} && exec "$@"', "sh", *command]
    started, own = time.monotonic(), 0
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        own = max(own, own_memory_bytes(process.pid))
        time.sleep(0.2)
    told = process.stdout.read() if process.stdout else ""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = json.loads(told) if process.returncode == 0 else {"exit": process.returncode}
    return figures | {
        "limit_mib": limit_mib,
        "wall_seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_own_mib": round(own / 2**20, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=Path, action="append", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--size", default="224")
    parser.add_argument("--grey", action="store_true")
    parser.add_argument("--enlarge")
    parser.add_argument("--limit-mib", type=int)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    enlarged = tuple(map(int, given.enlarge.split("x"))) if given.enlarge else None
    work = Path(tempfile.mkdtemp(prefix="pack-", dir=given.work))
    try:
        labels = make_photos(given.photos, work / "photos", given.count, enlarged)  # pyright: ignore[reportArgumentType]
        command = [
            sys.executable,
            "-m",
            "flukeprint",
            "data",
            "pack",
            str(labels),
            "--photos",
            str(work / "photos"),
        ]
        command += [
            "--out",
            str(work / "pack"),
            "--size",
            given.size,
            "--json",
            *(["--grey"] if given.grey else []),
        ]
        figures = measure(command, given.limit_mib)
    finally:
        shutil.rmtree(work)
    for name in ("pack", "preprocessing"):
        figures.pop(name, None)
    figures["peak_memory_mib"] = round((figures.pop("peak_memory_bytes", 0) or 0) / 2**20, 1)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
