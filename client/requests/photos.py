"""The requests that ask about photos: who is it, is it this one, its vector, what makes two
alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import httpx

from client.errors import StrangeAnswer
from client.records.photos import Embedding, Explanation, Identification, Verification
from client.requests.request import Ask, given, record_of
from client.requests.uploads import PhotoSource, SentFile, sent_photo, sent_photos

Answer = TypeVar("Answer")
Photos = PhotoSource | Iterable[PhotoSource]


def identify(
    photos: Photos,
    *,
    k: int | None = None,
    encounter: bool = False,
    max_fpir: float | None = None,
    threshold: float | None = None,
    individuals: Sequence[str] = (),
    exclude: Sequence[str] = (),
    species: Sequence[str] = (),
    years: Sequence[str | int] = (),
    regions: Sequence[str] = (),
    as_of: int | None = None,
) -> Ask[Identification]:
    """Say who is in each photo; with `encounter` also in all of them together.

    `individuals`, `exclude`, `species`, `years` (`2018`, `"2015-2018"`) and `regions` narrow the
    catalogue that is compared with, `as_of` asks an earlier revision. Where photos can't be read,
    none is answered, and BadPhotos names them.
    """
    form = given(
        k=k, encounter=encounter or None, max_fpir=max_fpir, threshold=threshold, as_of=as_of
    )
    scope = given(
        individuals=individuals, exclude=exclude, species=species, years=years, regions=regions
    )
    return _asked("identify", record_of(Identification), sent_photos(photos), {**form, **scope})


def verify(
    photos: Photos,
    *,
    individual: str | None = None,
    reference: PhotoSource | None = None,
    encounter: bool = False,
    max_fpir: float | None = None,
    threshold: float | None = None,
) -> Ask[Verification]:
    """Say whether each photo shows this individual, or the animal of the reference photo: give one
    of the two.
    """
    form = given(
        individual=individual, encounter=encounter or None, max_fpir=max_fpir, threshold=threshold
    )
    files = (*sent_photos(photos), *_reference(reference))
    return _asked("verify", record_of(Verification), files, form)


def embed(photos: Photos) -> Ask[Embedding]:
    """Give each photo's vector by the service's checkpoint."""
    return _asked("embed", record_of(Embedding), sent_photos(photos), {})


def explain(
    photo: PhotoSource, *, catalogue_photo: str | None = None, reference: PhotoSource | None = None
) -> Ask[Explanation]:
    """Draw what makes a photo and a catalogue's photo, or a reference, alike: give one of the
    two.
    """
    files = (sent_photo(photo, "photos"), *_reference(reference))
    return _asked("explain", _read_explanation, files, given(catalogue_photo=catalogue_photo))


def _asked(
    path: str,
    read: Callable[[httpx.Response], Answer],
    files: tuple[SentFile, ...],
    form: Mapping[str, object],
) -> Ask[Answer]:
    """These POSTs change nothing, and may be sent again."""
    return Ask("POST", f"/v1/{path}", read, "safe", form=form, files=files)


def _reference(reference: PhotoSource | None) -> tuple[SentFile, ...]:
    return () if reference is None else (sent_photo(reference, "reference"),)


def _read_explanation(response: httpx.Response) -> Explanation:
    try:
        return Explanation(response.content, float(response.headers["X-Distance"]))
    except (KeyError, ValueError) as error:
        raise StrangeAnswer(
            "the picture comes without a distance: is this a flukeprint service?"
        ) from error
