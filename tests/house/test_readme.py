"""Every command of README.md runs, in order, on drawn whales; then docs/formats.md reads the files
they left.
"""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from demo.anatomy import Individual
from demo.photograph import photograph
from embedding.photos.photo import save_jpeg

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
SECONDS = 600

# What a test can't do as it stands: set up again, test again, take port 8000, draw and train for
# minutes.
INSTEAD = {
    "make demo": "flukeprint demo --individuals 12 --photos 3 --queries 2 --unknown 1",
    "make test": f"make -C '{ROOT}' --dry-run test",
    "flukeprint serve": "flukeprint serve --port PORT",
    "127.0.0.1:8000": "127.0.0.1:PORT",
    "train humpback-vlad": "train humpback-vlad --set schedule.epochs=1 --set "
    "batches.individuals=8",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, what stands in the page, and what is run."""

    language: str
    written: str
    run: str

    @property
    def stays(self) -> bool:
        """Claim that it runs until it is stopped."""
        return self.written.startswith("flukeprint serve")


@dataclass(slots=True)
class Walk:
    """What the commands printed on stdout, by what stands in the page; `skipped` by why."""

    folder: Path
    printed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    served_with: int | None = None

    def of(self, start: str) -> str:
        """The output of the block that begins so."""
        why = next(
            (why for written, why in self.skipped.items() if written.startswith(start)), None
        )
        if why is not None:
            pytest.skip(why)
        return next(said for written, said in self.printed.items() if written.startswith(start))


def blocks_of(text: str, instead: dict[str, str], port: int) -> list[Block]:
    """The page's sh and python blocks in order, with the replacements made."""
    blocks: list[Block] = []
    for language, written in BLOCK.findall(text):
        run = written
        for old, new in instead.items():
            run = run.replace(old, new)
        blocks.append(Block(language, written, run.replace("PORT", str(port))))
    return blocks


def walk_through(blocks: Iterable[Block], folder: Path, port: int) -> Walk:
    """Run every block in `folder`; the first that fails ends it, with its output."""
    walk = Walk(folder)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLUKEPRINT_", "MAKE", "MFLAGS"))
    }
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_PROXY": "127.0.0.1",
    }
    staying: list[subprocess.Popen[bytes]] = []
    try:
        for block in blocks:
            if block.written.startswith("curl") and shutil.which("curl") is None:
                walk.skipped[block.written] = (
                    "curl is not installed, so the README's curl commands did not run"
                )
            elif block.stays:
                staying.append(_started(block, folder, environment))
                _wait_until_ready(port, staying[-1], folder / "serve.log")
                walk.printed[block.written] = ""
            else:
                walk.printed[block.written] = _ran(block, folder, environment)
    finally:
        for process in staying:
            walk.served_with = _stopped(process)
    return walk


def _started(block: Block, folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "serve.log").open("wb") as log:
        return subprocess.Popen(
            ["sh", "-c", f"exec {block.run}"], cwd=folder, env=environment, stdout=log, stderr=log
        )


def _stopped(process: subprocess.Popen[bytes]) -> int:
    """Press Ctrl-C; the exit code, whatever it takes to get one."""
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(120)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _ran(block: Block, folder: Path, environment: dict[str, str]) -> str:
    call = (
        [sys.executable, "-c", block.run]
        if block.language == "python"
        else ["sh", "-e", "-c", block.run]
    )
    done = subprocess.run(
        call,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode:
        pytest.fail(
            f"exit code {done.returncode} of\n{block.run}\n{done.stdout}\n{done.stderr}",
            pytrace=False,
        )
    return done.stdout


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            opener.open(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"the service did not get ready:\n{log.read_text(encoding='utf-8')}", pytrace=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def draw(
    folder: Path, labels: Path, header: tuple[str, str], photos: Iterable[tuple[str, int, int, str]]
) -> None:
    """Draw (file name, whale, number of its photo, label) into a folder, and write the labels."""
    folder.mkdir(parents=True)
    rows = [header]
    for name, whale, number, label in photos:
        save_jpeg(
            photograph(Individual.from_seed(whale), np.random.default_rng([whale, number])),
            folder / name,
        )
        rows.append((name, label))
    with labels.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def lay_out(folder: Path) -> None:
    """The files that the README's commands name."""
    whales = [
        (f"w_{whale:02d}_{number}.jpg", whale, number, f"w_{whale:02d}")
        for whale in range(20)
        for number in range(4)
    ]
    draw(folder / "photos", folder / "whales.csv", ("image", "label"), whales)
    season = [
        (f"s_{whale:02d}_{number}.jpg", whale, 10 + number, f"w_{whale:02d}")
        for whale in (3, 20, 21)
        for number in range(2)
    ]
    draw(folder / "season", folder / "season.csv", ("image", "label"), season)
    shutil.copy(folder / "photos" / "w_03_1.jpg", folder / "fluke.jpg")
    kaggle = folder / "humpback"
    train = [
        (f"{whale}{number}.jpg", whale, number, f"w_{whale:02d}")
        for whale in range(30, 38)
        for number in range(2)
    ]
    unknown = [(f"new{whale}.jpg", whale, 0, "new_whale") for whale in (40, 41)]
    draw(kaggle / "train", kaggle / "train.csv", ("Image", "Id"), [*train, *unknown])
    test = [(f"test{whale}.jpg", whale, 5, "new_whale w_1 w_2 w_3 w_4") for whale in range(30, 35)]
    draw(kaggle / "test", kaggle / "sample_submission.csv", ("Image", "Id"), test)
    (folder / ".venv").symlink_to(sys.prefix)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Generator[Walk]:
    """The README walked through from its first command to its last, then docs/formats.md in the
    same folder.
    """
    folder = tmp_path_factory.mktemp("readme")
    lay_out(folder)
    port = free_port()
    readme = blocks_of((ROOT / "README.md").read_text("utf-8"), INSTEAD, port)
    formats = blocks_of((ROOT / "docs" / "formats.md").read_text("utf-8"), {}, port)
    return walk_through([*readme, *formats], folder, port)


@pytest.mark.slow
def test_curl_and_python_are_told_whose_fluke_it_is(walk: Walk) -> None:
    first = json.JSONDecoder().raw_decode(walk.of("curl"))[0]
    match = first["results"][0]["matches"][0]
    # The photo asked about is one of the catalogue's: at no distance from itself.
    assert (match["individual"], match["photo"], match["distance"]) == ("w_03", "w_03_1.jpg", 0.0)
    assert first["results"][0]["decision"] == "known"
    assert walk.of("import httpx").splitlines()[1].startswith("1 w_03 0.0 ")


@pytest.mark.slow
def test_the_service_ends_cleanly_on_ctrl_c(walk: Walk) -> None:
    assert walk.served_with == 0


@pytest.mark.slow
def test_the_season_is_in_the_catalogue(walk: Walk) -> None:
    assert "6 photos added" in walk.of("flukeprint index update --csv season.csv")


@pytest.mark.slow
def test_the_submission_has_a_row_a_test_photo(walk: Walk) -> None:
    with (walk.folder / "submission.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["Image"] for row in rows] == [f"test{whale}.jpg" for whale in range(30, 35)]
    assert all(len(set(row["Id"].split())) == 5 and "new_whale" in row["Id"] for row in rows)


@pytest.mark.slow
def test_the_formats_page_reads_what_the_readme_left(walk: Walk) -> None:
    printed = "\n".join(walk.printed.values())
    assert re.search(r"^\['mobilenetv2_100'\] 112 humpback-vlad$", printed, flags=re.MULTILINE)
    assert re.search(r"^revision 3 with 86 vectors of length 1\.0$", printed, flags=re.MULTILINE)
    assert re.search(r"^5 photos; test30\.jpg -> \[", printed, flags=re.MULTILINE)


def test_the_formats_page_needs_numpy_at_most() -> None:
    blocks = blocks_of((ROOT / "docs" / "formats.md").read_text("utf-8"), {}, 0)
    assert len(blocks) >= 5
    imported = {
        name.name.partition(".")[0]
        for block in blocks
        for node in ast.walk(ast.parse(block.run))
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert not any(
        isinstance(node, ast.ImportFrom)
        for block in blocks
        for node in ast.walk(ast.parse(block.run))
    )
    assert imported - set(sys.stdlib_module_names) == {"numpy"}


def test_every_replacement_is_of_something_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [old for old in INSTEAD if old not in text] == []


def test_every_fenced_block_is_run() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(BLOCK.findall(text)) == text.count("```") / 2 >= 10


def test_blocks_are_found_with_their_replacements() -> None:
    text = "Say:\n```sh\ncurl http://127.0.0.1:8000/x\n```\nand\n```python\nprint(1)\n```\n"
    assert blocks_of(text, INSTEAD, 77) == [
        Block("sh", "curl http://127.0.0.1:8000/x\n", "curl http://127.0.0.1:77/x\n"),
        Block("python", "print(1)\n", "print(1)\n"),
    ]


def test_blocks_run_in_order_in_the_folder(tmp_path: Path) -> None:
    blocks = [
        Block("sh", "a", "echo 7 > seven"),
        Block("python", "b", "print(open('seven').read())"),
    ]
    assert walk_through(blocks, tmp_path, 0).printed == {"a": "", "b": "7\n\n"}


@pytest.mark.parametrize("block", [Block("sh", "x", "false\ntrue"), Block("python", "x", "1 / 0")])
def test_a_failing_block_is_seen(tmp_path: Path, block: Block) -> None:
    with pytest.raises(pytest.fail.Exception, match="exit code 1 of"):
        walk_through([block], tmp_path, 0)
