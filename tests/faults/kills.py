"""kill -9 at random moments: what was acknowledged is there, and nothing is half-made."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.exchange.backup.backup import restore_backup
from index.exchange.importing.sources import read_source
from tests.faults.acts import ACTS, MAKES_REVISIONS, REPLACES, Act
from tests.faults.copies import Copies
from tests.faults.forks import Outcome, moment, run_forked
from tests.faults.scene import Acknowledger, Scene, check_whole, remnants, snapshot


@dataclass
class KillCount:
    """How often each act was killed, and how often it ended before it could be."""

    killed: Counter[str] = field(default_factory=Counter[str])
    ended: Counter[str] = field(default_factory=Counter[str])


class KillHarness:
    """Kills acts on copies of one scene; `copies` makes and removes a copy."""

    def __init__(self, scene: Scene, copies: Copies, rng: random.Random) -> None:
        self.copies = copies
        self.rng = rng
        self._undisturbed: dict[str, tuple[float, dict[int, dict[str, Any]]]] = {}
        self.before = snapshot(scene.address)
        self.count = KillCount()

    def trial(self, act: Act) -> Outcome:
        """Kill one act at a random moment, check what remains, and do the act again.

        Raises AssertionError where something was lost or half-made.
        """
        seconds, states = self.reference(act)
        with self.copies() as scene:
            outcome = run_forked(partial(act.do, scene), kill_after=moment(self.rng, seconds))
            assert outcome.is_killed or outcome.code == 0, outcome.error
            (self.count.killed if outcome.is_killed else self.count.ended)[act.name] += 1
            if not outcome.is_killed:  # it was measured while others computed more
                self._undisturbed[act.name] = (min(seconds, 0.95 * outcome.seconds), states)
            check_after(act, scene, outcome, self.before, states)
            check_going_on(act, scene)
        return outcome

    def reference(self, act: Act) -> tuple[float, dict[int, dict[str, Any]]]:
        """How long an act takes, and the catalogue's states after each of its revisions."""
        if act.name not in self._undisturbed:
            states = {self.before["revision"]: self.before}
            with self.copies() as scene:
                states |= states_of(act, scene)  # which also loads what the act needs
            with self.copies() as scene:
                done = run_forked(partial(act.do, scene))
                assert done.code == 0, done.error
            self._undisturbed[act.name] = (done.seconds, states)
        return self._undisturbed[act.name]


def states_of(act: Act, scene: Scene) -> dict[int, dict[str, Any]]:
    """Do an act; give the catalogue's state after each revision, -1: what takes its place."""
    states: dict[int, dict[str, Any]] = {}

    class Recorder(Acknowledger):
        def __call__(self, **facts: Any) -> None:
            if "revision" in facts or "replaced" in facts:
                state = snapshot(scene.address)
                states[-1 if "replaced" in facts else state["revision"]] = state

    act.do(scene, Recorder(-1))
    return states


def check_after(
    act: Act,
    scene: Scene,
    outcome: Outcome,
    before: dict[str, Any],
    states: dict[int, dict[str, Any]],
) -> None:
    """Assert that a catalogue is whole and in one of the states that the act leads through."""
    check_whole(scene.address)
    now = snapshot(scene.address)
    if act.name in MAKES_REVISIONS:
        last = max(outcome.revisions, default=before["revision"])
        assert last <= now["revision"] <= last + 1, (last, now["revision"])
        assert now == states[now["revision"]]
    elif act.name in REPLACES:
        is_done = any("replaced" in fact for fact in outcome.facts)
        assert now == states[-1] or (now == before and not is_done)
    else:
        assert now == before
        _check_copies(scene, outcome, before)


def _check_copies(scene: Scene, outcome: Outcome, before: dict[str, Any]) -> None:
    """Assert that a backup or export is absent or whole; and there, where acknowledged."""
    done = {fact["backup"] for fact in outcome.facts if "backup" in fact}
    for out in (scene.folder / "made", scene.folder / "made.tar"):
        assert out.exists() or out.name not in done
        if out.exists():
            place = scene.folder / "restored"
            place.mkdir()
            restore_backup(out, place / "catalogue.db")
            check_whole(place / "catalogue.db")
            assert snapshot(place / "catalogue.db") == before
            shutil.rmtree(place)
    exported = scene.folder / "exported"
    assert exported.exists() or not any("export" in fact for fact in outcome.facts)
    if exported.exists():
        named = sum(photo[4] == "catalogued" for photo in before["photos"])
        assert len(read_source(exported, None, scene.folder / "staging").photos) == named


def check_going_on(act: Act, scene: Scene) -> None:
    """Assert that the same act can be done again, or another one, and that no half file stays."""
    if act.is_once:
        with Catalogue.open(scene.address) as catalogue:
            Curator(catalogue, made_by="ada").edit("w_0", {"notes": "goes on"})
    else:
        for out in (scene.folder / name for name in ("made", "made.tar", "exported")):
            if out.is_dir():
                shutil.rmtree(out)
            out.unlink(missing_ok=True)
        act.do(scene, _Silent())
        left = remnants(scene)
        assert left == [], (act.name, left)
    check_whole(scene.address)


class _Silent(Acknowledger):
    def __init__(self) -> None:
        super().__init__(-1)

    def __call__(self, **facts: Any) -> None:
        """Acknowledge to nobody."""


def run_kills(
    harness: KillHarness,
    count: int,
    deadline: float,
    acts: Sequence[str] = tuple(ACTS),
    report: Callable[[str], None] = print,
) -> KillCount:
    """Kill acts `count` times in all, each as often as the others, or until a deadline."""
    while (killed := harness.count.killed.total()) < count and time.monotonic() < deadline:
        name = min(acts, key=lambda one: harness.count.killed[one])
        harness.trial(ACTS[name])
        if harness.count.killed.total() % 50 == 0 != killed % 50:
            report(f"{harness.count.killed.total()} killed: {dict(harness.count.killed)}")
    return harness.count
