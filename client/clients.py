"""The two clients: `Client` waits for each answer, `AsyncClient` is for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Self, TypeVar

import httpx

from client.errors import ServerBusy, ServiceUnreachable
from client.job_events import JobEvent, JobWatch, aiter_events, iter_events
from client.methods import Methods
from client.records.photos import Page
from client.records.service import Job
from client.requests.jobs import job_events, job_result
from client.requests.request import ServiceRequest
from client.retries import Retries
from client.transport import Transport, atomic_file

Answer = TypeVar("Answer")
Row = TypeVar("Row")

_INTERRUPTIONS = (ServiceUnreachable, ServerBusy)


class Client(Transport, Methods):
    """A client of a flukeprint service.

    Use it as a context manager, or close it; several threads may share one.
    """

    def __init__(
        self,
        server: str,
        api_key: str | None = None,
        *,
        timeout_seconds: float = 60.0,
        retries: Retries = Retries(),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare a client of the service at `server`, such as `http://127.0.0.1:8000`.

        Nothing is sent yet. Without `api_key` the client sends the environment's
        FLUKEPRINT_API_KEY, where there is one. Raises BadServer.
        """
        super().__init__(server, api_key, timeout_seconds, retries)
        self._http = httpx.Client(**self._settings, transport=transport)

    def send(self, request: ServiceRequest[Answer]) -> Answer:
        """Send a request, and send it again where that is safe and may help.

        Raises ServiceError.
        """
        attempts = self._attempts(request)
        with self._open_request(request) as arguments:
            while True:
                try:
                    response = self._http.request(**arguments)
                except httpx.TransportError as error:
                    wait = attempts.wait_after_error(error)
                else:
                    wait = attempts.wait_after(response)
                    if wait is None:
                        return request.read(response)
                time.sleep(wait)

    def call(self, describe: Callable[[], ServiceRequest[Answer]]) -> Answer:
        """Describe a request and send it."""
        return self.send(describe())

    def iterate(self, describe: Callable[[str | None], ServiceRequest[Page[Row]]]) -> Iterator[Row]:
        """Iterate over the rows of all pages."""
        page = self.send(describe(None))
        yield from page.rows
        while page.next_cursor is not None:
            page = self.send(describe(page.next_cursor))
            yield from page.rows

    def watch_job(self, id: int, *, timeout_seconds: float | None = None) -> Iterator[Job]:
        """Yield a job whenever it has changed, until it is over.

        While the service restarts, the client waits for it. Raises NotFound, TimeoutError (checked
        with every event and heartbeat, so at least every 15 seconds), and ServiceUnreachable after
        a minute without either.
        """
        watch = JobWatch(timeout_seconds)
        while not watch.is_over:
            interruption: Exception | None = None
            try:
                for event in self._job_events(id, watch):
                    if job := watch.receive(event):
                        yield job
            except _INTERRUPTIONS as error:
                interruption = error
            if not watch.is_over:
                time.sleep(watch.pause_after(interruption))

    def wait_for_job(
        self,
        id: int,
        *,
        on_progress: Callable[[Job], object] | None = None,
        timeout_seconds: float | None = None,
    ) -> Job:
        """Wait until a job is over, and return it; its `state` and `reason` say how it ended.

        Raises as `watch_job`.
        """
        job = None
        for job in self.watch_job(id, timeout_seconds=timeout_seconds):
            if on_progress is not None:
                on_progress(job)
        assert job is not None
        return job

    def save_job_result(self, id: int, to: Path) -> None:
        """Write a job's result to a file, piece by piece; the file appears when it is complete.

        Raises as `job_result`.
        """
        request = job_result(id)
        try:
            with self._http.stream(**self._stream_arguments(request)) as response:
                if not response.is_success:
                    response.read()
                    self._attempts(request).raise_refusal(response)
                with atomic_file(to) as file:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
        except httpx.TransportError as error:
            raise self._attempts(request).unreachable_error(error) from error

    def _job_events(self, id: int, watch: JobWatch) -> Iterator[JobEvent]:
        request = job_events(id)
        try:
            with self._http.stream(**self._stream_arguments(request)) as response:
                if not response.is_success:
                    response.read()
                    self._attempts(request).raise_refusal(response)
                yield from iter_events(response, watch)
        except httpx.TransportError as error:
            raise self._attempts(request).unreachable_error(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(Transport, Methods):
    """A client of a flukeprint service for asyncio.

    Use it as an asynchronous context manager, or close it.
    """

    def __init__(
        self,
        server: str,
        api_key: str | None = None,
        *,
        timeout_seconds: float = 60.0,
        retries: Retries = Retries(),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare a client of the service at `server`, as `Client` does."""
        super().__init__(server, api_key, timeout_seconds, retries)
        self._http = httpx.AsyncClient(**self._settings, transport=transport)

    async def send(self, request: ServiceRequest[Answer]) -> Answer:
        """Send a request, and send it again where that is safe and may help.

        Raises ServiceError.
        """
        attempts = self._attempts(request)
        with self._open_request(request) as arguments:
            while True:
                try:
                    response = await self._http.request(**arguments)
                except httpx.TransportError as error:
                    wait = attempts.wait_after_error(error)
                else:
                    wait = attempts.wait_after(response)
                    if wait is None:
                        return request.read(response)
                await asyncio.sleep(wait)

    async def call(self, describe: Callable[[], ServiceRequest[Answer]]) -> Answer:
        """Describe a request in a thread, as that may read files, and send it."""
        return await self.send(await asyncio.to_thread(describe))

    async def iterate(
        self, describe: Callable[[str | None], ServiceRequest[Page[Row]]]
    ) -> AsyncIterator[Row]:
        """Iterate over the rows of all pages."""
        page = await self.send(describe(None))
        for row in page.rows:
            yield row
        while page.next_cursor is not None:
            page = await self.send(describe(page.next_cursor))
            for row in page.rows:
                yield row

    async def watch_job(
        self, id: int, *, timeout_seconds: float | None = None
    ) -> AsyncIterator[Job]:
        """Yield a job whenever it has changed, until it is over, as `Client.watch_job` does."""
        watch = JobWatch(timeout_seconds)
        while not watch.is_over:
            interruption: Exception | None = None
            try:
                async for event in self._job_events(id, watch):
                    if job := watch.receive(event):
                        yield job
            except _INTERRUPTIONS as error:
                interruption = error
            if not watch.is_over:
                await asyncio.sleep(watch.pause_after(interruption))

    async def wait_for_job(
        self,
        id: int,
        *,
        on_progress: Callable[[Job], object] | None = None,
        timeout_seconds: float | None = None,
    ) -> Job:
        """Wait until a job is over, and return it; its `state` and `reason` say how it ended.

        Raises as `watch_job`.
        """
        job = None
        async for job in self.watch_job(id, timeout_seconds=timeout_seconds):
            if on_progress is not None:
                on_progress(job)
        assert job is not None
        return job

    async def save_job_result(self, id: int, to: Path) -> None:
        """Write a job's result to a file, piece by piece; the file appears when it is complete.

        Raises as `job_result`.
        """
        request = job_result(id)
        try:
            async with self._http.stream(**self._stream_arguments(request)) as response:
                if not response.is_success:
                    await response.aread()
                    self._attempts(request).raise_refusal(response)
                with atomic_file(to) as file:
                    async for chunk in response.aiter_bytes():
                        await asyncio.to_thread(file.write, chunk)
        except httpx.TransportError as error:
            raise self._attempts(request).unreachable_error(error) from error

    async def _job_events(self, id: int, watch: JobWatch) -> AsyncIterator[JobEvent]:
        request = job_events(id)
        try:
            async with self._http.stream(**self._stream_arguments(request)) as response:
                if not response.is_success:
                    await response.aread()
                    self._attempts(request).raise_refusal(response)
                async for event in aiter_events(response, watch):
                    yield event
        except httpx.TransportError as error:
            raise self._attempts(request).unreachable_error(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
