"""The running service, and the way of a photo through it: decoded, embedded, answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from starlette.requests import Request

from embedding.errors import FlukeprintError
from embedding.photos.box import Animal
from embedding.photos.damage import CheckedPhoto, read_checked
from embedding.photos.photo import BadPhoto, Box, Image, PhotoLimits, read_photo
from index.identification.identifier import Identifier
from index.search.matching import Identification, with_damage
from index.search.vectors import FloatArray
from index.snapshots.log_position import NOWHERE, LogPosition
from index.snapshots.served_photo import ServedPhoto
from index.storage.originals import fetch_originals
from service.http.multipart import Upload
from service.http.problems import (
    BAD_PHOTOS,
    BUSY,
    NO_HEAT,
    NOT_FOUND,
    NOT_READY,
    Fault,
    ProblemError,
    in_one_line,
)
from service.serving.batching import Batcher, Busy
from service.serving.checkpoints import Checkpoints
from service.serving.gallery_facts import GalleryFacts
from service.serving.inference import (
    Answer,
    HeatedPair,
    IdentifyOptions,
    InferenceRequest,
    InferenceResult,
    Located,
    LocateRequest,
    Pair,
    PairedPhoto,
    PairHeat,
    Picture,
    Question,
    answer_all,
)
from service.serving.scopes import Scope, Scopes
from service.settings import Settings
from service.telemetry.observer import Observer
from service.telemetry.spans import in_this_trace, span, write_steps

Found = TypeVar("Found")
_MOST_AWAITING_PAST = 8  # each may take seconds
_MOST_VIEWS = 50_000  # photos whose boxes are kept, a few hundred bytes each


@dataclass(frozen=True)
class Serving:
    """One catalogue revision with the embedder that made it.

    Never changes; a service swaps it whole.

    `decode_px`: the smallest side at which a photo needs to be decoded (None: decode it whole).
    `damaged`: photos that are not searched because of their vectors, each with what is wrong.
    `log`: where in the catalogue's log it was read, and `has_snapshot` whether from a snapshot.
    """

    identifier: Identifier
    photos: Mapping[str, ServedPhoto]
    decode_px: int | None = None
    damaged: Mapping[str, str] = field(default_factory=dict[str, str])
    log: LogPosition = NOWHERE
    has_snapshot: bool = True
    facts: GalleryFacts = field(default_factory=GalleryFacts)

    @cached_property
    def scopes(self) -> Scopes:
        """The same catalogue, narrowed to a part of it."""
        return Scopes(self.identifier, self.photos, self.facts)

    @cached_property
    def photo_names(self) -> list[str]:
        """The names of all catalogue photos, sorted."""
        return sorted(self.photos)


class PhotoTimings(NamedTuple):
    """How long one photo took, waiting included; `identify_ms` is network and search."""

    decode_ms: float
    identify_ms: float


class PhotoResult(NamedTuple):
    """One photo's inference result, how long it took, and what is damaged in the photo."""

    result: InferenceResult
    timings: PhotoTimings
    damage: str | None = None

    @property
    def identification(self) -> Identification:
        """The identification; only of a photo that was to be identified."""
        assert self.result.identification is not None
        return self.result.identification


class PhotoAnimals(NamedTuple):
    """The animals found in one photo, the surest first, and how long it took."""

    animals: tuple[Animal, ...]
    timings: PhotoTimings


class IdentifiedRequest(NamedTuple):
    """A request's photos, each on its own, and together where they are of one encounter."""

    answered: list[PhotoResult]
    together: Identification | None
    photos_searched: int


class _PhotoQuery(NamedTuple):
    """What is asked of a photo, before it is decoded."""

    identifier: Identifier
    options: IdentifyOptions | None
    box: Box | None


class PhotoView(NamedTuple):
    """Where the animal is in a photo as it came, and how many quarter turns put it upright.

    `box` None: the whole photo. `is_found`: the locator found it.
    """

    box: Box | None
    is_found: bool
    quarter_turns: int


class _Turns:
    """A thread, and how many requests wait for it or are in it; used by the event loop alone."""

    def __init__(self, name: str, most: int) -> None:
        self.thread = ThreadPoolExecutor(1, name)
        self.most = most
        self.taken = 0


class Service:
    """The running service: what it serves, and the threads that decode, infer and search."""

    def __init__(self, settings: Settings, observer: Observer | None = None) -> None:
        self.settings = settings
        self._observer = observer or Observer()
        self.serving: Serving | None = None
        self.checkpoints = Checkpoints(settings)
        self.limits = PhotoLimits(settings.max_upload_bytes, settings.max_photo_pixels)
        self._batcher: Batcher[Question, Answer] = Batcher(
            answer_all,
            max_batch=settings.max_batch,
            max_waiting=settings.max_waiting_photos,
            max_wait_ms=settings.max_wait_ms,
            on_batch=self._observer.batch,
        )
        self.decoders = ThreadPoolExecutor(settings.decode_threads, "decode")
        # For what goes through the whole catalogue without the network, one at a time, so that
        # memory is bounded.
        self._searcher = _Turns("search", settings.max_waiting_photos)
        # The past takes seconds to read, and thumbnails may be of large photos: whoever asks for
        # them waits for others who do, and nobody else does.
        self._historian = _Turns("past revisions", _MOST_AWAITING_PAST)
        self._views: dict[tuple[str, str, Box | None], PhotoView] = {}
        self.thumbnailers = ThreadPoolExecutor(settings.decode_threads, "thumbnails")
        # Decoded images are what memory goes to (a 6 kB PNG can become 300 MB), so few are in hand
        # at a time.
        self._in_hand = asyncio.Semaphore(settings.max_batch + settings.decode_threads)

    def start(self) -> None:
        """Start the inference thread."""
        self._batcher.start()

    def stop(self) -> None:
        """Finish the running requests and end the threads."""
        self._batcher.stop()
        self.decoders.shutdown()
        self.thumbnailers.shutdown(cancel_futures=True)
        self._searcher.thread.shutdown()
        self._historian.thread.shutdown()

    @property
    def waiting_photos(self) -> int:
        """How many photos are taken in and not yet answered."""
        return self._batcher.taken

    def ready(self) -> Serving:
        """What is served; a `not-ready` problem while it is still being loaded."""
        if self.serving is None:
            raise ProblemError(
                NOT_READY,
                "The catalogue is still being loaded; try again shortly.",
                headers=self._retry_later(),
            )
        return self.serving

    async def identify(
        self,
        uploads: Sequence[Upload],
        options: IdentifyOptions,
        scope: Scope,
        *,
        is_encounter: bool = False,
        serving: Serving | None = None,
        boxes: Sequence[Box | None] = (),
    ) -> IdentifiedRequest:
        """Identify a request's photos, in order, and where they are of one encounter also together.

        `serving`: what to search (None: what is served now). `boxes`: where the animal is in each
        photo; none at all, they are found. Raises ProblemError: `invalid` for a
        scope that makes no sense, `busy` before any work is done, `bad-photos` naming every photo
        that can't be read.
        """
        catalogue = serving or self.ready()
        with self._places(len(uploads)):
            identifier = catalogue.identifier
            if scope.conditions:
                identifier = await self.searched(lambda: catalogue.scopes.identifier_for(scope))
            answered = await self._answered(catalogue, identifier, uploads, options, boxes)
            together = None
            if is_encounter:
                vectors = vectors_of(answered)
                k, max_fpir, threshold, animal_threshold, new_share = options
                asked = identifier.for_new_share(new_share)
                together = await self.searched(
                    lambda: asked.identify_encounter(
                        vectors,
                        k=k,
                        max_fpir=max_fpir,
                        threshold=threshold,
                        animal_threshold=animal_threshold,
                    )
                )
        for each in answered:
            self._observer.identified(each.identification)
        return IdentifiedRequest(answered, together, identifier.gallery.size)

    async def embed(self, serving: Serving, uploads: Sequence[Upload]) -> list[PhotoResult]:
        """Embed a request's photos, in order.

        Raises ProblemError, `busy` and `bad-photos` as `identify` does.
        """
        with self._places(len(uploads)):
            return await self._answered(serving, serving.identifier, uploads, None)

    async def locate(self, serving: Serving, uploads: Sequence[Upload]) -> list[PhotoAnimals]:
        """Find the animals in a request's photos, in order.

        Raises ProblemError, `busy` and `bad-photos` as `identify` does.
        """
        with self._places(len(uploads)):
            answers = await asyncio.gather(*(self._locate_one(serving, each) for each in uploads))
        return _unless_bad(uploads, answers)

    async def _locate_one(self, serving: Serving, upload: Upload) -> PhotoAnimals | BadPhoto:
        started = time.perf_counter()
        async with self._in_hand:
            photo = await self._decoded(serving, upload)
            if isinstance(photo, BadPhoto):
                return photo
            decoded = time.perf_counter()
            embedder = serving.identifier.embedder
            found = await self._batcher.answer(LocateRequest(embedder, photo.image))
        assert isinstance(found, Located)
        ended = time.perf_counter()
        timings = PhotoTimings((decoded - started) * 1000, (ended - decoded) * 1000)
        return PhotoAnimals(found.animals, timings)

    async def explain(self, serving: Serving, query: Upload, reference: Upload | str) -> Picture:
        """Draw which regions make two photos similar.

        `reference` is a file, or the name of a catalogue photo.

        Raises ProblemError: `not-found` where a catalogue photo's file is gone, `no-heat` where the
        checkpoint has no map to draw on. It raises `busy` and `bad-photos` as `identify` does.
        """
        with self._places(2):
            async with (
                self._in_hand
            ):  # the two count as one here: waiting for a second place could wait for ever
                uploads = [query] if isinstance(reference, str) else [query, reference]
                decoded = _unless_bad(
                    uploads, [await self._decoded(serving, upload) for upload in uploads]
                )
                if isinstance(reference, str):
                    paired = await self._catalogue_photo(serving, reference)
                else:
                    paired = PairedPhoto(reference.name, decoded[1].image)
                drawn = await self._heated(
                    Pair(
                        serving.identifier.embedder,
                        PairedPhoto(query.name, decoded[0].image),
                        paired,
                    )
                )
        assert isinstance(drawn, Picture)
        return drawn

    async def heat(self, serving: Serving, one: str, other: str) -> PairHeat:
        """Take the distance of two catalogue photos apart. Raises as `explain` does."""
        with self._places(2):
            async with self._in_hand:
                photos = [await self._catalogue_photo(serving, name) for name in (one, other)]
                found = await self._heated(HeatedPair(serving.identifier.embedder, *photos))
        assert isinstance(found, PairHeat)
        return found

    async def photo_view(self, serving: Serving, name: str) -> PhotoView:
        """Where the animal is in a catalogue photo, and how the photo is turned.

        A box that the catalogue lacks is found by the locator, once for each photo and checkpoint.
        Raises ProblemError as `explain` does.
        """
        photo, embedder = serving.photos[name], serving.identifier.embedder
        key = (photo.content_hash, embedder.fingerprint, photo.box)
        if key not in self._views:
            with self._places(1):
                async with self._in_hand:
                    image = (await self._catalogue_photo(serving, name)).image
                    question = InferenceRequest(serving.identifier, image, box=photo.box)
                    found = await self._batcher.answer(question)
            assert isinstance(found, InferenceResult)
            while len(self._views) >= _MOST_VIEWS:
                del self._views[next(iter(self._views))]
            self._views[key] = PhotoView(found.box, photo.box is None, found.quarter_turns)
        return self._views[key]

    async def _heated(self, pair: Pair | HeatedPair) -> Answer:
        try:
            return await self._batcher.answer(pair)
        except FlukeprintError as error:
            raise ProblemError(NO_HEAT, f"No heat can be drawn: {error}.") from error

    async def searched(self, search: Callable[[], Found]) -> Found:
        """Run a search through the whole catalogue in a thread of its own.

        Raises the `busy` problem where too many wait for that thread already.
        """
        return await self._in_turn(self._searcher, search)

    async def read_past(self, read: Callable[[], Found]) -> Found:
        """Read an earlier revision in a thread of its own. Raises as `searched`."""
        return await self._in_turn(self._historian, read)

    async def _in_turn(self, turns: _Turns, act: Callable[[], Found]) -> Found:
        if turns.taken >= turns.most:
            raise ProblemError(
                BUSY,
                f"The service is full: {turns.taken} such requests wait; try again shortly.",
                headers=self._retry_later(),
            )
        turns.taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                turns.thread, in_this_trace(act)
            )
        finally:
            turns.taken -= 1

    async def _answered(
        self,
        serving: Serving,
        identifier: Identifier,
        uploads: Sequence[Upload],
        options: IdentifyOptions | None,
        boxes: Sequence[Box | None] = (),
    ) -> list[PhotoResult]:
        asked = [_PhotoQuery(identifier, options, box) for box in boxes or [None] * len(uploads)]
        answers = await asyncio.gather(
            *(
                self._answer_one(serving, each, one)
                for each, one in zip(uploads, asked, strict=True)
            )
        )
        return _unless_bad(uploads, answers)

    async def _answer_one(
        self,
        serving: Serving,
        upload: Upload,
        asked: _PhotoQuery,
    ) -> PhotoResult | BadPhoto:
        started = time.perf_counter()
        async with self._in_hand:
            with span("decode"):
                photo = await self._decoded(serving, upload)
            if isinstance(photo, BadPhoto):
                return photo
            decoded = time.perf_counter()
            identifier, options, box = asked
            result = await self._batcher.answer(
                InferenceRequest(identifier, photo.image, options, box)
            )
        assert isinstance(result, InferenceResult)
        write_steps(result.steps)
        if result.identification is not None:
            told = with_damage(result.identification, photo.damage)
            result = result._replace(identification=told)
        ended = time.perf_counter()
        timings = PhotoTimings((decoded - started) * 1000, (ended - decoded) * 1000)
        return PhotoResult(result, timings, photo.damage)

    async def _decoded(self, serving: Serving, upload: Upload) -> CheckedPhoto | BadPhoto:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self.decoders, _decode, upload, self.limits, serving.decode_px
            )
        except BadPhoto as error:
            return error

    async def _catalogue_photo(self, serving: Serving, name: str) -> PairedPhoto:
        photo = serving.photos[name]
        path = Path(photo.path)
        loop = asyncio.get_running_loop()

        def read() -> Image:
            fetch_originals(self.settings.address, lambda: [path])
            return read_photo(path, limits=self.limits, at_least_px=serving.decode_px)

        try:
            image = await loop.run_in_executor(self.decoders, read)
        except BadPhoto as error:
            raise ProblemError(
                NOT_FOUND,
                f"The catalogue knows the photo {name!r}, but its file can't be read any more.",
            ) from error
        return PairedPhoto(name, image, photo.box)

    @contextmanager
    def _places(self, count: int) -> Generator[None]:
        try:
            with self._batcher.places(count):
                yield
        except Busy as error:
            raise ProblemError(
                BUSY, f"The service is full: {error}.", headers=self._retry_later()
            ) from error

    def _retry_later(self) -> dict[str, str]:
        return {"Retry-After": str(self.settings.retry_after_seconds)}


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


def vectors_of(answered: Sequence[PhotoResult]) -> FloatArray:
    """The vectors (n, d) of n photos."""
    return np.stack([each.result.vector for each in answered])


def _decode(upload: Upload, limits: PhotoLimits, decode_px: int | None) -> CheckedPhoto:
    data = upload.file.read()
    return read_checked(data, name=upload.name, limits=limits, at_least_px=decode_px)


def _unless_bad(uploads: Sequence[Upload], answers: Sequence[Found | BadPhoto]) -> list[Found]:
    """The answers, or the `bad-photos` problem that names every photo which has none."""
    faults = [
        Fault(
            field=upload.field,
            photo=upload.name,
            position=position if upload.field is None else None,
            reason=str(answer),
        )
        for position, (upload, answer) in enumerate(zip(uploads, answers, strict=True))
        if isinstance(answer, BadPhoto)
    ]
    if faults:
        raise ProblemError(
            BAD_PHOTOS,
            f"{len(faults)} of {len(uploads)} photos: {in_one_line(faults)}",
            errors=faults,
        )
    return [answer for answer in answers if not isinstance(answer, BadPhoto)]
