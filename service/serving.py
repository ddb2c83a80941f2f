"""What the service answers from, and the way of a photo through it: decoded, asked, answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from starlette.requests import Request

from embedding.photo import BadPhoto, Image, PhotoLimits, read_photo
from index.identifier import Identifier
from index.matching import Identification
from service.batching import Batcher, Busy
from service.problems import BAD_PHOTOS, BUSY, NOT_READY, Fault, ProblemError, in_one_line
from service.schemas import IdentifyForm
from service.settings import Settings


class ServedPhoto(NamedTuple):
    """A catalogue photo whose thumbnail can be asked for."""

    path: Path
    content_hash: str


@dataclass(frozen=True)
class Serving:
    """One catalogue revision with the embedder that made it. Never changes; a service swaps it whole.

    `decode_px`: the smallest side at which a photo needs to be decoded (None: decode it whole).
    """

    identifier: Identifier
    photos: Mapping[str, ServedPhoto]
    decode_px: int | None = None


class Upload(NamedTuple):
    """One photo of a request, not yet read."""

    name: str
    file: BinaryIO


class PhotoTimings(NamedTuple):
    """How long one photo took, waiting included."""

    decode_ms: float
    identify_ms: float


class Answered(NamedTuple):
    """One photo's identification and how long it took."""

    identification: Identification
    timings: PhotoTimings


class _Question(NamedTuple):
    identifier: Identifier
    image: Image
    form: IdentifyForm


class Service:
    """The running service: what it serves, the threads that decode, and the one that identifies."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.serving: Serving | None = None
        self.limits = PhotoLimits(settings.max_upload_bytes, settings.max_photo_pixels)
        self._batcher: Batcher[_Question, Identification] = Batcher(
            _answer_all,
            max_batch=settings.max_batch,
            max_waiting=settings.max_waiting_photos,
            max_wait_ms=settings.max_wait_ms,
        )
        self.decoders = ThreadPoolExecutor(settings.decode_threads, "decode")
        # Decoded images are what memory goes to (a 6 kB PNG can become 300 MB), so few are in hand at a time.
        self._in_hand = asyncio.Semaphore(settings.max_batch + settings.decode_threads)

    def start(self) -> None:
        """Start the inference thread."""
        self._batcher.start()

    def stop(self) -> None:
        """Finish what was asked and end the threads."""
        self._batcher.stop()
        self.decoders.shutdown()

    def ready(self) -> Serving:
        """What is served; a `not-ready` problem while it is still being loaded."""
        if self.serving is None:
            raise ProblemError(
                NOT_READY, "The catalogue is still being loaded; try again shortly.", headers=self._retry_later()
            )
        return self.serving

    async def identify(self, uploads: Sequence[Upload], form: IdentifyForm) -> list[Answered]:
        """Identify a request's photos, in order.

        Raises ProblemError: `busy` before any work is done, `bad-photos` naming every photo that can't be read.
        """
        serving = self.ready()
        try:
            with self._batcher.places(len(uploads)):
                answers = await asyncio.gather(*(self._identify_one(serving, each, form) for each in uploads))
        except Busy as error:
            raise ProblemError(BUSY, f"The service is full: {error}.", headers=self._retry_later()) from error
        faults = [
            Fault(photo=upload.name, position=position, reason=str(answer))
            for position, (upload, answer) in enumerate(zip(uploads, answers, strict=True))
            if isinstance(answer, BadPhoto)
        ]
        if faults:
            raise ProblemError(
                BAD_PHOTOS, f"{len(faults)} of {len(uploads)} photos: {in_one_line(faults)}", errors=faults
            )
        return [answer for answer in answers if not isinstance(answer, BadPhoto)]

    async def _identify_one(self, serving: Serving, upload: Upload, form: IdentifyForm) -> Answered | BadPhoto:
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        async with self._in_hand:
            try:
                image = await loop.run_in_executor(self.decoders, _decode, upload, self.limits, serving.decode_px)
            except BadPhoto as error:
                return error
            decoded = time.perf_counter()
            identification = await self._batcher.ask(_Question(serving.identifier, image, form))
        timings = PhotoTimings((decoded - started) * 1000, (time.perf_counter() - decoded) * 1000)
        return Answered(identification, timings)

    def _retry_later(self) -> dict[str, str]:
        return {"Retry-After": str(self.settings.retry_after_seconds)}


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


def _decode(upload: Upload, limits: PhotoLimits, decode_px: int | None) -> Image:
    return read_photo(upload.file.read(), name=upload.name, limits=limits, at_least_px=decode_px)


def _answer_all(questions: Sequence[_Question]) -> list[Identification]:
    """Identify a batch; photos asked about in the same words go through the network together."""
    together: dict[tuple[int, IdentifyForm], list[int]] = {}
    for at, question in enumerate(questions):
        together.setdefault((id(question.identifier), question.form), []).append(at)
    answers: dict[int, Identification] = {}
    for (_, form), positions in together.items():
        identified = questions[positions[0]].identifier.identify(
            [questions[at].image for at in positions],
            k=form.k,
            max_fpir=form.max_fpir,
            threshold=form.threshold,
        )
        answers.update(zip(positions, identified, strict=True))
    return [answers[at] for at in range(len(questions))]
