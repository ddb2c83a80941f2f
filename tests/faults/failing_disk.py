"""Every write, fsync and rename fails in turn: a clear error, the old state or the new, reading on.

Run as a program of its own, into which failing_disk.c is loaded before everything else.
"""

from __future__ import annotations

import ctypes
import errno
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from tests.faults.acts import ACTS, MAKES_REVISIONS, REPLACES, Act
from tests.faults.copies import Copies
from tests.faults.forks import Outcome, run_forked
from tests.faults.kills import check_going_on, states_of
from tests.faults.scene import Acknowledger, Scene, check_whole, remnants, snapshot

SOURCE = Path(__file__).with_suffix(".c")
VARIABLE = "FLUKEPRINT_FAILING_DISK"
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)
_LASTING = (errno.ENOSPC, errno.EROFS)


class Failure(NamedTuple):
    """What fails: the n-th change of a file, by which error; `is_lasting`: all after it, too."""

    number: int
    error: int
    is_lasting: bool = False

    def __str__(self) -> str:
        lasting = " and all later ones" if self.is_lasting else ""
        return f"{errno.errorcode[self.error]} at change {self.number}{lasting}"


Trial = tuple[str, Failure]


@dataclass
class DiskCount:
    """How many failures were tried for each act, and how they ended."""

    tried: Counter[str] = field(default_factory=Counter[str])
    refused: Counter[str] = field(default_factory=Counter[str])
    unread: Counter[str] = field(default_factory=Counter[str])
    faults: list[str] = field(default_factory=list[str])


def compile_shim(folder: Path) -> Path | None:
    """Compile failing_disk.c; None where there is no C compiler."""
    shim = folder / "failing_disk.so"
    try:
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", shim, SOURCE, "-ldl"],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return shim


def run_with_shim(shim: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m tests.faults.run` with these arguments, and with the shim loaded."""
    return subprocess.run(
        [sys.executable, "-m", "tests.faults.run", *arguments],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "LD_PRELOAD": str(shim), VARIABLE: str(shim)},
        text=True,
        check=False,
    )


class DiskHarness:
    """Lets each change of a file fail while acts are done to copies of one scene."""

    def __init__(self, scene: Scene, copies: Copies) -> None:
        self._shim = ctypes.CDLL(os.environ[VARIABLE])
        self._copies = copies
        self.before = snapshot(scene.address)
        self.count = DiskCount()
        self._states: dict[str, dict[int, dict[str, Any]]] = {}

    def changes(self, act: Act) -> int:
        """How many changes of files an act makes."""
        if act.name not in self._states:
            with self._copies() as scene:
                self._states[act.name] = {self.before["revision"]: self.before}
                self._states[act.name] |= states_of(act, scene)
        with self._copies() as scene:
            facts = run_forked(partial(self._do, act, scene, None)).facts
        return next(fact["changes"] for fact in facts if "changes" in fact)

    def trial(self, act: Act, failure: Failure) -> None:
        """Do one act on a disk that fails, check what it said and what is there, do it again.

        Raises AssertionError.
        """
        with self._copies() as scene:
            outcome = run_forked(partial(self._do, act, scene, failure))
            assert outcome.code == 0, f"{act.name}, {failure}: {outcome.error}"
            self.count.tried[act.name] += 1
            refused = [fact["refused"] for fact in outcome.facts if "refused" in fact]
            self.count.refused[act.name] += len(refused)
            self.count.unread[act.name] += any("unread" in fact for fact in outcome.facts)
            try:
                self._check(act, scene, outcome, is_refused=bool(refused))
                if not failure.is_lasting and refused:
                    assert remnants(scene) == []
                check_going_on(act, scene)
            except AssertionError as error:
                raise AssertionError(f"{act.name}, {failure}, {refused}: {error}") from error

    def _do(
        self, act: Act, scene: Scene, failure: Failure | None, acknowledge: Acknowledger
    ) -> None:
        number, code, is_lasting = failure or Failure(0, 0)
        below = str(scene.folder).encode()
        with Catalogue.open(scene.address) as serving:  # as a service has it that goes on answering
            serving.searchable()
            self._shim.faults_arm(below, ctypes.c_long(number), code, int(is_lasting))
            try:
                act.do(scene, acknowledge)
            except FlukeprintError as error:
                assert len(str(error)) > 30, f"not clear: {error}"
                acknowledge(refused=f"{type(error).__name__}: {error}")
            except OSError as error:  # the command and the service tell of it
                assert error.errno in ERRORS, f"not of the disk: {error}"
                acknowledge(refused=f"{type(error).__name__}: {error}")
            try:
                serving.searchable()
            except FlukeprintError as error:
                acknowledge(unread=str(error))
            acknowledge(changes=self._shim.faults_disarm())

    def _check(self, act: Act, scene: Scene, outcome: Outcome, *, is_refused: bool) -> None:
        check_whole(scene.address)
        now, states = snapshot(scene.address), self._states[act.name]
        if act.name in MAKES_REVISIONS:
            last = max(outcome.revisions, default=self.before["revision"])
            assert last <= now["revision"] <= last + is_refused
            assert now == states[now["revision"]]
        elif act.name in REPLACES:
            assert now == states[-1] or (is_refused and now == self.before)
        else:
            assert now == self.before


def planned_failures(harness: DiskHarness, acts: Sequence[str], seed: int) -> list[Trial]:
    """Each change of each act by each error, alone and with all later ones, in a random order."""
    planned: list[Trial] = []
    for name in acts:
        for number in range(1, harness.changes(ACTS[name]) + 1):
            planned += [(name, Failure(number, error)) for error in ERRORS]
            planned += [(name, Failure(number, error, True)) for error in _LASTING]
    random.Random(seed).shuffle(planned)
    return planned


def run_failures(harness: DiskHarness, planned: Sequence[Trial], deadline: float) -> None:
    """Let acts meet the planned failures, in their order, until a deadline."""
    for name, failure in planned:
        if time.monotonic() > deadline:
            return
        try:
            harness.trial(ACTS[name], failure)
        except AssertionError as error:
            harness.count.faults.append(str(error))
            print(f"FAULT {error}", flush=True)
