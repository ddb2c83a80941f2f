"""What a run says of itself beside its figures: run.json, with the code's commit, the machine, the
time, the seed.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from embedding.checkpoint import write_atomically

RECORD = "run.json"
FORMAT = "flukeprint-run-1"


@dataclass(slots=True)
class Record:
    """A run's record; times are ISO 8601 in UTC, `seconds` are of wall time over all sessions.

    `finished` is "" while the run is not. `commit` is "" where the code is no git checkout, and
    ends in "+" where files of it were changed. `machine` and `versions` are of the last session.
    """

    seed: int
    recipe: str  # SHA-256 of the choices
    photos: str  # SHA-256 of the choices and the photos' names, labels and boxes
    started: str
    finished: str = ""
    seconds: float = 0.0
    sessions: int = 0
    commit: str = ""
    machine: dict[str, Any] = field(default_factory=dict[str, Any])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    fingerprint: str = ""


class Recording:
    """Keeps a run's record: written at its start, after every epoch and at its end."""

    def __init__(self, out: Path, record: Record) -> None:
        self._path = out / RECORD
        self._record = record
        self._before = record.seconds
        self._begun = time.monotonic()

    @classmethod
    def begin(
        cls, out: Path, *, seed: int, recipe: str, photos: str, device: str, threads: int
    ) -> Recording:
        """Begin a session: of a new run, which is written down at once, or of one that goes on."""
        found = read_record(out)
        is_new = found is None or found.photos != photos
        record = (
            Record(seed, recipe, photos, now())
            if found is None or found.photos != photos
            else found
        )
        record.finished, record.fingerprint = "", ""
        record.sessions += 1
        record.commit, record.versions = code_commit(), library_versions()
        record.machine = machine(device, threads)
        recording = cls(out, record)
        if is_new:
            recording.note()
        return recording

    def note(self) -> None:
        """Write down how long the run has taken so far."""
        self._record.seconds = round(self._before + time.monotonic() - self._begun, 1)
        _write(self._path, self._record)

    def finish(self, fingerprint: str) -> None:
        """Write down that the run is finished, and which checkpoint it left."""
        self._record.finished, self._record.fingerprint = now(), fingerprint
        self.note()


def note_checkpoint(run: Path, fingerprint: str) -> None:
    """Write down which checkpoint a finished run has, where something was added to the one that it
    left.
    """
    record = read_record(run)
    if record is not None:
        record.fingerprint = fingerprint
        _write(run / RECORD, record)


def _write(path: Path, record: Record) -> None:
    described = {"format": FORMAT, **asdict(record)}
    write_atomically(path, (json.dumps(described, indent=2) + "\n").encode())


def read_record(run: Path) -> Record | None:
    """Read a run's record; None where there is none that can be read: runs of before have none."""
    try:
        told = cast("dict[str, Any]", json.loads((run / RECORD).read_text("utf-8")))
        if told.pop("format") != FORMAT:
            return None
        return Record(**told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def code_commit(root: Path | None = None) -> str:
    """The commit of this code's git checkout, with a "+" where files were changed since; "" where
    it is none.
    """
    root = root or Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():  # an installed copy may lie within somebody else's checkout
        return ""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(root: Path, *arguments: str) -> str:
    # No optional locks: somebody may be committing at this moment.
    call = ["git", "--no-optional-locks", *arguments]
    done = subprocess.run(call, cwd=root, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def machine(device: str, threads: int) -> dict[str, Any]:
    """What figures depend on in their last bits and their times: no name of the machine, which is
    nobody's business.
    """
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "device": device,
        "threads": threads,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), ""
    )


def library_versions() -> dict[str, str]:
    """The versions of flukeprint and of what its numbers come from."""
    found = {"python": platform.python_version()}
    for name in ("flukeprint", "torch", "timm", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
