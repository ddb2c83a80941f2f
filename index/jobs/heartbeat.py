"""A thread of its own that says a job is alive, however long one of its steps takes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from index.jobs.records import JobLost

HEARTBEAT_SECONDS = 20.0
"""How often a job says that it is alive, at least."""
BEATS_IN_A_LEASE = 6
"""So many beats may fail before a claim lapses."""

_log = logging.getLogger("flukeprint.jobs")


class Heartbeat:
    """Call `beat` every `seconds` while the block runs, until it says that the claim is lost.

    No more seldom than every HEARTBEAT_SECONDS.

    `beat` returns whether the job's end is wished for, and raises JobLost where the job is another
    process's by now. `on_cancel` and `on_lost` are called in the thread. Any other error is tried
    again at the next beat: a busy or absent database says nothing about whose the job is.
    """

    def __init__(
        self,
        beat: Callable[[], bool],
        *,
        on_cancel: Callable[[], None],
        on_lost: Callable[[str], None],
        seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._beat = beat
        self._on_cancel = on_cancel
        self._on_lost = on_lost
        self._seconds = min(HEARTBEAT_SECONDS, seconds)
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._has_ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._has_ended.wait(self._seconds):
            try:
                if self._beat():
                    self._on_cancel()
            except JobLost as error:
                self._on_lost(str(error))
                return
            except Exception as error:
                _log.debug("a heartbeat could not be written: %s", error)
