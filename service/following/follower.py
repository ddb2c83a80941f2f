"""Follows a catalogue that other services and commands change: hears of each change, catches up."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.snapshots.later_changes import CatalogueState, read_state
from index.storage.connection import open_listener
from index.storage.postgres import Listener

POLL_SECONDS = 0.25
"""How often the catalogue is asked where it stands, also where it tells of changes itself: what it
tells can be lost with a connection, and PgBouncer passes nothing on."""
MOST_WAIT_SECONDS = 5.0
"""How long a request waits for the catching up, at most: on a busy machine it takes seconds."""
_FRESH_SECONDS = 2 * POLL_SECONDS
_ASK_AGAIN_SECONDS = 0.005
_log = logging.getLogger("flukeprint.service")


class Following(Protocol):
    """What is served of a catalogue, and how it is brought up to what the catalogue is."""

    catalogue: Catalogue

    @property
    def served_revision(self) -> int:
        """The revision that answers come from."""
        ...

    def catch_up(self, revision: int) -> None:
        """Serve this revision of the catalogue or a later one. Raises FlukeprintError."""
        ...

    def follow_calibration(self, state: CatalogueState) -> None:
        """Answer by the last calibration that was fitted. Raises FlukeprintError."""
        ...


class Follower:
    """A thread that brings what is served up to the catalogue, whoever changes it.

    It asks where the catalogue stands every POLL_SECONDS, which is one short query, and at once
    where PostgreSQL tells of a change. While the database is away, answers come from memory.
    """

    def __init__(self, served: Following, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._served = served
        self._clock = clock
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._is_stopping = threading.Event()
        self._listener: Listener | None = None
        self._newest = 0  # revision that is known to be there
        self._current_at = -math.inf  # when what is served was the newest revision
        self._has_asked = False
        self._is_away = False
        self._is_late = False  # catching up takes longer than a request may wait

    def start(self) -> None:
        """Begin to follow.

        Until the catalogue was asked once, requests wait: it may have changed since it was read.
        """
        self._thread.start()

    def stop(self) -> None:
        """End the thread. Harmless where it was never started."""
        self._is_stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_behind(self) -> bool:
        """Whether a newer revision is known, or nobody has looked for one for a while."""
        if self._is_away or not self._thread.is_alive():
            return False
        is_old = self._clock() - self._current_at > _FRESH_SECONDS
        return is_old or self._newest > self._served.served_revision

    async def wait_until_current(self) -> None:
        """Wait while what is served is behind, MOST_WAIT_SECONDS at most.

        Only the first requests wait so long, for example while the whole catalogue is read again:
        later ones are answered from what is served until it is current. At the start all wait.
        """
        deadline = self._clock() + MOST_WAIT_SECONDS
        while self.is_behind and not self._is_late:
            if self._has_asked and self._clock() > deadline:
                self._is_late = True
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            try:
                self._follow()
                self._wait()
            except FlukeprintError as error:
                self._note_failure(str(error))
            except Exception as error:
                _log.exception("The catalogue could not be followed")
                self._note_failure(type(error).__name__)
        self._close()

    def _follow(self) -> None:
        """Ask where the catalogue stands, and catch up."""
        asked_at = self._clock()
        state = read_state(self._served.catalogue)
        self._newest = state.revision
        if state.revision != self._served.served_revision:
            self._served.catch_up(state.revision)
        self._has_asked = True
        if self._served.served_revision >= state.revision:
            self._current_at, self._is_late = asked_at, False
        self._served.follow_calibration(state)
        if self._is_away:
            _log.warning("The catalogue can be followed again")
            self._is_away = False

    def _wait(self) -> None:
        if self._listener is None:
            self._listener = open_listener(self._served.catalogue.address)
            if self._listener is not None:
                return  # what was committed before it listened was not told
        if self._listener is None:
            self._is_stopping.wait(POLL_SECONDS)
        else:
            self._listener.wait(POLL_SECONDS)

    def _note_failure(self, reason: str) -> None:
        if not self._is_away:
            _log.warning(
                "The catalogue can't be followed just now: %s. Answers come from revision %d",
                reason,
                self._served.served_revision,
            )
        self._is_away = True
        self._close()
        self._is_stopping.wait(POLL_SECONDS)

    def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
