"""Methods that are described once for both clients: one waits for the answer, the other gives an awaitable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from client.records.photos import Page
from client.requests import catalogue, jobs, keys, photos
from client.requests.request import Ask

if TYPE_CHECKING:
    from client.clients import AsyncClient, Client

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Row = TypeVar("Row")


class Method(Generic[Given, Answer]):
    """A method that sends what a function describes, and answers what that reads."""

    def __init__(self, describe: Callable[Given, Ask[Answer]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: Client, owner: type) -> Callable[Given, Answer]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[Given, Coroutine[Any, Any, Answer]]: ...
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
    def __get__(self, client: Client, owner: type) -> Callable[Given, Iterator[Row]]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[Given, AsyncIterator[Row]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[str | None, Given], Ask[Page[Row]]]: ...
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
    """All that can be asked of a service, but for watching a job, which each client does in its own way."""

    identify = Method(photos.identify)
    verify = Method(photos.verify)
    embed = Method(photos.embed)
    explain = Method(photos.explain)

    send_photos = Method(catalogue.send_photos)
    queue = Listing(catalogue.queue)
    confirm = Method(catalogue.confirm)
    reject = Method(catalogue.reject)

    individuals = Listing(catalogue.individuals)
    individual = Method(catalogue.individual)
    next_id = Method(catalogue.next_id)
    edit_individual = Method(catalogue.edit_individual)
    rename = Method(catalogue.rename)
    merge = Method(catalogue.merge)
    split = Method(catalogue.split)

    encounters = Listing(catalogue.encounters)
    edit_encounter = Method(catalogue.edit_encounter)
    photos = Listing(catalogue.photos)
    thumbnail = Method(catalogue.thumbnail)
    move_photos = Method(catalogue.move_photos)
    edit_photo = Method(catalogue.edit_photo)
    delete_photo = Method(catalogue.delete_photo)

    changes = Listing(catalogue.changes)
    undo = Method(catalogue.undo)
    merge_suggestions = Method(catalogue.merge_suggestions)
    tell_apart = Method(catalogue.tell_apart)
    clusters = Method(catalogue.clusters)

    start_job = Method(jobs.start_job)
    jobs = Listing(jobs.jobs)
    job = Method(jobs.job)
    job_faults = Listing(jobs.job_faults)
    job_report = Listing(jobs.job_report)
    job_result = Method(jobs.job_result)
    delete_job = Method(jobs.delete_job)
    cancel_job = Method(jobs.cancel_job)
    resume_job = Method(jobs.resume_job)
    checkpoints = Method(jobs.checkpoints)

    keys = Method(keys.keys)
    make_key = Method(keys.make_key)
    revoke_key = Method(keys.revoke_key)

    calibration = Method(jobs.calibration)
    stats = Method(jobs.stats)
    version = Method(jobs.version)
    ready = Method(jobs.ready)
    healthy = Method(jobs.healthy)
