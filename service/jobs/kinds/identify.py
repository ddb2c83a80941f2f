"""The job `identify`: who is in each photo of a folder or zip, as a CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from embedding.photos.damage import read_checked
from embedding.photos.photo import BadPhoto, Image, PhotoLimits, photo_bytes
from index.exchange.importing.archive import ArchiveLimits
from index.identification.screening import screening_of
from index.prefetch import decoding_threads, prefetch
from index.search.matching import Decision, with_damage
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
from service.schemas.jobs import IdentifyJob
from service.serving.service import Serving

BATCH_PHOTOS = 8  # few: people's requests share the processor with them

# The photo's name, what was decoded of it, and what is damaged in it.
_Decoded = tuple[str, Image | BadPhoto, str | None]
_DECISIONS: tuple[Decision, ...] = ("known", "review", "new_whale", "no_animal")


@dataclass(frozen=True)
class IdentifyPlace:
    """What an identify job works with: what is served now, and its folders and limits."""

    serving: Callable[[], Serving]
    folder: JobFolder
    photo_root: Path
    photo_limits: PhotoLimits
    archive_limits: ArchiveLimits


def identify_photos(place: IdentifyPlace, context: JobContext) -> dict[str, Any]:
    """Identify the photos in the order of their names and leave `results/NUMBER.csv`.

    Each batch uses what is served then: a row names the revision that answered it.
    """
    parameters = IdentifyJob.model_validate(context.parameters)
    photos = _photos(place, parameters, context)
    state = dict(context.saved or _first_state(photos, context))
    # A checkpoint without a screening head never answers `no_animal`. A flukeprint without that
    # decision may have begun the job.
    is_screened = screening_of(place.serving().identifier.embedder) is not None
    if is_screened:
        state.setdefault("no_animal", 0)
    waiting = [name for name in photos.names if state["after"] is None or name > state["after"]]
    done = state["answered"] + state["unreadable"]
    total = done + len(waiting)
    context.progress(done, total)
    with AnswerFile(
        place.folder.result(context.job.id),
        parameters.k,
        size_bytes=state["bytes"],
        is_screened=is_screened,
    ) as file:
        for batch in _batches(waiting, photos.folder, place):
            _answer(batch, place.serving(), parameters, context, file, state)
            done += len(batch)
            context.progress(done, total)
            state |= {"after": batch[-1][0], "bytes": file.settle()}
            context.checkpoint(dict(state))
        context.confirm_claim()
        file.complete()
    place.folder.seal_result(context.job.id)
    if parameters.upload is not None:
        context.afterwards(partial(place.folder.forget, parameters.upload))
    return {
        "files": done,
        **{name: state[name] for name in ("answered", "unreadable", *_DECISIONS) if name in state},
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


def _batches(names: Sequence[str], folder: Path, place: IdentifyPlace) -> Iterator[list[_Decoded]]:
    decode = partial(_decode, folder=folder, place=place)
    batch: list[_Decoded] = []
    with closing(prefetch(names, decode, threads=decoding_threads(), most=BATCH_PHOTOS)) as decoded:
        for each in decoded:
            batch.append(each)
            if len(batch) == BATCH_PHOTOS:
                yield batch
                batch = []
    if batch:
        yield batch


def _decode(name: str, *, folder: Path, place: IdentifyPlace) -> _Decoded:
    limits = place.photo_limits
    try:
        data = photo_bytes(folder / name, limits, name=name)
        # Asked for each photo: the service may go over to a checkpoint that looks closer.
        decode_px = place.serving().decode_px
        image, damage = read_checked(data, name=name, limits=limits, at_least_px=decode_px)
    except BadPhoto as error:
        return name, error, None
    return name, image, damage


def _answer(
    batch: Sequence[_Decoded],
    serving: Serving,
    parameters: IdentifyJob,
    context: JobContext,
    file: AnswerFile,
    state: dict[str, Any],
) -> None:
    images = {name: image for name, image, _ in batch if not isinstance(image, BadPhoto)}
    answers = serving.identifier.identify(
        list(images.values()),
        k=parameters.k,
        max_fpir=parameters.max_fpir,
        threshold=parameters.threshold,
        animal_threshold=parameters.animal_threshold,
    )
    by_name = dict(zip(images, answers, strict=True))
    for name, image, damage in batch:
        if isinstance(image, BadPhoto):
            context.error(name, str(image))
            state["unreadable"] += 1
        else:
            file.add(name, with_damage(by_name[name], damage))
            state["answered"] += 1
            decision = by_name[name].decision
            state[decision] = state.get(decision, 0) + 1
