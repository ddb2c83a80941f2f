"""Things are made in order, a bounded number of steps and bytes ahead, and no more once nobody
wants them.
"""

from __future__ import annotations

import threading
import time

import pytest

from index.prefetch import prefetch


class Counted:
    """Makes numbers, and remembers which it has started on."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.started: list[int] = []
        self.seconds = seconds
        self.lock = threading.Lock()

    def __call__(self, number: int) -> int:
        with self.lock:
            self.started.append(number)
        time.sleep(self.seconds * (number % 3))  # so that threads overtake each other
        return number


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_order_and_number_are_kept(threads):
    make = Counted(0.001)
    for used, number in enumerate(prefetch(range(60), make, threads=threads, most=8)):
        assert number == used
        assert len(make.started) <= used + 8
    assert sorted(make.started) == list(range(60))


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_held_is_bounded(threads):
    make = Counted(0.001)
    for used, number in enumerate(
        prefetch(range(40), make, threads=threads, most=40, holds=lambda made: 5, most_held=10)
    ):
        assert number == used
        time.sleep(0.002)  # time enough for the threads to run ahead, if they did
        # Two hold the ten that are allowed, and each thread may have been let in just before.
        assert len(make.started) <= used + 1 + 2 + threads


def test_one_larger_than_all_that_is_allowed_still_comes():
    numbers = prefetch(
        range(9), Counted(), threads=3, most=4, holds=lambda made: 1000, most_held=10
    )
    assert list(numbers) == list(range(9))


def test_stopping_early_starts_no_more():
    make = Counted()
    numbers = prefetch(range(1000), make, threads=2, most=4, holds=lambda made: 1, most_held=2)
    assert next(numbers) == 0
    numbers.close()
    assert len(make.started) <= 4


def test_an_error_in_a_thread_reaches_the_user():
    def make(number: int) -> int:
        raise MemoryError(number)

    with pytest.raises(MemoryError):
        list(prefetch(range(3), make, threads=2, most=2))


def test_inputs_are_closed_with_it():
    """A generator left open would be closed later, by whichever thread drops it last."""
    closed: list[bool] = []

    def inputs():
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    def make(number: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(prefetch(inputs(), make, threads=2, most=4))
    assert closed == [True]
    numbers = prefetch(inputs(), Counted(), threads=2, most=4)
    next(numbers)
    numbers.close()
    assert closed == [True, True]


def test_one_of_its_own_threads_may_close_it():
    """As when Python clears up, in that thread, what nobody holds any more."""
    faults: list[Exception] = []
    is_made = threading.Event()

    def make(number: int) -> int:
        if number == 1:
            is_made.wait(timeout=30)
            try:
                numbers.close()
            except Exception as error:
                faults.append(error)
            is_over.set()
        return number

    is_over = threading.Event()
    numbers = prefetch(range(9), make, threads=2, most=2)
    assert next(numbers) == 0
    is_made.set()
    assert is_over.wait(timeout=30)
    assert faults == []


def test_nothing_given():
    assert list(prefetch([], Counted(), threads=2, most=2)) == []
