"""The commands with --server: a running service answers, and nothing heavy is loaded here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from client import Client
from client.errors import BadPhotos, ServerRefused, ServiceError
from client.records import photos as records
from client.records.service import RatesAt
from client.retries import Retries
from embedding.errors import FlukeprintError
from embedding.photos.box import Animal, Box
from embedding.photos.photo_files import BadPhoto, photo_bytes
from embedding.photos.quality import PhotoQuality
from index.commands.named_files import NamedFile
from index.messages import print_message
from index.progress import Advance, no_progress, progress
from index.search.matching import (
    NO_SPECIES,
    AnimalScore,
    Identification,
    Match,
    Source,
    SpeciesAnswer,
    Thresholds,
)

Answer = TypeVar("Answer")

_BAR_FROM_PHOTOS = 20
_PARALLEL_REQUESTS = 4  # the service embeds one, decodes the next, and others are on their way
_TIMEOUT_SECONDS = 120
_RETRIES = Retries(attempts=8, most_wait_seconds=90)  # outlasts a limit of requests a minute
_TOO_LARGE = 413
_HISTORY_EVENTS = 5


@dataclass(frozen=True, slots=True)
class FailedPhoto:
    """A photo without an answer; `reason` is a sentence that names it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Results(Generic[Answer]):
    """The photos' answers, each with the photo's name, and the photos without one; in order."""

    answers: list[tuple[str, Answer]]
    failures: list[FailedPhoto]

    def add(self, photo: NamedFile, answer: Answer | FailedPhoto) -> None:
        """Add a photo's answer, or its failure."""
        if isinstance(answer, FailedPhoto):
            self.failures.append(answer)
        else:
            self.answers.append((photo.name, answer))


def open_client(server: str, api_key: str | None) -> Client:
    """Open a client that retries as long as a person at a terminal would. Raises BadServer."""
    return Client(server, api_key, timeout_seconds=_TIMEOUT_SECONDS, retries=_RETRIES)


class IdentifyChoices(NamedTuple):
    """What a question says besides its photos; None: the service's own."""

    k: int
    max_fpir: float | None = None
    threshold: float | None = None
    new_share: float | None = None
    animal_threshold: float | None = None


def identify_photos(
    service: Client,
    photos: Sequence[NamedFile],
    choices: IdentifyChoices,
) -> tuple[Results[Identification], Source]:
    """Identify each photo; also return the catalogue state that was searched.

    Raises ServiceError for a fault that is not a photo's, as long as no photo has an answer.
    """

    def send(photo: NamedFile) -> Identification:
        answer = service.identify(_read(photo), **choices._asdict())
        return _identification(answer.results[0], _source_of(answer))

    results = _send_all(photos, send, "Identifying")
    revisions = {answer.revision for _, answer in results.answers}
    if len(revisions) > 1:
        print_message(
            "note: the catalogue has changed meanwhile; the answers are of revisions "
            f"{min(revisions)} to {max(revisions)}"
        )
    return results, _last_source(service, results)


def embed_photos(
    service: Client, photos: Sequence[NamedFile]
) -> tuple[Results[records.EmbeddedPhoto], str]:
    """Embed each photo; also return the fingerprint of the service's checkpoint.

    Raises ServiceError as `identify_photos`, and where the checkpoint has changed meanwhile.
    """
    fingerprints: set[str] = set()

    def send(photo: NamedFile) -> records.EmbeddedPhoto:
        answer = service.embed(_read(photo))
        fingerprints.add(answer.fingerprint)
        return answer.results[0]

    results = _send_all(photos, send, "Embedding photos")
    if len(fingerprints) > 1:
        raise ServiceError(
            "the service's checkpoint has changed meanwhile, and vectors of two checkpoints don't "
            "compare; run the command again"
        )
    return results, "".join(fingerprints)


def locate_photos(
    service: Client, photos: Sequence[NamedFile]
) -> tuple[Results[tuple[Animal, ...]], str]:
    """Find the animals in each photo; also return the fingerprint of the service's checkpoint.

    Raises ServiceError as `identify_photos`.
    """
    fingerprints = [""]

    def send(photo: NamedFile) -> tuple[Animal, ...]:
        answer = service.locate(_read(photo))
        fingerprints.append(answer.fingerprint)
        return _animals(answer.results[0].animals)

    results = _send_all(photos, send, "Locating animals")
    return results, fingerprints[-1]


def explain_photos(service: Client, query: Path, reference: Path) -> records.Explanation:
    """Draw which regions make two photos similar. Raises ServiceError and BadPhoto."""
    photo, other = (_read(NamedFile(str(path), path)) for path in (query, reference))
    return service.explain(photo, reference=other)


def read_status(service: Client) -> dict[str, Any]:
    """Read what `flukeprint index status --json` prints, from a service. Raises ServiceError."""
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
        "known_rates": _known_rates(thresholds.known),
        "history": list(_history(service)),
    }


def _known_rates(known: RatesAt) -> dict[str, float | None] | None:
    if known.distance < 0:
        return None
    return {"fpir": known.fpir, "error": known.error, "promised": known.promised}


def _history(service: Client) -> Iterator[dict[str, Any]]:
    try:
        for event in islice(service.changes(page_rows=_HISTORY_EVENTS), _HISTORY_EVENTS):
            # An older service sends only the number of changes.
            counts = {event.kind: event.changes} if event.counts is None else event.counts
            yield {
                "revision": event.revision,
                "at": event.at,
                "fingerprint": event.fingerprint,
                "changes": counts,
                "kind": event.kind,
            }
    except ServerRefused as error:  # a service without a curated catalogue still has the counts
        print_message(f"note: no history: {error}")


def _send_all(
    photos: Sequence[NamedFile], send: Callable[[NamedFile], Answer], description: str
) -> Results[Answer]:
    """Send a request for every photo, several at the same time.

    Until the first answer comes, photos are sent one by one, and a fault that is not the photo's is
    raised. After it a failure loses no other answer.
    """
    results: Results[Answer] = Results([], [])
    show = progress if len(photos) >= _BAR_FROM_PHOTOS else no_progress
    with show(len(photos), description) as advance:
        for sent, photo in enumerate(photos, start=1):
            results.add(photo, _send_first(photo, send))
            advance(1)
            if results.answers:
                _send_rest(photos[sent:], send, results, advance)
                break
    return results


def _send_first(photo: NamedFile, send: Callable[[NamedFile], Answer]) -> Answer | FailedPhoto:
    """Send one photo; a fault of the request or of the service is raised."""
    try:
        return send(photo)
    except FlukeprintError as error:
        if not _is_of_photo(error):
            raise
        return FailedPhoto(photo.name, _reason(photo, error))


def _send_rest(
    photos: Sequence[NamedFile],
    send: Callable[[NamedFile], Answer],
    results: Results[Answer],
    advance: Advance,
) -> None:
    def try_to_send(photo: NamedFile) -> Answer | FailedPhoto:
        try:
            return send(photo)
        except FlukeprintError as error:
            return FailedPhoto(photo.name, _reason(photo, error))

    with ThreadPoolExecutor(_PARALLEL_REQUESTS, "request") as pool:
        for photo, answer in zip(photos, pool.map(try_to_send, photos), strict=True):
            results.add(photo, answer)
            advance(1)


def _is_of_photo(error: FlukeprintError) -> bool:
    """Whether a photo is at fault, and not the request or the service."""
    return isinstance(error, BadPhoto | BadPhotos) or getattr(error, "status", 0) == _TOO_LARGE


def _reason(photo: NamedFile, error: FlukeprintError) -> str:
    """Why a photo has no answer, in a sentence that names it as the command line did."""
    faults = error.faults if isinstance(error, BadPhotos) else ()
    reason = faults[0].reason if faults else str(error)
    if reason.startswith(photo.name):
        return reason
    return f"{photo.name}: {reason.removeprefix(f'{photo.path.name}: ')}"


def _read(photo: NamedFile) -> tuple[str, bytes]:
    # Only the file's own name leaves this machine, not its folders.
    return photo.path.name, photo_bytes(photo.path, name=photo.name)


def _source_of(answer: records.Identification) -> Source:
    return Source(
        answer.catalogue_revision,
        answer.fingerprint,
        answer.individuals_searched,
        Thresholds(answer.thresholds.known, answer.thresholds.new_whale),
    )


def _identification(answer: records.PhotoAnswer, source: Source) -> Identification:
    matches = tuple(
        Match(match.individual, match.distance, match.probability, match.photo)
        for match in answer.matches
    )
    return Identification(
        matches,
        answer.decision,
        answer.probability,
        answer.reason,
        _thresholds_of(answer, source),
        source.revision,
        source.fingerprint,
        source.individuals_searched,
        NO_SPECIES if answer.species is None else SpeciesAnswer(*astuple(answer.species)),
        1 - answer.probability if answer.new_probability is None else answer.new_probability,
        answer.calibrated_on or "",
        None if answer.animal is None else AnimalScore(*astuple(answer.animal)),
        answer.quarter_turns,
        None if answer.quality is None else PhotoQuality(*astuple(answer.quality)),
        None if answer.animals is None else _animals(answer.animals),
    )


def _animals(found: Sequence[records.FoundAnimal]) -> tuple[Animal, ...]:
    return tuple(Animal(Box(*each.box), each.score) for each in found)


def _thresholds_of(answer: records.PhotoAnswer, source: Source) -> Thresholds:
    own = answer.thresholds
    return source.thresholds if own is None else Thresholds(own.known, own.new_whale)


def _last_source(service: Client, results: Results[Identification]) -> Source:
    """The state that the last answer came from; without answers, the service's state now."""
    if results.answers:
        _, last = results.answers[-1]
        return Source(last.revision, last.fingerprint, last.individuals_searched, last.thresholds)
    ready, thresholds = service.ready(), service.calibration().thresholds
    distances = Thresholds(thresholds.known.distance, thresholds.new_whale.distance)
    return Source(ready.catalogue_revision, ready.fingerprint, ready.individuals, distances)
