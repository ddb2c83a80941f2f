"""What is derived from the served catalogue, made once for each state of it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

_Source = TypeVar("_Source")
_Made = TypeVar("_Made")


class LastDerived(Generic[_Source, _Made]):
    """Makes something of an object, and keeps it as long as that very object is asked about.

    Safe from several threads, of which one makes it and the others wait. The object is not kept
    alive: what is no longer served goes.
    """

    def __init__(self, make: Callable[[_Source], _Made]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._last: tuple[weakref.ref[_Source], _Made] | None = None

    def of(self, source: _Source) -> _Made:
        """What is made of the object, now or before."""
        with self._lock:
            if self._last is None or self._last[0]() is not source:
                self._last = None
                self._last = weakref.ref(source), self._make(source)
            return self._last[1]
