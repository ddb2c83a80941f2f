"""Each write, fsync and rename fails in turn: a clear error, the old state or the new, reading on.

Run as a program of its own, into which failing_disk.c is loaded before everything else. Changes
that the same lines of code make to files of one kind are one place. Each place is tried first.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import random
import re
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
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
_KINDS = [(error, False) for error in ERRORS] + [(error, True) for error in _LASTING]


class Failure(NamedTuple):
    """What fails: the n-th change of a file, by which error; `is_lasting`: all after it, too."""

    number: int
    error: int
    is_lasting: bool = False

    def __str__(self) -> str:
        lasting = " and all later ones" if self.is_lasting else ""
        return f"{errno.errorcode[self.error]} at change {self.number}{lasting}"


Trial = tuple[str, Failure]
Place = tuple[str, str, str]
"""A change of a file: the operation, the kind of file, the lines of our code that led to it."""
Plan = dict[Trial, Place]
"""The failures to try, in their order, each with the place of the change that fails."""

ROOT = Path(__file__).resolve().parents[2]
_WITNESS = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p)
_NUMBERS = re.compile(r"[0-9a-f]{8,}|[0-9]+")


@dataclass
class DiskCount:
    """How many failures were tried for each act, and how they ended."""

    tried: set[Trial] = field(default_factory=set[Trial])
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

    def changes(self, act: Act, error: int) -> list[Place]:
        """The place of each change of a file by an act, as it is counted for an error."""
        if act.name not in self._states:
            with self._copies() as scene:
                self._states[act.name] = {self.before["revision"]: self.before}
                self._states[act.name] |= states_of(act, scene)
        with self._copies() as scene:
            facts = run_forked(partial(self._do, act, scene, Failure(0, error))).facts
        places = [tuple(fact["place"]) for fact in facts if "place" in fact]
        assert len(places) == next(fact["changes"] for fact in facts if "changes" in fact)
        return places

    def trial(self, act: Act, failure: Failure) -> None:
        """Do one act on a disk that fails, check what it said and what is there, do it again.

        Raises AssertionError.
        """
        with self._copies() as scene:
            outcome = run_forked(partial(self._do, act, scene, failure))
            assert outcome.code == 0, f"{act.name}, {failure}: {outcome.error}"
            self.count.tried.add((act.name, failure))
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

    def _do(self, act: Act, scene: Scene, failure: Failure, acknowledge: Acknowledger) -> None:
        number, code, is_lasting = failure
        witness = _WITNESS(partial(_tell_place, scene, acknowledge))
        if number == 0:
            self._shim.faults_witness(witness)
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


def _tell_place(scene: Scene, acknowledge: Acknowledger, operation: bytes, path: bytes) -> None:
    lines: list[str] = []
    frame = sys._getframe()
    while frame := frame.f_back:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(ROOT) and ".venv" not in file.parts:
            lines.append(f"{file.relative_to(ROOT)}:{frame.f_lineno}")
    kind = _NUMBERS.sub("#", Path(os.fsdecode(path)).relative_to(scene.folder).as_posix())
    acknowledge(place=(operation.decode(), kind, " ".join(lines)))


def plan_failures(harness: DiskHarness, acts: Sequence[str], seed: int) -> Plan:
    """Each change of each act by each error, alone and with all later ones.

    Each place goes first by one error, by turns, and then by every other one. The other changes of
    the same places follow in a random order.
    """
    rng = random.Random(seed)
    places: Plan = {}
    rounds: dict[Trial, float] = {}
    for name in acts:
        for error in ERRORS:
            seen: set[Place] = set()
            for number, place in enumerate(harness.changes(ACTS[name], error), start=1):
                for lasting in (False, True) if error in _LASTING else (False,):
                    trial = name, Failure(number, error, lasting)
                    places[trial] = place
                    turn = _KINDS.index((error, lasting)) + zlib.crc32(repr(place).encode())
                    later = len(_KINDS) if place in seen else turn % len(_KINDS)
                    rounds[trial] = later + rng.random()
                seen.add(place)
    return {trial: places[trial] for trial in sorted(rounds, key=lambda one: rounds[one])}


def describe_tried(plan: Plan, tried: Collection[Trial], act: str) -> str:
    """Say how many failures of an act were tried, of how many places, and by how many errors."""
    possible, done = Counter[tuple[Place, int, bool]](), Counter[tuple[Place, int, bool]]()
    for (name, failure), place in plan.items():
        if name == act:
            kind = place, failure.error, failure.is_lasting
            possible[kind] += 1
            done[kind] += (name, failure) in tried
    places = {place for place, *_ in possible}
    some = {place for (place, *_), count in done.items() if count}
    every = places - {place for (place, *_), count in done.items() if not count}
    return (
        f"{act}: {done.total()} of {possible.total()} failures; {len(some)} of {len(places)} "
        f"places, {len(every)} of them by every error"
    )


def run_failures(
    harness: DiskHarness, planned: Iterable[Trial], deadline: float, record: Path | None = None
) -> None:
    """Let acts meet the planned failures, in their order, until a deadline.

    A trial that a record has is not done again. Each other one becomes a line of it: the act, the
    change, the error, whether it lasts, whether the act was refused, whether the catalogue couldn't
    be read meanwhile, and the fault or an empty text.
    """
    _take_record(harness.count, record)
    count = harness.count
    for name, failure in planned:
        if time.monotonic() > deadline:
            return
        if (name, failure) in count.tried:
            continue
        fault, before = "", (count.refused[name], count.unread[name])
        try:
            harness.trial(ACTS[name], failure)
        except AssertionError as error:
            fault = str(error)
            count.faults.append(fault)
            print(f"FAULT {fault}", flush=True)
        if record is not None:
            ended = (count.refused[name] - before[0], count.unread[name] - before[1], fault)
            with record.open("a") as file:
                file.write(json.dumps([name, *failure, *ended]) + "\n")


def _take_record(count: DiskCount, record: Path | None) -> None:
    if record is None or not record.exists():
        return
    for line in record.read_text().splitlines():
        name, number, error, is_lasting, refused, unread, fault = json.loads(line)
        count.tried.add((name, Failure(number, error, is_lasting)))
        count.refused[name] += refused
        count.unread[name] += unread
        count.faults += [fault] if fault else []
