"""Methods that are described once for both clients: one waits for the answer, the other gives an
awaitable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from client.records.photos import Page
from client.requests import catalogue as catalogue_requests
from client.requests import jobs as job_requests
from client.requests import keys as key_requests
from client.requests import photos as photo_requests
from client.requests.request import Ask

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Row = TypeVar("Row")
A = TypeVar("A")
R = TypeVar("R")


class Waiting(Protocol):
    """What a method needs of a client that waits for each answer."""

    def described(self, describe: Callable[[], Ask[A]]) -> A: ...
    def listed(self, describe: Callable[[str | None], Ask[Page[R]]]) -> Iterator[R]: ...


class Awaiting(Protocol):
    """What a method needs of a client for asyncio."""

    def described(self, describe: Callable[[], Ask[A]]) -> Coroutine[Any, Any, A]: ...
    def listed(self, describe: Callable[[str | None], Ask[Page[R]]]) -> AsyncIterator[R]: ...


class Method(Generic[Given, Answer]):
    """A method that sends what a function describes, and answers what that reads."""

    def __init__(self, describe: Callable[Given, Ask[Answer]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: Waiting, owner: type) -> Callable[Given, Answer]: ...
    @overload
    def __get__(
        self, client: Awaiting, owner: type
    ) -> Callable[Given, Coroutine[Any, Any, Answer]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Callable[Given, Ask[Answer]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self._describe

        @wraps(self._describe)
        def method(*args: Given.args, **kwargs: Given.kwargs) -> Any:
            return client.described(lambda: self._describe(*args, **kwargs))

        return method


class Listing(Generic[Given, Row]):
    """A method that iterates over the rows of all pages, fetching each page when it is come to."""

    def __init__(self, describe: Callable[Concatenate[str | None, Given], Ask[Page[Row]]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: Waiting, owner: type) -> Callable[Given, Iterator[Row]]: ...
    @overload
    def __get__(self, client: Awaiting, owner: type) -> Callable[Given, AsyncIterator[Row]]: ...
    @overload
    def __get__(
        self, client: None, owner: type
    ) -> Callable[Concatenate[str | None, Given], Ask[Page[Row]]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self._describe

        def method(*args: Given.args, **kwargs: Given.kwargs) -> Any:
            def describe(cursor: str | None) -> Ask[Page[Row]]:
                return self._describe(cursor, *args, **kwargs)

            return client.listed(describe)

        method.__name__, method.__doc__ = self._describe.__name__, self.__doc__
        return method


class Methods:
    """All that can be asked of a service, but for watching a job, which each client does in its own
    way.
    """

    identify = Method(photo_requests.identify)
    verify = Method(photo_requests.verify)
    embed = Method(photo_requests.embed)
    explain = Method(photo_requests.explain)

    send_photos = Method(catalogue_requests.send_photos)
    queue = Listing(catalogue_requests.queue)
    confirm = Method(catalogue_requests.confirm)
    reject = Method(catalogue_requests.reject)

    individuals = Listing(catalogue_requests.individuals)
    individual = Method(catalogue_requests.individual)
    next_id = Method(catalogue_requests.next_id)
    edit_individual = Method(catalogue_requests.edit_individual)
    rename = Method(catalogue_requests.rename)
    merge = Method(catalogue_requests.merge)
    split = Method(catalogue_requests.split)

    encounters = Listing(catalogue_requests.encounters)
    edit_encounter = Method(catalogue_requests.edit_encounter)
    photos = Listing(catalogue_requests.photos)
    thumbnail = Method(catalogue_requests.thumbnail)
    move_photos = Method(catalogue_requests.move_photos)
    edit_photo = Method(catalogue_requests.edit_photo)
    delete_photo = Method(catalogue_requests.delete_photo)

    changes = Listing(catalogue_requests.changes)
    undo = Method(catalogue_requests.undo)
    merge_suggestions = Method(catalogue_requests.merge_suggestions)
    tell_apart = Method(catalogue_requests.tell_apart)
    clusters = Method(catalogue_requests.clusters)

    start_job = Method(job_requests.start_job)
    jobs = Listing(job_requests.jobs)
    job = Method(job_requests.job)
    job_faults = Listing(job_requests.job_faults)
    job_report = Listing(job_requests.job_report)
    job_result = Method(job_requests.job_result)
    delete_job = Method(job_requests.delete_job)
    cancel_job = Method(job_requests.cancel_job)
    resume_job = Method(job_requests.resume_job)
    checkpoints = Method(job_requests.checkpoints)

    keys = Method(key_requests.keys)
    make_key = Method(key_requests.make_key)
    revoke_key = Method(key_requests.revoke_key)

    calibration = Method(job_requests.calibration)
    stats = Method(job_requests.stats)
    version = Method(job_requests.version)
    ready = Method(job_requests.ready)
    healthy = Method(job_requests.healthy)
