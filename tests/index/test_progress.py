"""A long step says what it does, how far it is and how fast, on stderr only."""

from __future__ import annotations

import io
import threading
import time

import pytest

from index.progress import no_progress, plain_lines, progress, spinner


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_come_every_few_seconds_and_at_the_end():
    out = io.StringIO()
    ticks = {"now": 0.0}
    with plain_lines(100, "Embedding photos", out, clock=lambda: ticks["now"]) as advance:
        ticks["now"] = 2.0
        advance(10)  # too soon for a line
        ticks["now"] = 5.0
        advance(10)
        ticks["now"] = 8.0
        advance(30)  # three seconds after the last line
        ticks["now"] = 10.0
        advance(50)  # due, but the end says it
        ticks["now"] = 12.0
    assert out.getvalue().splitlines() == [
        "Embedding photos: 20 of 100, 5 s, 4.0/s, about 20 s left",
        "Embedding photos: 100 of 100, 12 s, 8.3/s",
    ]


@pytest.mark.parametrize(("total", "of_total"), [(3, " of 3"), (None, ""), (5, " of 5")])
def test_no_line_stands_twice(total: int | None, of_total: str):
    out = io.StringIO()
    ticks = {"now": 0.0}
    with plain_lines(total, "epoch 80/84", out, clock=lambda: ticks["now"]) as advance:
        for now in (10.0, 20.0, 30.0):
            ticks["now"] = now
            advance(1)
    lines = out.getvalue().splitlines()
    assert len(lines) == len(set(lines)) == 3
    assert lines[-1].startswith(f"epoch 80/84: 3{of_total}, 30 s, 0.1/s")


def test_unknown_total_and_nothing_done():
    out = io.StringIO()
    with plain_lines(None, "Looking", out, clock=lambda: 0.0):
        pass
    assert out.getvalue() == "Looking: 0, 0 s\n"


def test_a_break_is_told_and_passed_on():
    out = io.StringIO()
    with (
        pytest.raises(KeyboardInterrupt),
        plain_lines(4, "Reading", out, clock=lambda: 0.0) as advance,
    ):
        advance(3)
        raise KeyboardInterrupt
    assert out.getvalue() == "Reading: 3 of 4 (stopped), 0 s\n"


def test_a_pipe_gets_plain_lines_on_stderr_only(capsys: pytest.CaptureFixture[str]):
    with progress(2, "Reading") as advance:
        advance(2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Reading: 2 of 2, ")


def test_a_terminal_gets_a_bar_with_description_and_count():
    out = Terminal()
    with progress(3, "Embedding photos", stream=out) as advance:
        advance(1)
        advance(2)
    assert "Embedding photos" in out.getvalue()
    assert "3/3" in out.getvalue()


def test_no_progress_is_silent(capsys: pytest.CaptureFixture[str]):
    with no_progress(2, "Reading") as advance:
        advance(2)
    assert capsys.readouterr() == ("", "")


def test_a_step_of_more_than_a_second_gets_a_spinner_that_leaves_nothing():
    out = Terminal()
    with spinner("Loading the model", stream=out, after_seconds=0):
        until = time.monotonic() + 20
        while "Loading the model ..." not in out.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    shown = out.getvalue()
    assert "Loading the model ..." in shown
    assert shown.endswith("\x1b[2K") or "\x1b[2K" in shown.rpartition("Loading the model")[2]
    assert shown.count("\x1b[?25h") == shown.count("\x1b[?25l") == 1  # the cursor is back


def test_a_quick_step_gets_none():
    out = Terminal()
    with spinner("Loading the model", stream=out):
        pass
    assert out.getvalue() == ""


def test_a_spinner_goes_away_with_what_breaks_it():
    out = Terminal()
    with pytest.raises(KeyboardInterrupt), spinner("Reading", stream=out, after_seconds=0):
        raise KeyboardInterrupt
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h")
    assert not any(thread.name.startswith("spinner") for thread in threading.enumerate())


def test_a_pipe_gets_no_spinner():
    out = io.StringIO()
    with spinner("Loading the model", stream=out, after_seconds=0):
        time.sleep(0.05)
    assert out.getvalue() == ""
