"""Others are writing: the same act succeeds a moment later, or says so at last."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from index.storage import retry
from index.storage.address import CatalogueBusy
from index.storage.retry import enter_while_busy, retry_while_busy


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(retry, "_PAUSE_SECONDS", 0)


class Busy:
    """Refuses so many times, then answers."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.closed: list[str] = []

    def act(self) -> str:
        if self.left:
            self.left -= 1
            raise CatalogueBusy("another flukeprint is changing it")
        return "done"

    @contextmanager
    def opened(self) -> Generator[str]:
        yield self.act()
        self.closed.append("whole")


def test_an_act_is_done_once_the_others_are_ready():
    assert retry_while_busy(Busy(3).act) == "done"


def test_patience_ends():
    with pytest.raises(CatalogueBusy, match="is changing it"):
        retry_while_busy(Busy(100).act)


def test_a_context_is_entered_once_the_others_are_ready_and_left_once():
    busy = Busy(2)
    with enter_while_busy(busy.opened) as said:
        assert (said, busy.closed) == ("done", [])
    assert busy.closed == ["whole"]


def test_what_is_raised_within_is_not_tried_again():
    busy, tries = Busy(0), []
    with pytest.raises(CatalogueBusy), enter_while_busy(busy.opened):
        tries.append(1)
        raise CatalogueBusy("within")
    assert (tries, busy.closed) == ([1], [])
