"""A micro-batcher: one thread answers, callers wait, and their number is limited."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from embedding.errors import FlukeprintError

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Busy(FlukeprintError):
    """All places are taken: the caller is to come back later."""


class _PendingQuestion(NamedTuple, Generic[Question, Answer]):
    question: Question
    answer: Future[Answer]


def _do_nothing(_: int) -> None:
    return None


class Batcher(Generic[Question, Answer]):
    """Gather questions that arrive together and answer them at once, in one thread of its own.

    `answer_all` gets 1 to `max_batch` questions and returns one answer each, in order. The first
    question of a batch waits `max_wait_ms` for company at most; with 0 a batch is what had gathered
    while the last was answered. `places` bounds how much is under way: take them before work is
    spent on what can't be answered in time. `on_batch` hears the size of each batch, in the
    answering thread.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[Question]], Sequence[Answer]],
        *,
        max_batch: int,
        max_waiting: int,
        max_wait_ms: float = 0.0,
        on_batch: Callable[[int], None] = _do_nothing,
    ) -> None:
        self._answer_all = answer_all
        self._on_batch = on_batch
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._max_wait_seconds = max_wait_ms / 1000
        self._queue: SimpleQueue[_PendingQuestion[Question, Answer] | None] = SimpleQueue()
        self._taken = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the answering thread."""
        if self._thread is not None:
            raise RuntimeError("this batcher runs already")
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer the pending questions, then end the thread.

        Stopping twice is harmless.
        """
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    @property
    def taken(self) -> int:
        """How many places are held."""
        return self._taken

    @contextmanager
    def places(self, count: int) -> Generator[None]:
        """Hold `count` places while the block runs. Raises Busy where fewer are free."""
        with self._lock:
            if self._taken + count > self._max_waiting:
                raise Busy(
                    f"{self._taken} of {self._max_waiting} places are taken and {count} are "
                    "needed; try again shortly"
                )
            self._taken += count
        try:
            yield
        finally:
            with self._lock:
                self._taken -= count

    async def answer(self, question: Question) -> Answer:
        """Wait for one question's answer; raises what answering it raised."""
        if self._thread is None:
            raise RuntimeError("this batcher is not running; call start() first")
        answer: Future[Answer] = Future()
        self._queue.put(_PendingQuestion(question, answer))
        return await asyncio.wrap_future(answer)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, is_last = self._gather(first)
            self._answer(
                [pending for pending in batch if pending.answer.set_running_or_notify_cancel()]
            )
            if is_last:
                return

    def _gather(
        self, first: _PendingQuestion[Question, Answer]
    ) -> tuple[list[_PendingQuestion[Question, Answer]], bool]:
        batch = [first]
        until = time.monotonic() + self._max_wait_seconds
        while len(batch) < self._max_batch:
            try:
                pending = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                break
            if pending is None:
                return batch, True
            batch.append(pending)
        return batch, False

    def _answer(self, batch: Sequence[_PendingQuestion[Question, Answer]]) -> None:
        if not batch:
            return
        self._on_batch(len(batch))
        try:
            answers = self._answer_all([pending.question for pending in batch])
            answered = list(zip(batch, answers, strict=True))
        except Exception as error:
            self._blame(batch, error)
        else:
            for pending, answer in answered:
                pending.answer.set_result(answer)

    def _blame(self, batch: Sequence[_PendingQuestion[Question, Answer]], error: Exception) -> None:
        """Fail only the question at fault: the others of its batch are answered one by one."""
        if len(batch) == 1:
            batch[0].answer.set_exception(error)
            return
        for pending in batch:
            self._answer([pending])
