"""The commands' questions put to a running service (`--server`): the same answers in the same
forms, nothing loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

from client import Client
from client.errors import BadPhotos, ServerRefused, ServiceError
from client.records.photos import EmbeddedPhoto, Explanation, PhotoAnswer
from client.retries import Retries
from embedding.errors import FlukeprintError
from embedding.photos.photo_files import BadPhoto, photo_bytes
from index.commands.named_files import NamedFile
from index.messages import print_message
from index.progress import no_progress, progress
from index.search.matching import (
    NO_SPECIES,
    Identification,
    Match,
    Source,
    SpeciesAnswer,
    Thresholds,
)

Answer = TypeVar("Answer")

_BAR_FROM_PHOTOS = 20
_SIDE_BY_SIDE = 4  # what the service embeds, what it decodes, and what is on its way
_PATIENT = Retries(attempts=8, most_wait_seconds=90)  # a limit of requests a minute is waited for
_TOO_LARGE = 413
_HISTORY_EVENTS = 5


@dataclass(frozen=True, slots=True)
class Refused:
    """A photo without an answer, and why: one sentence that names it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Served(Generic[Answer]):
    """What came back: each answer with its photo's name, in their order, and the photos without
    one.
    """

    answers: list[tuple[str, Answer]]
    unread: list[Refused]


def service_at(server: str, api_key: str | None) -> Client:
    """A client that waits as long as somebody at a terminal would. Raises BadServer."""
    return Client(server, api_key, timeout_seconds=120, retries=_PATIENT)


def identified(
    service: Client,
    photos: Sequence[NamedFile],
    *,
    k: int,
    max_fpir: float | None,
    threshold: float | None,
) -> tuple[Served[Identification], Source]:
    """Ask who is in each photo. Raises ServiceError where already the first can't be asked
    about.
    """

    def ask(photo: NamedFile) -> Identification:
        told = service.identify(_read(photo), k=k, max_fpir=max_fpir, threshold=threshold)
        source = Source(
            told.catalogue_revision,
            told.fingerprint,
            told.individuals_searched,
            Thresholds(told.thresholds.known, told.thresholds.new_whale),
        )
        return _identification(told.results[0], source)

    served = _each(photos, ask, "Identifying")
    revisions = {answer.revision for _, answer in served.answers}
    if len(revisions) > 1:
        print_message(
            f"note: the catalogue changed meanwhile: answers are of revisions {min(revisions)} "
            f"to {max(revisions)}"
        )
    return served, _source(service, served)


def embedded(service: Client, photos: Sequence[NamedFile]) -> tuple[Served[EmbeddedPhoto], str]:
    """Ask for each photo's vector; with the fingerprint of the checkpoint that made them. Raises
    ServiceError.
    """
    fingerprints: set[str] = set()

    def ask(photo: NamedFile) -> EmbeddedPhoto:
        told = service.embed(_read(photo))
        fingerprints.add(told.fingerprint)
        return told.results[0]

    served = _each(photos, ask, "Embedding photos")
    if len(fingerprints) > 1:
        raise ServiceError(
            "the service has changed its checkpoint meanwhile: such vectors don't compare; ask "
            "again"
        )
    return served, "".join(fingerprints)


def explained(service: Client, query: Path, reference: Path) -> Explanation:
    """Ask for the picture of what makes two photos alike. Raises ServiceError and BadPhoto."""
    sent, compared = (_read(NamedFile(str(path), path)) for path in (query, reference))
    return service.explain(sent, reference=compared)


def status_of(service: Client) -> dict[str, Any]:
    """What a service holds, in the words of `flukeprint index status --json`. Raises
    ServiceError.
    """
    stats, version, calibration = service.stats(), service.version(), service.calibration()
    thresholds = calibration.thresholds
    return {
        "catalogue": service.server,
        "revision": stats.catalogue_revision,
        "individuals": stats.individuals,
        "encounters": stats.encounters,
        "photos": stats.photos,
        "new_whale_photos": stats.new_whale_photos,
        "searchable": stats.photos_searched,
        "fingerprint": stats.fingerprint,
        "checkpoint_fingerprint": version.fingerprint,
        "is_current": version.fingerprint == stats.fingerprint,
        "mend": None,
        "is_calibrated": calibration.is_calibrated,
        "calibration": calibration.description,
        "thresholds": {
            "known": thresholds.known.distance,
            "new_whale": thresholds.new_whale.distance,
        },
        "history": list(_history(service)),
    }


def _history(service: Client) -> Iterator[dict[str, Any]]:
    try:
        for event in islice(service.changes(page_rows=_HISTORY_EVENTS), _HISTORY_EVENTS):
            # An older service tells only how many there were.
            counts = {event.kind: event.changes} if event.counts is None else event.counts
            yield {
                "revision": event.revision,
                "at": event.at,
                "fingerprint": event.fingerprint,
                "changes": counts,
                "kind": event.kind,
            }
    except (
        ServerRefused
    ) as error:  # a service without a catalogue that can be curated still has counts
        print_message(f"note: no history: {error}")


def _each(
    photos: Sequence[NamedFile], ask: Callable[[NamedFile], Answer], description: str
) -> Served[Answer]:
    """Ask about every photo, some at the same time. What fails for one doesn't lose the others.

    Only where the very first can't be asked about for a reason that is not the photo's, the rest is
    not tried.
    """
    served: Served[Answer] = Served([], [])

    def asked(photo: NamedFile) -> Answer | Refused:
        try:
            return ask(photo)
        except FlukeprintError as error:
            return Refused(photo.name, _reason(photo, error))

    shown = progress if len(photos) >= _BAR_FROM_PHOTOS else no_progress
    with (
        shown(len(photos), description) as advance,
        ThreadPoolExecutor(_SIDE_BY_SIDE, "asking") as pool,
    ):
        for at, photo in enumerate(photos):
            first = _first(photo, ask)
            _note(served, photo, first)
            advance(1)
            if not isinstance(first, Refused):
                rest = photos[at + 1 :]
                for each, answer in zip(rest, pool.map(asked, rest), strict=True):
                    _note(served, each, answer)
                    advance(1)
                break
    return served


def _first(photo: NamedFile, ask: Callable[[NamedFile], Answer]) -> Answer | Refused:
    """Ask about one photo; what is wrong with it is an answer, what is wrong with the question or
    service is raised.
    """
    try:
        return ask(photo)
    except FlukeprintError as error:
        is_of_photo = (
            isinstance(error, BadPhoto | BadPhotos) or getattr(error, "status", 0) == _TOO_LARGE
        )
        if not is_of_photo:
            raise
        return Refused(photo.name, _reason(photo, error))


def _note(served: Served[Answer], photo: NamedFile, answer: Answer | Refused) -> None:
    if isinstance(answer, Refused):
        served.unread.append(answer)
    else:
        served.answers.append((photo.name, answer))


def _reason(photo: NamedFile, error: FlukeprintError) -> str:
    """Why there is no answer, in a sentence that names the photo as the command line did."""
    said = error.faults[0].reason if isinstance(error, BadPhotos) and error.faults else str(error)
    if said.startswith(photo.name):
        return said
    return f"{photo.name}: {said.removeprefix(f'{photo.path.name}: ')}"


def _read(photo: NamedFile) -> tuple[str, bytes]:
    # Of its path only the file's own name leaves this machine.
    return photo.path.name, photo_bytes(photo.path, name=photo.name)


def _identification(told: PhotoAnswer, source: Source) -> Identification:
    matches = tuple(
        Match(each.individual, each.distance, each.probability, each.photo) for each in told.matches
    )
    return Identification(
        matches,
        told.decision,
        told.probability,
        told.reason,
        source.thresholds,
        source.revision,
        source.fingerprint,
        source.individuals_searched,
        NO_SPECIES if told.species is None else SpeciesAnswer(*astuple(told.species)),
    )


def _source(service: Client, served: Served[Identification]) -> Source:
    """What the last answer came from; where there is none, what one would come from."""
    if served.answers:
        last = served.answers[-1][1]
        return Source(last.revision, last.fingerprint, last.individuals_searched, last.thresholds)
    ready, thresholds = service.ready(), service.calibration().thresholds
    deciding = Thresholds(thresholds.known.distance, thresholds.new_whale.distance)
    return Source(ready.catalogue_revision, ready.fingerprint, ready.individuals, deciding)
