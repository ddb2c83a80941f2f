"""The methods of both clients, each made of the function that describes its request.

A method of `Client` waits for the answer; the same method of `AsyncClient` returns an awaitable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from client.records.photos import Page
from client.requests import accounts as account_requests
from client.requests import catalogue as catalogue_requests
from client.requests import jobs as job_requests
from client.requests import keys as key_requests
from client.requests import photos as photo_requests
from client.requests import review as review_requests
from client.requests import season as season_requests
from client.requests.request import ServiceRequest

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")
Row = TypeVar("Row")
A = TypeVar("A")
R = TypeVar("R")


class SyncSender(Protocol):
    """What a method needs of a client that waits for each answer."""

    def call(self, describe: Callable[[], ServiceRequest[A]]) -> A: ...
    def iterate(self, describe: Callable[[str | None], ServiceRequest[Page[R]]]) -> Iterator[R]: ...


class AsyncSender(Protocol):
    """What a method needs of a client for asyncio."""

    def call(self, describe: Callable[[], ServiceRequest[A]]) -> Coroutine[Any, Any, A]: ...
    def iterate(
        self, describe: Callable[[str | None], ServiceRequest[Page[R]]]
    ) -> AsyncIterator[R]: ...


class Method(Generic[Parameters, Answer]):
    """A method that sends the request that a function describes, and returns its answer."""

    def __init__(self, describe: Callable[Parameters, ServiceRequest[Answer]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: SyncSender, owner: type) -> Callable[Parameters, Answer]: ...
    @overload
    def __get__(
        self, client: AsyncSender, owner: type
    ) -> Callable[Parameters, Coroutine[Any, Any, Answer]]: ...
    @overload
    def __get__(
        self, client: None, owner: type
    ) -> Callable[Parameters, ServiceRequest[Answer]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self._describe

        @wraps(self._describe)
        def method(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
            return client.call(lambda: self._describe(*args, **kwargs))

        return method


class Listing(Generic[Parameters, Row]):
    """A method that iterates over the rows of all pages, and fetches each page when needed."""

    def __init__(
        self, describe: Callable[Concatenate[str | None, Parameters], ServiceRequest[Page[Row]]]
    ) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: SyncSender, owner: type) -> Callable[Parameters, Iterator[Row]]: ...
    @overload
    def __get__(
        self, client: AsyncSender, owner: type
    ) -> Callable[Parameters, AsyncIterator[Row]]: ...
    @overload
    def __get__(
        self, client: None, owner: type
    ) -> Callable[Concatenate[str | None, Parameters], ServiceRequest[Page[Row]]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self._describe

        def method(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
            def describe(cursor: str | None) -> ServiceRequest[Page[Row]]:
                return self._describe(cursor, *args, **kwargs)

            return client.iterate(describe)

        method.__name__, method.__doc__ = self._describe.__name__, self.__doc__
        return method


class Methods:
    """All methods of both clients, except those that read a stream."""

    # The modules are imported under other names, as `keys`, `jobs` and `photos` are methods here.

    identify = Method(photo_requests.identify)
    verify = Method(photo_requests.verify)
    locate = Method(photo_requests.locate)
    embed = Method(photo_requests.embed)
    explain = Method(photo_requests.explain)

    send_photos = Method(catalogue_requests.send_photos)
    queue = Listing(catalogue_requests.queue)
    confirm = Method(catalogue_requests.confirm)
    reject = Method(catalogue_requests.reject)
    cards = Listing(review_requests.cards)
    card = Method(review_requests.card)
    confirm_card = Method(review_requests.confirm_card)
    reject_card = Method(review_requests.reject_card)
    split_card = Method(review_requests.split_card)
    join_cards = Method(review_requests.join_cards)
    confirm_many = Method(review_requests.confirm_many)

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
    assign_photos = Method(catalogue_requests.assign_photos)
    edit_photo = Method(catalogue_requests.edit_photo)
    delete_photo = Method(catalogue_requests.delete_photo)

    sightings = Listing(season_requests.sightings)
    sighting_summary = Method(season_requests.sighting_summary)
    unknown = Listing(season_requests.unknown)
    report = Method(season_requests.report)

    changes = Listing(catalogue_requests.changes)
    undo = Method(catalogue_requests.undo)
    merge_suggestions = Method(catalogue_requests.merge_suggestions)
    mark_different = Method(catalogue_requests.mark_different)
    tell_apart = mark_different  # the older name
    clusters = Method(catalogue_requests.clusters)
    photo_pair = Method(catalogue_requests.photo_pair)
    pair_heat = Method(catalogue_requests.pair_heat)

    start_job = Method(job_requests.start_job)
    jobs = Listing(job_requests.jobs)
    job = Method(job_requests.job)
    job_faults = Listing(job_requests.job_faults)
    job_report = Listing(job_requests.job_report)
    job_result = Method(job_requests.job_result)
    job_table = Method(job_requests.job_table)
    delete_job = Method(job_requests.delete_job)
    cancel_job = Method(job_requests.cancel_job)
    resume_job = Method(job_requests.resume_job)
    checkpoints = Method(job_requests.checkpoints)

    keys = Method(key_requests.keys)
    make_key = Method(key_requests.make_key)
    revoke_key = Method(key_requests.revoke_key)

    accounts = Method(account_requests.accounts)
    invite = Method(account_requests.invite)
    invite_again = Method(account_requests.invite_again)
    change_account = Method(account_requests.change_account)

    calibration = Method(job_requests.calibration)
    stats = Method(job_requests.stats)
    version = Method(job_requests.version)
    ready = Method(job_requests.ready)
    healthy = Method(job_requests.healthy)
