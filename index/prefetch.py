"""Making things in threads a bounded number of steps, and of bytes, ahead of their use."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TypeVar, cast

from embedding.cores import core_count

Input = TypeVar("Input")
Output = TypeVar("Output")
_MOST_DECODING = 16  # each may hold a photo of hundreds of megabytes


def decoding_threads() -> int:
    """How many threads decode photos side by side: one a core, but 2 at least and 16 at most."""
    return min(max(2, core_count()), _MOST_DECODING)


def prefetch(
    inputs: Iterable[Input],
    make: Callable[[Input], Output],
    *,
    threads: int,
    most: int,
    holds: Callable[[Output], int] = lambda made: 0,
    most_held: int = 1,
) -> Generator[Output]:
    """Make things in order, in `threads` threads, at most `most` of them ahead of their use.

    No thread starts another while those waiting hold `most_held` or more (bytes, say, as `holds`
    counts them), so that at most `threads` things go beyond it. `inputs` that are a generator are
    closed at the end, after a fault and Ctrl-C too.
    """
    gate = _Gate(most_held)
    own_threads: set[int] = set()

    def make_at(turn: int, each: Input) -> Output:
        gate.enter(turn)
        made = make(each)
        gate.hold(holds(made))
        return made

    def used(future: Future[Output]) -> Output:
        made = future.result()
        gate.hold(-holds(made))
        return made

    pool = ThreadPoolExecutor(
        threads,
        thread_name_prefix="ahead",
        initializer=lambda: own_threads.add(threading.get_ident()),
    )
    waiting: deque[Future[Output]] = deque()
    try:
        for turn, each in enumerate(inputs):
            waiting.append(pool.submit(make_at, turn, each))
            if len(waiting) >= most:
                yield used(waiting.popleft())
        while waiting:
            yield used(waiting.popleft())
    finally:
        # Also when the user of these stops early: on Ctrl-C only what is being made is waited for.
        gate.close()
        # Python may close a generator that was dropped in any thread, and none can wait for itself.
        is_own = threading.get_ident() in own_threads
        pool.shutdown(wait=not is_own, cancel_futures=True)
        if isinstance(inputs, Generator):
            cast("Generator[Input]", inputs).close()


class _Gate:
    """Lets threads in one by one, in the order of their turns.

    A later item that took up all the room would keep out an earlier one, which is needed first.
    """

    def __init__(self, most_held: int) -> None:
        self._most_held = most_held
        self._held = 0
        self._turn = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def enter(self, turn: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._may_enter(turn))
            if self._is_closed:
                raise CancelledError
            self._turn += 1
            self._changed.notify_all()

    def hold(self, more: int) -> None:
        with self._changed:
            self._held += more
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _may_enter(self, turn: int) -> bool:
        return turn == self._turn and self._held < self._most_held
