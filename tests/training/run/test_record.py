"""training/run/record.py: what a run notes of its making, over several sessions, and what old runs
lack.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import pytest

from training.run import record
from training.run.record import (
    Recording,
    code_commit,
    library_versions,
    machine,
    note_checkpoint,
    read_record,
)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(record.time, "monotonic", made)
    return made


def begin(out: Path, photos: str = "p") -> Recording:
    return Recording.begin(out, seed=7, recipe="r", photos=photos, device="cpu", threads=1)


def test_sessions_add_up(tmp_path: Path, clock: Clock) -> None:
    first = begin(tmp_path)
    begun = read_record(tmp_path)
    assert begun is not None and (begun.seed, begun.sessions, begun.seconds, begun.finished) == (
        7,
        1,
        0.0,
        "",
    )
    clock.seconds += 30
    first.note()
    second = begin(tmp_path)
    clock.seconds += 12
    second.finish("f" * 64)
    done = read_record(tmp_path)
    assert done is not None and (done.sessions, done.seconds, done.fingerprint) == (
        2,
        42.0,
        "f" * 64,
    )
    assert done.started == begun.started and re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", done.finished
    )
    begin(tmp_path, photos="other")  # another run, in the same place
    fresh = read_record(tmp_path)
    assert fresh is not None and (fresh.sessions, fresh.seconds, fresh.fingerprint) == (1, 0.0, "")


def test_a_checkpoint_that_was_added_to_is_noted_and_nothing_else_changes(
    tmp_path: Path, clock: Clock
) -> None:
    note_checkpoint(tmp_path, "a" * 64)
    assert not list(tmp_path.iterdir())  # a run of before has no record
    begin(tmp_path).finish("f" * 64)
    done = read_record(tmp_path)
    clock.seconds += 30
    note_checkpoint(tmp_path, "a" * 64)
    assert done is not None and read_record(tmp_path) == dataclasses.replace(
        done, fingerprint="a" * 64
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "flukeprint-run-2"}', '{"format": "flukeprint-run-1"}']
)
def test_what_is_no_record_is_none(text: str, tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    (tmp_path / "run.json").write_text(text)
    assert read_record(tmp_path) is None


def test_the_commit_is_the_checkouts_and_says_when_files_were_changed(tmp_path: Path) -> None:
    assert code_commit(tmp_path) == ""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        return subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    assert code_commit(tmp_path) == ""  # nothing committed yet
    (tmp_path / "code.py").write_text("1\n")
    git("add", ".")
    git("commit", "-qm", "one")
    commit = git("rev-parse", "HEAD").strip()
    assert code_commit(tmp_path) == commit
    (tmp_path / "new.py").write_text("untracked\n")
    assert code_commit(tmp_path) == commit
    (tmp_path / "code.py").write_text("2\n")
    assert code_commit(tmp_path) == commit + "+"


def test_the_machine_is_described_and_not_named() -> None:
    told = machine("cpu", 2)
    assert (told["device"], told["threads"]) == ("cpu", 2) and told["cores"] >= 1
    assert set(told) == {"system", "processor", "cores", "device", "threads"}
    assert {"python", "torch", "numpy"} <= set(library_versions())
    json.dumps(told)
