from __future__ import annotations

import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from demo.album import DemoError, Query
from demo.serving import (
    Answer,
    build_index,
    flukeprint,
    free_port,
    handle_termination,
    identify,
    serve_catalogue,
)
from embedding.photos.photo import from_array, save_jpeg
from index.search.matching import Match


def _answer(truth: str | None, decision: str, *named: str) -> Answer:
    matches = tuple(Match(name, 0.1, 0.5, f"{name}.jpg") for name in named)
    return Answer(Query(Path("question.jpg"), truth), decision, 0.5, matches)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (_answer("w_a", "known", "w_a", "w_b"), "right"),
        (_answer("w_a", "review", "w_a"), "right"),
        (_answer("w_a", "new_whale", "w_a"), "wrong"),
        (_answer("w_a", "known", "w_b", "w_a"), "wrong"),
        (_answer("w_a", "review"), "wrong"),
        (_answer(None, "new_whale", "w_a"), "right"),
        (_answer(None, "review", "w_a"), "unsure"),
        (_answer(None, "known", "w_a"), "wrong"),
    ],
)
def test_an_answer_is_right_when_it_names_the_whale_or_calls_a_new_one_new(
    answer: Answer, verdict: str
) -> None:
    assert answer.verdict == verdict


def test_the_other_flukeprint_is_run_by_this_python() -> None:
    assert flukeprint("serve")[1:] == ["-m", "flukeprint", "serve"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    import numpy as np

    path = tmp_path / "question.jpg"
    save_jpeg(from_array(np.full((20, 40, 3), 90, np.uint8)), path)
    return path


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.db"
    path.write_text("drawn")
    return path


@pytest.mark.usefixtures("stubbed")
def test_a_served_catalogue_answers_and_is_gone_afterwards(
    tmp_path: Path, photo: Path, catalogue: Path
) -> None:
    with serve_catalogue(catalogue, free_port(), tmp_path / "serve.log") as url:
        answer = identify(url, Query(photo, "w_drawn_00"), k=2)
    assert answer.verdict == "right"
    assert answer.decision == "known"
    assert answer.matches == (Match("w_drawn_00", 0.2, 0.9, "w_drawn_00_1.jpg"),) * 2
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url}/readyz")


@pytest.mark.usefixtures("stubbed")
def test_a_refused_photo_is_told_with_the_service_s_reason(tmp_path: Path, catalogue: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("no photo")
    with (
        serve_catalogue(catalogue, free_port(), tmp_path / "serve.log") as url,
        pytest.raises(DemoError, match=r"answered 422 to text\.jpg.*is not a photo"),
    ):
        identify(url, Query(text, None))


@pytest.mark.usefixtures("stubbed")
def test_a_service_that_does_not_start_is_told_in_its_own_words(tmp_path: Path) -> None:
    with (
        pytest.raises(
            DemoError, match=r"exit code 1; it said: there is no catalogue at absent\.db"
        ),
        serve_catalogue(tmp_path / "absent.db", free_port(), tmp_path / "serve.log"),
    ):
        raise AssertionError("never served")


def test_a_service_that_went_away_is_an_error_and_no_traceback(photo: Path) -> None:
    with pytest.raises(DemoError, match="no longer answers"):
        identify(f"http://127.0.0.1:{free_port()}", Query(photo, None))


@pytest.mark.usefixtures("stubbed")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_service_ends_when_the_block_is_interrupted(
    tmp_path: Path, catalogue: Path, stop: signal.Signals
) -> None:
    def interrupted() -> None:
        with (
            handle_termination(),
            serve_catalogue(catalogue, free_port(), tmp_path / "serve.log") as url,
        ):
            urls.append(url)
            signal.raise_signal(stop)

    urls: list[str] = []
    before = signal.getsignal(stop)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert signal.getsignal(stop) is before
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{urls[0]}/readyz")


@pytest.mark.usefixtures("stubbed")
def test_an_index_that_fails_stops_the_demo(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("")
    with pytest.raises(DemoError, match="index build` ended with exit code 1"):
        build_index(tmp_path / "catalogue.db", tmp_path / "labels.csv", tmp_path, Path("broken"))


def test_an_interrupted_index_is_interrupted_itself_and_may_clean_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = (
        "import os, signal, sys, time\n"
        "try:\n    os.kill(os.getppid(), signal.SIGTERM)\n    time.sleep(60)\n"
        f"except KeyboardInterrupt:\n    open({str(tmp_path / 'cleaned')!r}, 'w')"
    )
    monkeypatch.setattr("demo.serving.flukeprint", lambda *arguments: [sys.executable, "-c", slow])
    with pytest.raises(KeyboardInterrupt), handle_termination():
        build_index(tmp_path / "catalogue.db", tmp_path / "labels.csv", tmp_path, None)
    assert (tmp_path / "cleaned").exists()
