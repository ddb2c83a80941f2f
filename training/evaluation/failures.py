"""Why queries are missed: measures of each, classes of failure, and their rates."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedding.checkpoint import write_atomically
from embedding.embedder import Embedder
from embedding.explanation.side_by_side import crop_box
from embedding.photos.photo import read_photo
from index.calibration.leave_one_out import leave_one_out_ranks
from index.labels.reader import LabelledPhoto
from index.search.engine import exact_distances
from index.search.matching import Candidate, Score
from index.search.vectors import FloatArray
from training.evaluation.photo_quality import Quality, quality_of
from training.evaluation.protocol import Answers

# Per cent of the hits that a measure may call blurred, dark and so on: what it says of misses is
# what is beyond that.
_RARE = 10
_MISSED_BOX_IOU = 0.6
_NEAR_RANK = 5

CLASSES = {
    "few references": "the gallery holds one photo of the individual",
    "box missed": "the locator's box overlaps with the given one by less than "
    f"{_MISSED_BOX_IOU} (IoU)",
    "small fluke": f"the box's share of the photo is below the hits' {_RARE}th percentile",
    "blurred": f"sharpness (variance of the Laplacian) below the hits' {_RARE}th percentile",
    "low contrast": f"contrast (deviation of grey) below the hits' {_RARE}th percentile",
    "dark": f"mean brightness below the hits' {_RARE}th percentile",
    "bright": f"mean brightness above the hits' {100 - _RARE}th percentile",
    "narrow": f"the box's width / height below the hits' {_RARE}th percentile: a fluke from the "
    "side, or half of one",
    "other": "nothing of the above",
    "near miss": f"the right individual has rank 2 to {_NEAR_RANK}",
    "sure but wrong": "the answer is nearer than half of the hits' are: a look-alike, or a "
    "wrong label",
}
"""Each class of failure and what puts a query in it; a query may be in several.

Classes before `other` are properties of query and gallery, which hits have too; those after it say
how a miss missed.
"""
_MEASURES = tuple(field.name for field in dataclasses.fields(Quality))
_COLUMNS = (
    *(
        "photo",
        "individual",
        "answer",
        "rank",
        "answer_distance",
        "own_distance",
        "answer_photo",
        "own_photo",
    ),
    *("references", *_MEASURES, "classes"),
)
_OF_MISSES = ("near miss", "sure but wrong")


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One query whose individual the gallery holds, and what it got.

    `own` is the right individual's nearest photo, `other` the nearest photo of anybody else (None
    where nobody else is there); `rank` 1 is a hit. `references` counts the gallery's photos of the
    right individual.
    """

    photo: LabelledPhoto
    rank: int
    own: Candidate
    other: Candidate | None
    references: int

    @property
    def answer(self) -> Candidate:
        """Who came first."""
        return self.own if self.rank == 1 or self.other is None else self.other


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A query with its measures and the classes it falls in; hits have them too, for comparison."""

    result: QueryResult
    quality: Quality
    classes: tuple[str, ...]


def known_results(answers: Answers, score: Score = "nearest") -> list[QueryResult]:
    """The known queries of an evaluation, in their order."""
    gallery = answers.gallery
    counts = {
        one: gallery.individuals.count(one)
        for one in {photo.individual or "" for photo in answers.known_photos}
    }
    results: list[QueryResult] = []
    for row, photo in enumerate(answers.known_photos):
        ranked = gallery.rank(
            answers.known_vectors[row : row + 1], gallery.individual_count, score
        )[0]
        own = next(each for each in ranked if each.individual == photo.individual)
        other = next((each for each in ranked if each.individual != photo.individual), None)
        results.append(
            QueryResult(
                photo, int(answers.known_ranks[row]), own, other, counts[photo.individual or ""]
            )
        )
    return results


def leave_one_out_results(
    vectors: FloatArray,
    photos: Sequence[LabelledPhoto],
    bursts: NDArray[np.int64] | None = None,
) -> list[QueryResult]:
    """Query each of `photos` (vectors (n, d)) among the others, by the nearest photo.

    Photos of its own burst, by the numbers in `bursts` (n,), aren't compared with it; None: each is
    one of its own. A photo whose individual has no other burst is no query, but may be mistaken for
    another's.
    """
    individuals = np.array([photo.individual or "" for photo in photos])
    whose = np.arange(len(photos)) if bursts is None else bursts
    left_out = leave_one_out_ranks(vectors, individuals.tolist(), "nearest", bursts=bursts)
    results: list[QueryResult] = []
    rows: list[int] = left_out.rows.tolist()
    for row, rank in zip(rows, left_out.ranks.tolist(), strict=True):
        distances = exact_distances(vectors[row : row + 1], vectors)[0]
        is_own = individuals == individuals[row]
        is_asked = whose == whose[row]
        distances[is_asked] = np.inf

        def nearest(among: np.ndarray, distances: np.ndarray = distances) -> Candidate:
            at = int(np.argmin(np.where(among, distances, np.inf)))
            return Candidate(str(individuals[at]), float(distances[at]), photos[at].name)

        other = None if is_own.all() else nearest(~is_own)
        results.append(
            QueryResult(
                photos[row], int(rank), nearest(is_own), other, int((is_own & ~is_asked).sum())
            )
        )
    return results


def failure_rows(
    results: Sequence[QueryResult], *, embedder: Embedder | None = None, with_boxes: bool = True
) -> list[FailureRow]:
    """Measure every query and put it in its classes; thresholds come from the hits among `results`.

    `with_boxes` says whether the vectors were made with the given boxes. Without an embedder no box
    is located.
    """
    measured = [_quality(each.photo, embedder, with_boxes=with_boxes) for each in results]
    hits = [quality for each, quality in zip(results, measured, strict=True) if each.rank == 1]
    bounds = _Bounds.of(hits, [each.answer.distance for each in results if each.rank == 1])
    return [
        FailureRow(each, quality, classes_of(each, quality, bounds))
        for each, quality in zip(results, measured, strict=True)
    ]


def _quality(photo: LabelledPhoto, embedder: Embedder | None, *, with_boxes: bool) -> Quality:
    image = read_photo(
        photo.path, name=photo.name, at_least_px=embedder.input_px if embedder is not None else None
    )
    given = photo.box if with_boxes else None
    if embedder is None:
        return quality_of(image, given, given=photo.box)
    located = embedder.find_boxes([image])[0] if embedder.has_locator else None
    return quality_of(image, crop_box(embedder, image, given), given=photo.box, located=located)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What is rare among hits (below `least`, above `brightest`), and their median distance."""

    least: Quality
    brightest: float
    median_distance: float

    @classmethod
    def of(cls, hits: Sequence[Quality], distances: Sequence[float]) -> _Bounds:
        def at(name: str, per_cent: float) -> float:
            # Nothing is below or above NaN: without hits nothing is rare.
            return (
                float(np.percentile([getattr(each, name) for each in hits], per_cent))
                if hits
                else float("nan")
            )

        measures = ("sharpness", "contrast", "brightness", "box_area", "box_aspect")
        least = Quality(**{name: at(name, _RARE) for name in measures}, box_iou=_MISSED_BOX_IOU)
        median = float(np.median(distances)) if len(distances) else float("nan")
        return cls(least, at("brightness", 100 - _RARE), median)


def classes_of(result: QueryResult, quality: Quality, bounds: _Bounds) -> tuple[str, ...]:
    """The classes of CLASSES that a query falls in, in their order; never none."""
    least = bounds.least
    found = {
        "few references": result.references == 1,
        "box missed": quality.box_iou is not None and quality.box_iou < _MISSED_BOX_IOU,
        "small fluke": quality.box_area < least.box_area,
        "blurred": quality.sharpness < least.sharpness,
        "low contrast": quality.contrast < least.contrast,
        "dark": quality.brightness < least.brightness,
        "bright": quality.brightness > bounds.brightest,
        "narrow": quality.box_aspect < least.box_aspect,
    }
    found["other"] = not any(found.values())
    found["near miss"] = 1 < result.rank <= _NEAR_RANK
    found["sure but wrong"] = result.rank > 1 and result.answer.distance < bounds.median_distance
    return tuple(name for name in CLASSES if found[name])


def failure_table(rows: Sequence[FailureRow]) -> str:
    """Count the classes among misses and hits, as a Markdown table.

    A class explains misses where it is much commoner among them; the last column says how many
    times. Classes that only a miss can be in have no rate among hits.
    """
    misses = [row for row in rows if row.result.rank > 1]
    hits = [row for row in rows if row.result.rank == 1]
    lines = [
        f"| class | misses ({len(misses)}) | share | hits ({len(hits)}) | share | misses' share "
        "/ hits' |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in CLASSES:
        missed, hit = (sum(name in row.classes for row in group) for group in (misses, hits))
        shares = missed / max(len(misses), 1), hit / max(len(hits), 1)
        ratio = f"{shares[0] / shares[1]:.1f}" if hit else ""
        hit_columns = f"| {hit} | {shares[1]:.3f} | {ratio}" if name not in _OF_MISSES else "| | | "
        lines.append(f"| {name} | {missed} | {shares[0]:.3f} {hit_columns} |")
    meanings = [f"- **{name}**: {meaning}." for name, meaning in CLASSES.items()]
    return "\n".join([*lines, "", *meanings, ""])


def misses_csv(rows: Sequence[FailureRow]) -> str:
    """Write one row a missed query, by photo name: truth, answer, distances, measures, classes."""
    missed = sorted(
        (row for row in rows if row.result.rank > 1), key=lambda row: row.result.photo.name
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_csv_row(row) for row in missed)
    return text.getvalue()


def _csv_row(row: FailureRow) -> dict[str, object]:
    result = row.result
    measures = {name: getattr(row.quality, name) for name in _MEASURES}
    return {
        "photo": result.photo.name,
        "individual": result.photo.individual,
        "answer": result.answer.individual,
        "rank": result.rank,
        "answer_distance": f"{result.answer.distance:.4f}",
        "own_distance": f"{result.own.distance:.4f}",
        "answer_photo": result.answer.photo,
        "own_photo": result.own.photo,
        "references": result.references,
        **{name: "" if value is None else f"{value:.4f}" for name, value in measures.items()},
        "classes": "; ".join(row.classes),
    }


def write_failures(rows: Sequence[FailureRow], folder: Path) -> None:
    """Write misses.csv and failures.md."""
    write_atomically(folder / "misses.csv", misses_csv(rows).encode())
    write_atomically(folder / "failures.md", failure_table(rows).encode())
