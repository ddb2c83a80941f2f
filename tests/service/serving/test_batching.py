"""The micro-batcher against a plain loop; its thread is held by events, never by sleeping."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Sequence

import pytest

from service.serving.batching import Batcher, Busy


class Doubler:
    """Answers twice the number; remembers its batches; holds while `gate` is closed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, questions: Sequence[int]) -> list[int]:
        self.batches.append(list(questions))
        self.entered.set()
        assert self.gate.wait(30)
        if any(question < 0 for question in questions):
            raise ValueError(f"negative among {list(questions)}")
        return [2 * question for question in questions]


@pytest.fixture
def doubler() -> Doubler:
    return Doubler()


@pytest.fixture
def batcher(doubler: Doubler) -> Generator[Batcher[int, int]]:
    made = Batcher(doubler, max_batch=4, max_waiting=6)
    made.start()
    yield made
    made.stop()


async def _while_held(
    batcher: Batcher[int, int], doubler: Doubler, questions: Sequence[int]
) -> list[object]:
    """Ask the first question, and the others once its batch is being answered; then let go."""
    doubler.gate.clear()
    first = asyncio.create_task(batcher.answer(questions[0]))
    await asyncio.to_thread(doubler.entered.wait, 30)
    others = [asyncio.create_task(batcher.answer(question)) for question in questions[1:]]
    await asyncio.sleep(0)  # every task has put its question
    doubler.gate.set()
    return list(await asyncio.gather(first, *others, return_exceptions=True))


def test_every_question_gets_its_own_answer(batcher: Batcher[int, int]) -> None:
    async def ask_all() -> list[int]:
        return await asyncio.gather(*(batcher.answer(question) for question in range(100)))

    assert asyncio.run(ask_all()) == [2 * question for question in range(100)]


def test_what_gathers_during_a_batch_is_answered_together_up_to_max_batch(
    batcher: Batcher[int, int], doubler: Doubler
) -> None:
    answers = asyncio.run(_while_held(batcher, doubler, [0, 1, 2, 3, 4, 5]))
    assert answers == [0, 2, 4, 6, 8, 10]
    assert doubler.batches == [[0], [1, 2, 3, 4], [5]]


def test_a_batch_waits_for_company_when_told_to(doubler: Doubler) -> None:
    batcher = Batcher(doubler, max_batch=2, max_waiting=2, max_wait_ms=30_000)
    batcher.start()

    async def ask_both() -> list[int]:
        first = asyncio.create_task(batcher.answer(1))
        await asyncio.sleep(0.05)  # the thread has long taken the first, and waits
        return [await batcher.answer(2), await first]

    assert asyncio.run(ask_both()) == [4, 2]
    assert doubler.batches == [[1, 2]]
    batcher.stop()


def test_a_failure_is_only_its_own_questions(batcher: Batcher[int, int], doubler: Doubler) -> None:
    first, one, failed, three = asyncio.run(_while_held(batcher, doubler, [0, 1, -2, 3]))
    assert (first, one, three) == (0, 2, 6)
    assert isinstance(failed, ValueError)
    assert str(failed) == "negative among [-2]"


def test_a_wrong_number_of_answers_is_an_error_not_a_hang() -> None:
    batcher: Batcher[int, int] = Batcher(lambda questions: [], max_batch=4, max_waiting=4)
    batcher.start()
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        asyncio.run(batcher.answer(1))
    batcher.stop()


def test_places_are_bounded_and_given_back(batcher: Batcher[int, int]) -> None:
    with batcher.places(4):
        with (
            pytest.raises(Busy, match="4 of 6 places are taken and 3 are needed"),
            batcher.places(3),
        ):
            pass
        with batcher.places(2):
            pass
    with pytest.raises(KeyError), batcher.places(6):
        raise KeyError
    with batcher.places(6):
        pass


def test_stop_answers_what_was_asked_and_refuses_more(doubler: Doubler) -> None:
    batcher = Batcher(doubler, max_batch=2, max_waiting=8)
    batcher.start()

    async def stop_while_held() -> list[object]:
        doubler.gate.clear()
        asked = [asyncio.create_task(batcher.answer(question)) for question in range(5)]
        await asyncio.to_thread(doubler.entered.wait, 30)
        stopping = asyncio.create_task(asyncio.to_thread(batcher.stop))
        await asyncio.sleep(0)
        doubler.gate.set()
        await stopping
        return list(await asyncio.gather(*asked))

    assert asyncio.run(stop_while_held()) == [0, 2, 4, 6, 8]
    with pytest.raises(RuntimeError, match="not running"):
        asyncio.run(batcher.answer(1))
    batcher.stop()


def test_a_cancelled_question_is_left_out(batcher: Batcher[int, int], doubler: Doubler) -> None:
    async def cancel_one() -> list[int]:
        doubler.gate.clear()
        first = asyncio.create_task(batcher.answer(0))
        await asyncio.to_thread(doubler.entered.wait, 30)
        cancelled, kept = (
            asyncio.create_task(batcher.answer(1)),
            asyncio.create_task(batcher.answer(2)),
        )
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        doubler.gate.set()
        return [await first, await kept]

    assert asyncio.run(cancel_one()) == [0, 4]
    assert doubler.batches == [[0], [2]]
