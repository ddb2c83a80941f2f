"""training/distributed/messages.py: who prints, and when another's error is told."""

from __future__ import annotations

import sys

import pytest

from training.distributed.messages import first_prints
from training.distributed.world import LostProcess


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")


def test_alone_everything_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with first_prints():
        print("one")
        print("two", file=sys.stderr)
    assert capsys.readouterr() == ("one\n", "two\n")


@pytest.mark.usefixtures("second")
def test_the_second_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with first_prints():
        print("one")
        print("two", file=sys.stderr)
    print("after")
    assert capsys.readouterr() == ("after\n", "")


@pytest.mark.usefixtures("second")
def test_an_error_of_the_second_is_told_with_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), first_prints(grace_seconds=0):
        raise ValueError("broken")
    assert capsys.readouterr() == ("", "in process 1 of 2 (the first is 0):\n")


@pytest.mark.usefixtures("second")
@pytest.mark.parametrize(("end", "code"), [(KeyboardInterrupt(), 130), (LostProcess("gone"), 1)])
def test_what_the_first_tells_of_ends_the_second_without_a_word(
    end: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, first_prints(grace_seconds=0):
        raise end
    assert ended.value.code == code
    assert capsys.readouterr() == ("", "")
