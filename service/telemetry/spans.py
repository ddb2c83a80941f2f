"""Spans of what takes time: nothing where no tracing was started (`tracing.py`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import NamedTuple, TypeVar

from opentelemetry import metrics, trace

PHOTOS, JOB_ID, JOB_KIND = "flukeprint.photos", "flukeprint.job.id", "flukeprint.job.kind"
_TRACER = "flukeprint"
_Found = TypeVar("_Found")


class Step(NamedTuple):
    """A part of an answer's time, in nanoseconds since 1970, and for how many photos together."""

    name: str
    began_ns: int
    ended_ns: int
    photos: int


@contextmanager
def timed_step(name: str, photos: int, steps: list[Step]) -> Generator[None]:
    """Add the block to `steps`, for each request whose photos it was done for."""
    began = time.time_ns()
    try:
        yield
    finally:
        steps.append(Step(name, began, time.time_ns(), photos))


def in_this_trace(act: Callable[[], _Found]) -> Callable[[], _Found]:
    """`act` for another thread, whose spans then belong to the request at hand."""
    return partial(copy_context().run, act)


@contextmanager
def span(name: str, **attributes: str | int) -> Generator[None]:
    """Make a span of the block. Attributes are those above: no photo, place or name."""
    with trace.get_tracer(_TRACER).start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ):
        yield


def write_steps(steps: Iterable[Step]) -> None:
    """Make spans of steps that another thread took, in the request at hand."""
    tracer = trace.get_tracer(_TRACER)
    for step in steps:
        made = tracer.start_span(
            step.name, start_time=step.began_ns, attributes={PHOTOS: step.photos}
        )
        made.end(step.ended_ns)


class SentFigures:
    """The figures that go out by OpenTelemetry as well as to Prometheus."""

    def __init__(self) -> None:
        meter = metrics.get_meter(_TRACER)
        self._batches = meter.create_histogram(
            "flukeprint.batch.photos", "{photo}", "Photos that went through the network at once."
        )
        self._decisions = meter.create_counter(
            "flukeprint.decisions", "{photo}", "Photos answered, by decision."
        )

    def batch(self, photos: int) -> None:
        """Count one batch."""
        self._batches.record(photos)

    def decision(self, decision: str) -> None:
        """Count one photo's decision."""
        self._decisions.add(1, {"decision": decision})
