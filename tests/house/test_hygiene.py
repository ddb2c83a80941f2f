"""What the repository may hold: no index hosts, no paths of somebody's machine, no photographs,
nothing large.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MIB = 2**20
# In pieces, so that this file does not hold what it forbids.
HOST = re.compile(
    r"pypi\." + r"org|python" + r"hosted\.org|--(extra-)?index" + r"-url|index" + r"-url\s*=",
    re.IGNORECASE,
)
LOCAL_PATH = re.compile(r"(?<![\w.~/-])/(home|" + r"Users|root|work)/\w\w")
WITHOUT_ISSUE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b(?!.*#\d)")
WEIGHTS = (".safetensors", ".bin")
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic"}


def tracked(root: Path) -> list[Path]:
    """Every file that is in the repository or would be with the next commit."""
    said = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(
        root / name for name in said.stdout.split("\0") if name and (root / name).is_file()
    )


def breaches(root: Path, files: list[Path]) -> list[str]:
    """What is wrong with the files, one line each."""
    found: list[str] = []
    for path in files:
        where = path.relative_to(root).as_posix()
        is_weights = where.startswith("embedding/default/") and path.suffix in WEIGHTS
        size, most = path.stat().st_size, 20 * MIB if is_weights else 2 * MIB
        if size > most:
            found.append(f"{where} has {size:,} bytes; at most {most:,} are allowed")
        if path.suffix.lower() in PICTURES and not (
            where.startswith("docs/images/") and path.suffix == ".png"
        ):
            found.append(f"{where} is a picture; only drawn ones in docs/images/*.png belong here")
        if path.suffix not in (*WEIGHTS, ".onnx", *PICTURES):
            found += _lines_breaching(where, path.read_text("utf-8"))
    return found


def _lines_breaching(where: str, text: str) -> list[str]:
    rules = {
        "a host of a package index": HOST,
        "a path of somebody's machine": LOCAL_PATH,
        "a to-do": WITHOUT_ISSUE,
    }
    return [
        f"{where}:{number} holds {what}: {line.strip()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for what, rule in rules.items()
        if rule.search(line)
    ]


def test_the_repository_is_clean() -> None:
    files = tracked(ROOT)
    assert len(files) > 100
    assert breaches(ROOT, files) == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("pip install --index" + "-url somewhere", "a host of a package index"),
        ("https://py" + "pi.org/simple", "a host of a package index"),
        ("open('/ho" + "me/somebody/fluke.jpg')", "a path of somebody's machine"),
        ("# TO" + "DO later", "a to-do"),
    ],
)
def test_a_bad_line_is_seen(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"fine\n{line}\n", encoding="utf-8")
    assert breaches(tmp_path, [path]) == [f"page.md:2 holds {what}: {line}"]


def test_urls_and_container_paths_are_no_local_paths(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("http://example.org/home/x and ./work/x and /catalogue/x\n", encoding="utf-8")
    assert breaches(tmp_path, [path]) == []


def test_large_files_and_photographs_are_seen(tmp_path: Path) -> None:
    sizes = {
        "big.bin": 2 * MIB + 1,
        "embedding/default/a.safetensors": 16 * MIB,
        "b.safetensors": 2 * MIB + 1,
    }
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0" * size)
    (tmp_path / "fluke.jpg").write_bytes(b"\xff")
    found = breaches(tmp_path, sorted(path for path in tmp_path.rglob("*") if path.is_file()))
    assert found == [
        "b.safetensors has 2,097,153 bytes; at most 2,097,152 are allowed",
        "big.bin has 2,097,153 bytes; at most 2,097,152 are allowed",
        "fluke.jpg is a picture; only drawn ones in docs/images/*.png belong here",
    ]


def test_untracked_files_count_and_ignored_ones_do_not(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for name, text in ((".gitignore", "/runs/\n"), ("new.md", ""), ("runs/metrics.csv", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert [path.name for path in tracked(tmp_path)] == [".gitignore", "new.md"]
