"""Kept answers: begun, running, answered, forgotten, expired, too many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from index.access.idempotent_answers import StoredAnswer, StoredAnswers
from index.catalogue.catalogue import Catalogue
from index.storage.address import CatalogueAddress


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine(tmp_path: Path, place: Callable[[Path], CatalogueAddress]) -> Generator[Engine]:
    with Catalogue.open(place(tmp_path / "catalogue.db"), create=True) as catalogue:
        yield catalogue.engine


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(engine: Engine, clock: Clock) -> StoredAnswers:
    return StoredAnswers(
        engine, keep_seconds=100, lease_seconds=10, most=2, largest_body_bytes=8, clock=clock
    )


def test_a_request_is_carried_out_once_and_then_answered_from_the_store(
    answers: StoredAnswers,
) -> None:
    assert answers.begin("a", "h1") == "begun"
    assert answers.begin("a", "h1") == "running"
    answers.finish("a", 201, [("location", "/v1/x")], b"{}")
    assert answers.begin("a", "h1") == StoredAnswer(201, (("location", "/v1/x"),), b"{}")
    assert answers.begin("a", "h2") == "other-request"
    assert answers.begin("b", "h2") == "begun"


def test_what_failed_may_be_tried_again(answers: StoredAnswers) -> None:
    answers.begin("a", "h1")
    answers.forget("a")
    assert answers.begin("a", "h1") == "begun"


def test_a_large_body_is_not_kept_but_that_it_was_answered_is(answers: StoredAnswers) -> None:
    answers.begin("a", "h1")
    answers.finish("a", 200, [], b"123456789")
    assert answers.begin("a", "h1") == StoredAnswer(200, (), None)


def test_answers_expire_and_running_ones_sooner(answers: StoredAnswers, clock: Clock) -> None:
    answers.begin("a", "h1")
    answers.finish("a", 200, [], b"")
    answers.begin("b", "h1")
    clock.now += 11
    assert answers.begin("b", "h1") == "begun"
    assert answers.begin("a", "h1") == StoredAnswer(200, (), b"")
    clock.now += 101
    assert answers.begin("a", "other") == "begun"


def test_the_oldest_make_room_but_no_running_one(answers: StoredAnswers, clock: Clock) -> None:
    assert answers.count() == 0
    answers.begin("running", "h")
    for name in ("a", "b", "c"):
        clock.now += 1
        answers.begin(name, "h")
        answers.finish(name, 200, [], b"")
    assert answers.count() == 2
    assert answers.begin("running", "h") == "running"


def test_of_requests_that_come_at_once_one_is_carried_out(engine: Engine) -> None:
    said: list[object] = []
    together = threading.Barrier(6)

    def begin() -> None:
        together.wait()
        said.append(StoredAnswers(engine).begin("a", "h"))

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, said)) == ["begun", *["running"] * 5]


def test_a_request_that_takes_long_keeps_its_key_and_a_dead_service_s_gives_it_free(
    answers: StoredAnswers, clock: Clock
) -> None:
    answers.begin("a", "h1")
    for _ in range(5):
        clock.now += 9
        answers.renew("a")
        assert answers.begin("a", "h1") == "running"
    answers.begin("b", "h2")
    clock.now += 11
    assert answers.begin("b", "h2") == "begun"
    answers.finish("b", 201, [], b"{}")
    answers.renew("b")
    assert answers.begin("b", "h2") == StoredAnswer(201, (), b"{}")
