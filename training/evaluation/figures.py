"""Pictures of an evaluation: DET and CMC curves, and contact sheets of hits and misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedding.checkpoint import write_atomically
from embedding.embedder import Embedder
from embedding.explanation.heatmap import RIGHT, WRONG, Colour, Tile, heat_over, png_bytes, tiled
from embedding.explanation.side_by_side import crop_box, pair_heat, strongest_of, view_of
from embedding.photos.photo import Box, Image, read_photo, resize, to_array
from index.labels.reader import LabelledPhoto
from index.search.matching import Candidate, Score
from training.evaluation.failures import QueryResult, known_results
from training.evaluation.metrics import cmc_curve, det_curve
from training.evaluation.protocol import Answers
from training.plots import figure

_TILE_PX = (224, 128)  # one size for all, so that trailing edges can be compared
_ROWS = 12  # queries on hits.png and misses.png
_ROWS_NUMBERED = 20  # queries on one of the sheets that show all


def draw_det(answers: Answers, path: Path, name: str) -> None:
    """Draw missed known animals against unknown animals let through, over all thresholds."""
    fpir, fnir = det_curve(answers.known_distances, answers.known_ranks, answers.unknown_distances)
    with figure(path, height_inches=5) as (axes,):
        axes.plot(np.maximum(fpir, 1e-3), fnir, color="#1f4e79")
        axes.set(
            title=f"{name}: DET curve",
            xlabel="FPIR: share of new whales taken for known",
            ylabel="FNIR: share of known whales missed",
            xscale="log",
            xlim=(1e-3, 1),
            ylim=(0, 1),
        )


def draw_cmc(answers: Answers, path: Path, name: str) -> None:
    """Draw the share of queries whose individual is among the first k."""
    with figure(path, height_inches=5) as (axes,):
        for label, ranks in (("known", answers.known_ranks), ("disjoint", answers.disjoint_ranks)):
            if len(ranks):
                curve = cmc_curve(ranks, 20)
                axes.plot(
                    range(1, 21),
                    curve,
                    marker="o",
                    markersize=4,
                    label=f"{label} ({len(ranks)} queries)",
                )
        axes.set(
            title=f"{name}: CMC curve",
            xlabel="k",
            ylabel="share found among the first k",
            ylim=(0, 1),
        )
        axes.legend(loc="lower right")


def draw_sheets(
    answers: Answers, reader: PhotoReader, folder: Path, *, score: Score = "nearest"
) -> None:
    """Draw hits.png and misses.png: a known query a row, spread evenly over the answers' distances.

    Each row holds the query, who came first, and for a miss the right individual's nearest photo,
    for a hit the nearest of anybody else. Where the reader has an embedder, each pair follows with
    its heat (`embedding.explanation.regions`).
    """
    results = known_results(answers, score)
    for name, group in (
        ("hits", [each for each in results if each.rank == 1]),
        ("misses", [each for each in results if each.rank > 1]),
    ):
        if group:
            ordered = sorted(group, key=lambda each: (each.answer.distance, each.photo.name))
            at: list[int] = (
                np.linspace(0, len(ordered) - 1, min(_ROWS, len(ordered)))
                .round()
                .astype(int)
                .tolist()
            )
            _draw_sheet([ordered[each] for each in at], reader, folder / f"{name}.png", name)


def draw_numbered_sheets(
    results: Sequence[QueryResult],
    reader: PhotoReader,
    folder: Path,
    name: str = "misses",
    *,
    rows: int = _ROWS_NUMBERED,
) -> list[Path]:
    """Draw all results in their order on misses-01.png, misses-02.png, ...; rows count from 1."""
    paths: list[Path] = []
    for start in range(0, len(results), rows):
        paths.append(folder / f"{name}-{len(paths) + 1:02}.png")
        _draw_sheet(results[start : start + rows], reader, paths[-1], name, first=start + 1)
    return paths


@dataclass(frozen=True, slots=True)
class PhotoReader:
    """Reads photos by name, cropped as they were when their vectors were made.

    `with_boxes` says whether that was with the photos' own boxes.
    """

    photos: Mapping[str, LabelledPhoto]
    embedder: Embedder | None = None
    with_boxes: bool = True

    @classmethod
    def of(
        cls,
        photos: Sequence[LabelledPhoto],
        embedder: Embedder | None = None,
        *,
        with_boxes: bool = True,
    ) -> PhotoReader:
        """Make a reader of these photos."""
        return cls({photo.name: photo for photo in photos}, embedder, with_boxes)

    @property
    def heat_embedder(self) -> Embedder | None:
        """The embedder, where its network can tell regions apart."""
        return self.embedder if self.embedder is not None and self.embedder.has_heat else None

    def read(self, name: str) -> _Shown:
        photo, embedder = self.photos[name], self.embedder
        given = photo.box if self.with_boxes else None
        if embedder is None:
            return _Shown(read_photo(photo.path, name=name, at_least_px=max(_TILE_PX)), None)
        image = read_photo(photo.path, name=name, at_least_px=embedder.input_px)
        return _Shown(image, crop_box(embedder, image, given))

    def view(self, shown: _Shown) -> NDArray[np.uint8]:
        if self.embedder is None:
            return to_array(resize(shown.image, *_TILE_PX))
        return view_of(self.embedder.preprocessing, shown.image, shown.box, *_TILE_PX)


@dataclass(frozen=True, slots=True)
class _Shown:
    image: Image
    box: Box | None  # what the network saw of it; None for the whole photo


def _draw_sheet(
    results: Sequence[QueryResult], reader: PhotoReader, path: Path, title: str, *, first: int = 1
) -> None:
    rows = [_row(each, reader, number) for number, each in enumerate(results, first)]
    heading = (
        f"{title}: query, who came first, "
        f"{'the nearest other' if title == 'hits' else 'the right one'}"
    )
    if reader.heat_embedder is not None:
        heading += "; then query and answer with heat for each (red: alike, blue: unlike)"
    write_atomically(path, png_bytes(tiled(rows, heading)))


def _row(result: QueryResult, reader: PhotoReader, number: int) -> list[Tile]:
    """Draw the query, who came first and the other of right and wrong, then each pair's heat."""
    query = reader.read(result.photo.name)
    captions = (f"{number}. {result.photo.individual}", result.photo.name)
    tiles = [Tile(reader.view(query), captions)]
    heated: list[Tile] = []
    pair = [result.own] if result.other is None else [result.own, result.other]
    for candidate in pair if result.rank == 1 else pair[::-1]:
        shown = reader.read(candidate.photo)
        frame = RIGHT if candidate is result.own else WRONG
        tiles.append(Tile(reader.view(shown), _captions(result, candidate), frame))
        if reader.heat_embedder is not None:
            heated += _heated(reader, reader.heat_embedder, query, shown, frame)
    return tiles + heated


def _captions(result: QueryResult, candidate: Candidate) -> tuple[str, str]:
    if candidate is result.own:
        is_one = result.references == 1
        said = f"right, rank {result.rank}, {result.references} photo{'' if is_one else 's'}"
    else:
        said = f"wrong, {candidate.individual}"
    return said, f"{candidate.distance:.3f} {candidate.photo}"


def _heated(
    reader: PhotoReader, embedder: Embedder, query: _Shown, shown: _Shown, frame: Colour
) -> list[Tile]:
    heat = pair_heat(embedder, query.image, query.box, shown.image, shown.box)
    strongest = strongest_of(heat)
    return [
        Tile(
            heat_over(reader.view(query), heat.query, strongest),
            ("query's regions", f"{heat.distance:.3f}"),
            frame,
        ),
        Tile(
            heat_over(reader.view(shown), heat.reference, strongest),
            ("the other's regions",),
            frame,
        ),
    ]
