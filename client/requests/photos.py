"""The requests about photos: identify, verify, embed and explain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import httpx

from client.errors import StrangeAnswer
from client.records.photos import (
    Embedding,
    Explanation,
    Identification,
    Location,
    Verification,
)
from client.requests.request import ServiceRequest, record_of, without_empty
from client.requests.uploads import PhotoSource, Upload, photo_upload, photo_uploads

Answer = TypeVar("Answer")
Photos = PhotoSource | Iterable[PhotoSource]


def identify(
    photos: Photos,
    *,
    k: int | None = None,
    encounter: bool = False,
    max_fpir: float | None = None,
    threshold: float | None = None,
    new_share: float | None = None,
    animal_threshold: float | None = None,
    individuals: Sequence[str] = (),
    exclude: Sequence[str] = (),
    species: Sequence[str] = (),
    years: Sequence[str | int] = (),
    regions: Sequence[str] = (),
    as_of: int | None = None,
    box: Sequence[Sequence[float] | None] = (),
) -> ServiceRequest[Identification]:
    """Identify the individual in each photo; with `encounter` also in all of them together.

    `individuals`, `exclude`, `species`, `years` (`2018`, `"2015-2018"`) and `regions` narrow the
    catalogue that is searched. `as_of` searches an earlier revision. Photos with an animal score
    below `animal_threshold` are answered `no_animal`. `box`: one for each photo, left, top, right
    and bottom in 0..1, says which animal is meant; None: it is found. Where some photos can't be
    read, none is answered, and BadPhotos names them.
    """
    # The options of a request are keywords, one for each field of the HTTP API's form.
    form = without_empty(
        k=k,
        encounter=encounter or None,
        max_fpir=max_fpir,
        threshold=threshold,
        new_share=new_share,
        animal_threshold=animal_threshold,
        as_of=as_of,
    )
    scope = without_empty(
        individuals=individuals, exclude=exclude, species=species, years=years, regions=regions
    )
    places = without_empty(box=["" if one is None else " ".join(map(str, one)) for one in box])
    return _photo_request(
        "identify", record_of(Identification), photo_uploads(photos), {**form, **scope, **places}
    )


def verify(
    photos: Photos,
    *,
    individual: str | None = None,
    reference: PhotoSource | None = None,
    encounter: bool = False,
    max_fpir: float | None = None,
    threshold: float | None = None,
) -> ServiceRequest[Verification]:
    """Verify whether each photo shows an individual, or the animal of a reference photo.

    Give one of `individual` and `reference`.
    """
    form = without_empty(
        individual=individual, encounter=encounter or None, max_fpir=max_fpir, threshold=threshold
    )
    files = (*photo_uploads(photos), *_reference(reference))
    return _photo_request("verify", record_of(Verification), files, form)


def locate(photos: Photos) -> ServiceRequest[Location]:
    """Find the animals in each photo: any number, each with its box and a score."""
    return _photo_request("locate", record_of(Location), photo_uploads(photos), {})


def embed(photos: Photos) -> ServiceRequest[Embedding]:
    """Embed each photo with the service's checkpoint."""
    return _photo_request("embed", record_of(Embedding), photo_uploads(photos), {})


def explain(
    photo: PhotoSource, *, catalogue_photo: str | None = None, reference: PhotoSource | None = None
) -> ServiceRequest[Explanation]:
    """Draw which regions make a photo similar to a catalogue photo, or to a reference photo.

    Give one of `catalogue_photo` and `reference`.
    """
    files = (photo_upload(photo, "photos"), *_reference(reference))
    return _photo_request(
        "explain", _read_explanation, files, without_empty(catalogue_photo=catalogue_photo)
    )


def _photo_request(
    path: str,
    read: Callable[[httpx.Response], Answer],
    files: tuple[Upload, ...],
    form: Mapping[str, object],
) -> ServiceRequest[Answer]:
    """Describe a POST that changes nothing, and may be sent again."""
    return ServiceRequest("POST", f"/v1/{path}", read, "safe", form=form, files=files)


def _reference(reference: PhotoSource | None) -> tuple[Upload, ...]:
    return () if reference is None else (photo_upload(reference, "reference"),)


def _read_explanation(response: httpx.Response) -> Explanation:
    try:
        return Explanation(response.content, float(response.headers["X-Distance"]))
    except (KeyError, ValueError) as error:
        raise StrangeAnswer(
            "the picture comes without a distance; is this a flukeprint service?"
        ) from error
