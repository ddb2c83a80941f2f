"""Waiting for a catalogue that others are changing, where giving up would throw away long work."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from index.storage.address import CatalogueBusy

_TRIES = (
    12  # each waits as long as the catalogue was opened to wait, five seconds unless told otherwise
)
_PAUSE_SECONDS = 0.1
_Found = TypeVar("_Found")


def retry_while_busy(act: Callable[[], _Found]) -> _Found:
    """Do an act again while others are changing the catalogue.

    Raises CatalogueBusy after a minute of that.
    """
    for _ in range(_TRIES - 1):
        try:
            return act()
        except CatalogueBusy:
            time.sleep(_PAUSE_SECONDS)
    return act()


@contextmanager
def enter_while_busy(opening: Callable[[], AbstractContextManager[_Found]]) -> Generator[_Found]:
    """Enter a context made by `opening`, again while others are changing the catalogue.

    Raises as `patient` does.
    """

    with ExitStack() as stack:
        yield retry_while_busy(lambda: stack.enter_context(opening()))
