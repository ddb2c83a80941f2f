"""The two clients: `Client` waits for each answer, `AsyncClient` is for asyncio.

Both send what is described once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Self, TypeVar

import httpx

from client.errors import ServerBusy, ServiceUnreachable
from client.job_events import EventLines, JobEvent, Watching
from client.methods import Methods
from client.records.photos import Page
from client.records.service import Job
from client.requests.jobs import job_events, job_result
from client.requests.request import Ask
from client.retries import Retries
from client.transport import Outgoing, written_whole

Answer = TypeVar("Answer")
Row = TypeVar("Row")

_BROKEN = (ServiceUnreachable, ServerBusy)


class Client(Outgoing, Methods):
    """Ask a flukeprint service.

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
        """Prepare to ask the service at `server`, such as `http://127.0.0.1:8000`; nothing is sent
        yet.

        Without `api_key` the environment's FLUKEPRINT_API_KEY is sent, where there is one. Raises
        BadServer.
        """
        super().__init__(server, api_key, timeout_seconds, retries)
        self._http = httpx.Client(**self._settings, transport=transport)

    def send(self, ask: Ask[Answer]) -> Answer:
        """Send a request that was described, again where that is safe and may help.

        Raises ServiceError.
        """
        attempts = self._attempts(ask)
        with self._request(ask) as request:
            while True:
                try:
                    response = self._http.request(**request)
                except httpx.TransportError as error:
                    wait = attempts.wait_after_error(error)
                else:
                    wait = attempts.wait_after(response)
                    if wait is None:
                        return ask.read(response)
                time.sleep(wait)

    def described(self, describe: Callable[[], Ask[Answer]]) -> Answer:
        """Describe a request and send it."""
        return self.send(describe())

    def listed(self, describe: Callable[[str | None], Ask[Page[Row]]]) -> Iterator[Row]:
        """Iterate over the rows of all pages."""
        page = self.send(describe(None))
        yield from page.rows
        while page.next_cursor is not None:
            page = self.send(describe(page.next_cursor))
            yield from page.rows

    def watch_job(self, id: int, *, timeout_seconds: float | None = None) -> Iterator[Job]:
        """Yield a job whenever it has changed, until it is over; a service that is started again is
        waited for.

        Raises NotFound, TimeoutError (looked at with each sign of life, at least every 15 seconds),
        and ServiceUnreachable when nothing was heard for a minute.
        """
        watching = Watching(timeout_seconds)
        while not watching.is_over:
            broken: Exception | None = None
            try:
                for event in self._job_events(id):
                    if job := watching.hear(event):
                        yield job
            except _BROKEN as error:
                broken = error
            if not watching.is_over:
                time.sleep(watching.pause_after(broken))

    def wait_for_job(
        self,
        id: int,
        *,
        on_progress: Callable[[Job], object] | None = None,
        timeout_seconds: float | None = None,
    ) -> Job:
        """Wait until a job is over, whatever came of it: its `state` and `reason` say.

        Raises as `watch_job`.
        """
        job = None
        for job in self.watch_job(id, timeout_seconds=timeout_seconds):
            if on_progress is not None:
                on_progress(job)
        assert job is not None
        return job

    def save_job_result(self, id: int, to: Path) -> None:
        """Write what a job made into a file, piece by piece; it appears complete.

        Raises as `job_result`.
        """
        ask = job_result(id)
        try:
            with self._http.stream(**self._stream(ask)) as response:
                if not response.is_success:
                    response.read()
                    self._attempts(ask).raise_for(response)
                with written_whole(to) as file:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
        except httpx.TransportError as error:
            raise self._attempts(ask).unreachable(error) from error

    def _job_events(self, id: int) -> Iterator[JobEvent | None]:
        ask, lines = job_events(id), EventLines()
        try:
            with self._http.stream(**self._stream(ask)) as response:
                if not response.is_success:
                    response.read()
                    self._attempts(ask).raise_for(response)
                for line in response.iter_lines():
                    yield lines.read(line)
        except httpx.TransportError as error:
            raise self._attempts(ask).unreachable(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(Outgoing, Methods):
    """Ask a flukeprint service from asyncio.

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
        """Prepare to ask the service at `server`, as `Client` does."""
        super().__init__(server, api_key, timeout_seconds, retries)
        self._http = httpx.AsyncClient(**self._settings, transport=transport)

    async def send(self, ask: Ask[Answer]) -> Answer:
        """Send a request that was described, again where that is safe and may help.

        Raises ServiceError.
        """
        attempts = self._attempts(ask)
        with self._request(ask) as request:
            while True:
                try:
                    response = await self._http.request(**request)
                except httpx.TransportError as error:
                    wait = attempts.wait_after_error(error)
                else:
                    wait = attempts.wait_after(response)
                    if wait is None:
                        return ask.read(response)
                await asyncio.sleep(wait)

    async def described(self, describe: Callable[[], Ask[Answer]]) -> Answer:
        """Describe a request beside the event loop, as that may read files, and send it."""
        return await self.send(await asyncio.to_thread(describe))

    async def listed(self, describe: Callable[[str | None], Ask[Page[Row]]]) -> AsyncIterator[Row]:
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
        watching = Watching(timeout_seconds)
        while not watching.is_over:
            broken: Exception | None = None
            try:
                async for event in self._job_events(id):
                    if job := watching.hear(event):
                        yield job
            except _BROKEN as error:
                broken = error
            if not watching.is_over:
                await asyncio.sleep(watching.pause_after(broken))

    async def wait_for_job(
        self,
        id: int,
        *,
        on_progress: Callable[[Job], object] | None = None,
        timeout_seconds: float | None = None,
    ) -> Job:
        """Wait until a job is over, whatever came of it: its `state` and `reason` say.

        Raises as `watch_job`.
        """
        job = None
        async for job in self.watch_job(id, timeout_seconds=timeout_seconds):
            if on_progress is not None:
                on_progress(job)
        assert job is not None
        return job

    async def save_job_result(self, id: int, to: Path) -> None:
        """Write what a job made into a file, piece by piece; it appears complete.

        Raises as `job_result`.
        """
        ask = job_result(id)
        try:
            async with self._http.stream(**self._stream(ask)) as response:
                if not response.is_success:
                    await response.aread()
                    self._attempts(ask).raise_for(response)
                with written_whole(to) as file:
                    async for chunk in response.aiter_bytes():
                        await asyncio.to_thread(file.write, chunk)
        except httpx.TransportError as error:
            raise self._attempts(ask).unreachable(error) from error

    async def _job_events(self, id: int) -> AsyncIterator[JobEvent | None]:
        ask, lines = job_events(id), EventLines()
        try:
            async with self._http.stream(**self._stream(ask)) as response:
                if not response.is_success:
                    await response.aread()
                    self._attempts(ask).raise_for(response)
                async for line in response.aiter_lines():
                    yield lines.read(line)
        except httpx.TransportError as error:
            raise self._attempts(ask).unreachable(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
