"""Answers a batch: photos go through the network together, pairs are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from embedding.photos.box import Animal
from embedding.photos.photo import Box, Image
from index.identification.identifier import Identifier
from index.search.embedded_images import EmbeddedImage, embed_images, find_animals
from index.search.matching import Identification
from index.search.vectors import Embedder, FloatArray
from service.telemetry.spans import Step, timed_step

if TYPE_CHECKING:
    from embedding import embedder as networks


class IdentifyOptions(NamedTuple):
    """The options of `Identifier.identify_vectors`, and the share of new animals."""

    k: int
    max_fpir: float | None = None
    threshold: float | None = None
    animal_threshold: float | None = None
    new_share: float | None = None


class InferenceRequest(NamedTuple):
    """One photo to embed, and to identify where there are options; `box` None: to be found."""

    identifier: Identifier
    image: Image
    options: IdentifyOptions | None = None
    box: Box | None = None


class LocateRequest(NamedTuple):
    """One photo whose animals are to be found."""

    embedder: Embedder
    image: Image


class InferenceResult(NamedTuple):
    """A photo's vector (d,), its identification if requested, the box of its fluke, and its turn.

    `quarter_turns` to the left put the photo upright. `steps`: what its batch spent time on.
    """

    vector: FloatArray
    identification: Identification | None
    box: Box | None = None
    quarter_turns: int = 0
    steps: tuple[Step, ...] = ()


class PairedPhoto(NamedTuple):
    """One side of a pair; `box` None: the embedder's locator finds it."""

    name: str
    image: Image
    box: Box | None = None


class Pair(NamedTuple):
    """Two photos to draw with the regions that make them similar."""

    embedder: Embedder
    query: PairedPhoto
    reference: PairedPhoto


class HeatedPair(NamedTuple):
    """Two photos whose heat is to be given as numbers."""

    embedder: Embedder
    query: PairedPhoto
    reference: PairedPhoto


class Picture(NamedTuple):
    """A drawn pair as a PNG file's content, and the photos' distance."""

    png: bytes
    distance: float


class Located(NamedTuple):
    """The animals of a photo, the surest first."""

    animals: tuple[Animal, ...]


class PhotoHeat(NamedTuple):
    """The heat (h, w) of a photo, -1 to 1, that lies over a `region` of it as it came.

    The region's shares may reach beyond the photo. `box` is the animal's where one was cut out.
    """

    values: FloatArray
    region: Box
    box: Box | None
    quarter_turns: int


class PairHeat(NamedTuple):
    """The heat of two photos, and their distance."""

    query: PhotoHeat
    reference: PhotoHeat
    distance: float


Question = InferenceRequest | LocateRequest | Pair | HeatedPair
Answer = InferenceResult | Located | Picture | PairHeat


def answer_all(questions: Sequence[Question]) -> list[Answer]:
    """Answer a batch in order; what needs the same network passes through it together."""
    answers: dict[int, Answer] = {}
    for at, each in enumerate(questions):
        if isinstance(each, Pair):
            answers[at] = _draw(each)
        elif isinstance(each, HeatedPair):
            answers[at] = _heat(each)
    located = {at: each for at, each in enumerate(questions) if isinstance(each, LocateRequest)}
    answers.update(_locate(located))
    requests = {at: each for at, each in enumerate(questions) if isinstance(each, InferenceRequest)}
    answers.update(_infer(requests))
    return [answers[at] for at in range(len(questions))]


def _infer(requests: dict[int, InferenceRequest]) -> dict[int, Answer]:
    embedded: dict[int, EmbeddedImage] = {}
    steps = list[Step]()
    for positions in _groups_of_equal(
        {at: id(request.identifier.embedder) for at, request in requests.items()}
    ):
        embedder = requests[positions[0]].identifier.embedder
        images = [requests[at].image for at in positions]
        boxes = [requests[at].box for at in positions]
        with timed_step("embed", len(images), steps):
            embedded.update(zip(positions, embed_images(embedder, images, boxes), strict=True))
    identified: dict[int, Identification] = {}
    keys = {
        at: (id(request.identifier), request.options)
        for at, request in requests.items()
        if request.options is not None
    }
    for positions in _groups_of_equal(keys):
        first = requests[positions[0]]
        assert first.options is not None
        rows = np.stack([embedded[at].vector for at in positions])
        k, max_fpir, threshold, animal_threshold, new_share = first.options
        with timed_step("search", len(rows), steps):
            found = first.identifier.for_new_share(new_share).identify_vectors(
                rows,
                k=k,
                max_fpir=max_fpir,
                threshold=threshold,
                animal_threshold=animal_threshold,
            )
        identified.update(
            (
                at,
                replace(
                    answer,
                    quarter_turns=photo.quarter_turns,
                    quality=photo.quality,
                    animals=photo.animals,
                ),
            )
            for at, answer in zip(positions, found, strict=True)
            for photo in (embedded[at],)
        )
    return {
        at: InferenceResult(
            photo.vector, identified.get(at), photo.box, photo.quarter_turns, tuple(steps)
        )
        for at, photo in embedded.items()
    }


def _locate(requests: dict[int, LocateRequest]) -> dict[int, Answer]:
    answers: dict[int, Answer] = {}
    for positions in _groups_of_equal({at: id(one.embedder) for at, one in requests.items()}):
        images = [requests[at].image for at in positions]
        found = find_animals(requests[positions[0]].embedder, images)
        answers.update(zip(positions, map(Located, found), strict=True))
    return answers


def _groups_of_equal(keys: Mapping[int, object]) -> list[list[int]]:
    """Positions with equal keys, together."""
    together: dict[object, list[int]] = {}
    for at, key in keys.items():
        together.setdefault(key, []).append(at)
    return list(together.values())


def _draw(pair: Pair) -> Picture:
    """Draw as `flukeprint explain` does.

    Raises FlukeprintError for a network that has no map to draw heat on.
    """
    from embedding.explanation.heatmap import png_bytes
    from embedding.explanation.side_by_side import ComparedPhoto, compare

    embedder = cast("networks.Embedder", pair.embedder)
    compared = compare(embedder, ComparedPhoto(*pair.query), ComparedPhoto(*pair.reference))
    return Picture(png_bytes(compared.picture), compared.heat.distance)


def _heat(pair: HeatedPair) -> PairHeat:
    """Take a pair's distance apart. Raises FlukeprintError as `_draw`."""
    from embedding.explanation.overlays import heat_overlays
    from embedding.explanation.side_by_side import ComparedPhoto

    embedder = cast("networks.Embedder", pair.embedder)
    found = heat_overlays(embedder, ComparedPhoto(*pair.query), ComparedPhoto(*pair.reference))
    query, reference = (
        PhotoHeat(each.values.astype(np.float32), each.region, each.box, each.quarter_turns)
        for each in (found.query, found.reference)
    )
    return PairHeat(query, reference, found.distance)
