"""The form that a zip comes in: its file is written once, straight into the folder of uploads."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from service.http.problems import BAD_REQUEST, ProblemError
from service.jobs.folder import ArrivingUpload, JobFolder, writing_upload

_LOOK_EVERY_BYTES = 16 * 2**20


@asynccontextmanager
async def received_form(
    request: Request, folder: JobFolder, field: str
) -> AsyncGenerator[tuple[FormData, ArrivingUpload]]:
    """Read a form whose file `field` goes to disk as it comes, and hold it until the block ends.

    Of several files only the first is written; the others come out empty. Raises a problem for what
    is no form, and NoPlaceForUpload and BadJobFolder as `JobFolder.arrive` does.
    """
    arrival = folder.arrive(_declared_bytes(request.headers))
    arriving = await run_in_threadpool(arrival.__enter__)
    try:
        parser = _ArchiveParser(request, _watched(request.stream(), folder), field, arriving)
        try:
            with writing_upload():
                form = await parser.parse()
        except MultiPartException as error:
            raise ProblemError(BAD_REQUEST, f"This is no form: {error.message}") from error
        try:
            yield form, arriving
        finally:
            await form.close()
    finally:
        await run_in_threadpool(arrival.__exit__, None, None, None)


class _ArchiveParser(MultiPartParser):
    """Starlette's parser, but for where the file of one field is written."""

    def __init__(
        self,
        request: Request,
        stream: AsyncGenerator[bytes, None],
        field: str,
        arriving: ArrivingUpload,
    ) -> None:
        super().__init__(request.headers, stream)
        self._field = field
        self._file = arriving.file
        self._is_taken = False

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        part = self._current_part
        if part.file is None or part.field_name != self._field or self._is_taken:
            return
        with closing(part.file.file):  # of Starlette, in memory, and empty
            part.file = UploadFile(
                self._file, size=0, filename=part.file.filename, headers=part.file.headers
            )
        self._is_taken = True

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        upload = self._current_part.file
        if upload is None or upload.file is self._file:
            super().on_part_data(data, start, end)


async def _watched(
    stream: AsyncGenerator[bytes, None], folder: JobFolder
) -> AsyncGenerator[bytes, None]:
    """A body's parts, as long as the disk has room: not every sender says how much will come."""
    since = 0
    async for chunk in stream:
        since += len(chunk)
        if since >= _LOOK_EVERY_BYTES:
            since = 0
            folder.refuse_full()
        yield chunk


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "0")
    return int(declared) if declared.isascii() and declared.isdigit() else 0
