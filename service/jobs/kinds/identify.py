"""The job `identify`: who is in each photo of a folder or zip, as a CSV or for review as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from embedding.errors import FlukeprintError
from embedding.photos.damage import read_checked
from embedding.photos.photo import BadPhoto, Image, PhotoLimits, content_hash, photo_bytes
from index.exchange.importing.archive import ArchiveLimits
from index.identification.screening import screening_of
from index.prefetch import decoding_threads, prefetch
from index.search.matching import Decision, with_damage
from service.catalogue.intake import NewPhoto, SentContent
from service.jobs.context import JobContext
from service.jobs.folder import JobFolder
from service.jobs.kinds.answers import AnswerFile
from service.jobs.kinds.photos import (
    JobPhotos,
    allowed_folder,
    folder_photos,
    unpacked_photos,
    zip_photos,
)
from service.jobs.kinds.queue_intake import QueueIntake, QueuePlace
from service.schemas.jobs import IdentifyJob
from service.serving.inference import IdentifyOptions, InferenceRequest, InferenceResult, answer_all
from service.serving.service import Serving

BATCH_PHOTOS = 8  # few: people's requests share the processor with them

_NOT_ANSWERED = ("unreadable", "skipped")
_DECISIONS: tuple[Decision, ...] = ("known", "review", "new_whale", "no_animal")


class NoQueue(FlukeprintError):
    """A service that can't change its catalogue, and so has no queue."""


class _Photo(NamedTuple):
    """A photo's name, what was decoded of it, what is damaged in it, and its bytes for review."""

    name: str
    image: Image | BadPhoto
    damage: str | None = None
    data: bytes = b""


@dataclass(frozen=True)
class IdentifyPlace:
    """What an identify job works with: what is served now, its folders and limits, the queue."""

    serving: Callable[[], Serving]
    folder: JobFolder
    photo_root: Path
    photo_limits: PhotoLimits
    archive_limits: ArchiveLimits
    queue: QueuePlace | None = None


def identify_photos(place: IdentifyPlace, context: JobContext) -> dict[str, Any]:
    """Identify the photos in the order of their names and leave `results/NUMBER.csv`.

    Each batch uses what is served then: a row names the revision that answered it. For review, a
    batch's photos are taken in by one act. Those that the catalogue has already are skipped, and
    listed as faults. What was taken in stays in the queue when the job is cancelled.
    """
    parameters = IdentifyJob.model_validate(context.parameters)
    photos = _photos(place, parameters, context)
    state = dict(context.saved or _first_state(photos, context))
    # A checkpoint without a screening head never answers `no_animal`. A flukeprint without that
    # decision may have begun the job.
    is_screened = screening_of(place.serving().identifier.embedder) is not None
    if is_screened:
        state.setdefault("no_animal", 0)
    queue = None
    if parameters.review:
        queue = _queue(place, context)
        state.setdefault("skipped", 0)
    waiting = [name for name in photos.names if state["after"] is None or name > state["after"]]
    done = state["answered"] + state["unreadable"] + state.get("skipped", 0)
    total = done + len(waiting)
    context.progress(done, total)
    with AnswerFile(
        place.folder.result(context.job.id),
        parameters.k,
        size_bytes=state["bytes"],
        is_screened=is_screened,
    ) as file:
        answering = _Answering(parameters, context, file, state, queue)
        for batch in _batches(waiting, photos.folder, place, has_bytes=queue is not None):
            answering.answer(batch, place.serving())
            done += len(batch)
            context.progress(done, total)
            state |= {"after": batch[-1].name, "bytes": file.settle()}
            context.checkpoint(dict(state))
        context.confirm_claim()
        file.complete()
    place.folder.seal_result(context.job.id)
    if parameters.upload is not None:
        context.afterwards(partial(place.folder.forget, parameters.upload))
    return {
        "files": done,
        **{
            name: state[name] for name in ("answered", *_NOT_ANSWERED, *_DECISIONS) if name in state
        },
    }


def _photos(place: IdentifyPlace, parameters: IdentifyJob, context: JobContext) -> JobPhotos:
    if parameters.upload is None:
        return folder_photos(allowed_folder(parameters.folder or "", place.photo_root))
    unpacked = place.folder.unpacked(parameters.upload)
    if (
        context.saved is not None and unpacked.is_dir()
    ):  # complete, as there was a checkpoint behind it
        return unpacked_photos(unpacked)
    archive = place.folder.upload(parameters.upload)
    return zip_photos(archive, unpacked, place.archive_limits, context.raise_if_stopped)


def _first_state(photos: JobPhotos, context: JobContext) -> dict[str, Any]:
    for fault in photos.faults:
        context.error(fault.file, fault.reason)
    counts = dict.fromkeys(("answered", *_DECISIONS[:3]), 0)
    return {"after": None, "bytes": None, "unreadable": len(photos.faults), **counts}


def _queue(place: IdentifyPlace, context: JobContext) -> QueueIntake:
    if place.queue is None:
        raise NoQueue(
            "the service can't change its catalogue, so no photo can be put into the review queue; "
            "its log says why"
        )
    return QueueIntake(place.queue, context)


def _batches(
    names: Sequence[str], folder: Path, place: IdentifyPlace, *, has_bytes: bool
) -> Iterator[list[_Photo]]:
    decode = partial(_decode, folder=folder, place=place, has_bytes=has_bytes)
    batch: list[_Photo] = []
    with closing(prefetch(names, decode, threads=decoding_threads(), most=BATCH_PHOTOS)) as decoded:
        for each in decoded:
            batch.append(each)
            if len(batch) == BATCH_PHOTOS:
                yield batch
                batch = []
    if batch:
        yield batch


def _decode(name: str, *, folder: Path, place: IdentifyPlace, has_bytes: bool) -> _Photo:
    limits = place.photo_limits
    try:
        data = photo_bytes(folder / name, limits, name=name)
        # Asked for each photo: the service may go over to a checkpoint that looks closer.
        decode_px = place.serving().decode_px
        image, damage = read_checked(data, name=name, limits=limits, at_least_px=decode_px)
    except BadPhoto as error:
        return _Photo(name, error)
    return _Photo(name, image, damage, data if has_bytes else b"")


@dataclass(frozen=True)
class _Answering:
    """Answers the batches of one start of a job: rows, faults, and the queue's photos."""

    parameters: IdentifyJob
    context: JobContext
    file: AnswerFile
    state: dict[str, Any]
    queue: QueueIntake | None

    def answer(self, batch: Sequence[_Photo], serving: Serving) -> None:
        """Answer a batch by what is served, and take it in where it is for review."""
        state = self.state
        faults = {each.name: str(each.image) for each in batch if isinstance(each.image, BadPhoto)}
        state["unreadable"] += len(faults)
        skipped = self._known([each for each in batch if each.name not in faults])
        asked = [each for each in batch if each.name not in faults | skipped]
        found = dict(zip((each.name for each in asked), self._found(asked, serving), strict=True))
        skipped |= self._taken_in(asked, found)
        if self.queue is not None:
            state["skipped"] += len(skipped)
        for name in (each.name for each in batch):
            reason = (faults | skipped).get(name)
            if reason is not None:
                self.context.error(name, reason)
                continue
            answer = found[name].identification
            assert answer is not None
            self.file.add(name, answer)
            state["answered"] += 1
            state[answer.decision] = state.get(answer.decision, 0) + 1

    def _found(self, photos: Sequence[_Photo], serving: Serving) -> Iterator[InferenceResult]:
        asked = self.parameters
        options = IdentifyOptions(asked.k, asked.max_fpir, asked.threshold, asked.animal_threshold)
        answers = answer_all(
            [
                InferenceRequest(serving.identifier, each.image, options)
                for each in photos
                if not isinstance(each.image, BadPhoto)
            ]
        )
        for photo, result in zip(photos, answers, strict=True):
            assert isinstance(result, InferenceResult)
            assert result.identification is not None
            told = with_damage(result.identification, photo.damage)
            yield result._replace(identification=told)

    def _known(self, photos: Sequence[_Photo]) -> dict[str, str]:
        """Photos for review that the catalogue has, each with where it is."""
        if self.queue is None:
            return {}
        contents = [SentContent(each.name, content_hash(each.data)) for each in photos]
        return {one.name: one.reason for one in self.queue.known(contents)}

    def _taken_in(
        self, photos: Sequence[_Photo], found: Mapping[str, InferenceResult]
    ) -> dict[str, str]:
        """Take photos for review in; those that were not, each with where it is."""
        if self.queue is None:
            return {}
        new = [NewPhoto.of(each.name, each.data, found[each.name]) for each in photos]
        return {one.name: one.reason for one in self.queue.take_in(new)}
