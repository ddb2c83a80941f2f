"""kill -9 of the PostgreSQL server itself: what was acknowledged is there when it has recovered."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from tests.faults.acts import Act
from tests.faults.copies import Copies
from tests.faults.forks import moment, run_forked
from tests.faults.kills import KillHarness, check_after, check_going_on
from tests.faults.scene import Scene
from tests.postgres_server import PostgresServer

_TOLD = ("index.storage.address.CatalogueAway: ", "index.access.tables.AccessUnavailable: ")


@dataclass
class CrashCount:
    """How often each act was cut short by the server's end, and how often it was done before."""

    cut: Counter[str] = field(default_factory=Counter[str])
    ended: Counter[str] = field(default_factory=Counter[str])


class CrashHarness(KillHarness):
    """Kills the server under an act on a copy of a scene, starts it again, and compares."""

    def __init__(
        self, server: PostgresServer, scene: Scene, copies: Copies, rng: random.Random
    ) -> None:
        super().__init__(scene, copies, rng)
        self._server = server
        self.crashes = CrashCount()

    def crash_trial(self, act: Act) -> None:
        """Crash the server at a random moment of an act.

        Raises AssertionError where something was lost or half-made, or where the act ended with
        anything but an error that names the database.
        """
        seconds, states = self.reference(act)
        with self.copies() as scene:
            crash = threading.Timer(moment(self.rng, seconds), self._server.crash)
            crash.start()
            outcome = run_forked(partial(act.do, scene))
            crash.join()
            self._server.start()
            is_cut = outcome.code != 0
            last = outcome.error.strip().rpartition("\n")[2]
            assert not is_cut or last.startswith(_TOLD), outcome.error
            (self.crashes.cut if is_cut else self.crashes.ended)[act.name] += 1
            check_after(act, scene, outcome, self.before, states)
            check_going_on(act, scene)
