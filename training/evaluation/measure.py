"""The work of `flukeprint evaluate`: photos to vectors, answers, figures, tables, pictures."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np

from embedding.checkpoint import (
    DEFAULT_CHECKPOINT,
    read_header,
    refuse_unwritable,
    write_atomically,
)
from embedding.embedder import Embedder
from embedding.photos.photo import BadPhoto
from embedding.runtime import checked_precision, checked_runtime
from index.calibration.fitting import calibrate
from index.labels.labelled_photo import BoxOrientation
from index.labels.reader import LabelledPhoto
from index.photos.embed import UnreadPhoto, embed_photos
from index.progress import progress, spinner
from index.search.matching import BadQuery, Score
from index.search.vectors import FloatArray
from training.evaluation.compare.comparison import abundance, compare, write_comparison
from training.evaluation.failures import (
    failure_rows,
    known_results,
    leave_one_out_results,
    write_failures,
)
from training.evaluation.figures import (
    PhotoReader,
    draw_cmc,
    draw_det,
    draw_numbered_sheets,
    draw_sheets,
)
from training.evaluation.occasions import rank_by_occasion
from training.evaluation.promises.comparison import compare_all, write_page_and_picture
from training.evaluation.promises.draws import PhotoSet
from training.evaluation.protocol import Answers, answers_of
from training.evaluation.queries import LabelledVectors
from training.evaluation.report import figures_of, table_of, write_scorer_files
from training.evaluation.stored_vectors import StoredVectors, read_stored
from training.sets.labelled import read_labelled
from training.splits.protocol import Split, make_split, read_split


@dataclass(frozen=True, slots=True)
class EvaluationChoices:
    """What to measure, on what, and where to leave it."""

    csv: Path | None
    photos: Path
    out: Path
    checkpoint: Path | None
    split: Path | None
    seed: int
    score: str
    with_boxes: bool
    compares: bool = False
    checks_promises: bool = False
    draws_every_miss: bool = False
    same_animals: Path | None = None
    boxes: BoxOrientation | None = None
    vectors: Path | None = None
    runtime: str = "auto"
    precision: str = "float32"


def measure(choices: EvaluationChoices, *, as_json: bool) -> None:
    """Run an evaluation and print its table (or JSON)."""
    if choices.score not in get_args(Score):
        raise BadQuery(f"score {choices.score!r}; allowed are {', '.join(get_args(Score))}")
    score = cast(Score, choices.score)
    refuse_unwritable(choices.out / "report.json")
    photos = list(
        read_labelled(
            choices.csv,
            choices.photos,
            same_animals=choices.same_animals,
            boxes=choices.boxes,
        ).photos
    )
    split = read_split(choices.split, photos) if choices.split else make_split(photos, choices.seed)
    path = choices.checkpoint or DEFAULT_CHECKPOINT
    with spinner("Loading the model"):
        embedder = Embedder.load(
            path,
            runtime=checked_runtime(choices.runtime),
            precision=checked_precision(choices.precision),
        )
    seen = photos if choices.with_boxes else [_without_box(photo) for photo in photos]
    stored = (
        _embed(seen, embedder)
        if choices.vectors is None
        else read_stored(choices.vectors, photos, embedder.fingerprint)
    )
    vectors = stored.vectors
    # First, so that minutes of embedding outlive whatever fails after them.
    choices.out.mkdir(parents=True, exist_ok=True)
    stored.write(choices.out / "vectors.npz")
    run_split = split if choices.split else None  # the protocol's own knows of no learning
    labelled = PhotoSet.of(vectors, photos, run_split, score, stored.hashes)
    answers = answers_of(vectors, photos, split, score, bursts=labelled.bursts)
    disjoint = [at for at, photo in enumerate(photos) if split.roles[photo.name] == "disjoint"]
    occasions = rank_by_occasion(
        vectors[disjoint], [photos[at] for at in disjoint], labelled.bursts[disjoint], score
    )
    learned = [
        at for at, photo in enumerate(photos) if split.roles[photo.name] in ("fit", "disjoint")
    ]
    calibration = calibrate(
        vectors[learned],
        [photos[at].individual for at in learned],
        score=score,
        facts=labelled.facts_of(np.array(learned, np.int64)),
    )
    figures = {
        "checkpoint": {
            "file": path.name,
            "name": read_header(path).card.get("name"),
            "sha256": embedder.fingerprint,
        },
        "split": {
            "seed": None if choices.split else choices.seed,
            "score": score,
            "boxes": choices.with_boxes,
        },
        **figures_of(answers, calibration, occasions),
    }
    if choices.compares:
        print("comparing ways to answer: some minutes for thousands of photos", file=sys.stderr)
        figures |= {
            **compare(LabelledVectors(vectors, photos, split)),
            "abundance": abundance(answers, calibration),
        }
    if choices.checks_promises:
        print("measuring promises: some minutes for thousands of photos", file=sys.stderr)
        figures["promises"] = compare_all(labelled, choices.seed)
    write_scorer_files(
        choices.out, answers, [p for p in photos if split.roles[p.name] == "disjoint"]
    )
    text = json.dumps(figures, indent=2)
    write_atomically(choices.out / "report.json", (text + "\n").encode())
    _draw(answers, choices, photos)
    _report_misses(answers, choices, photos, labelled, split, embedder)
    if choices.compares:
        write_comparison(figures, choices.out, _name(choices))
    if choices.checks_promises:
        write_page_and_picture(figures["promises"], choices.out, _name(choices))
    if as_json:
        print(text)
    else:
        from rich.console import Console

        Console().print(
            table_of(figures, f"{path.name} on {choices.photos} ({len(photos)} photos)")
        )
        print(f"report, curves and contact sheets: {choices.out}")


def _without_box(photo: LabelledPhoto) -> LabelledPhoto:
    return dataclasses.replace(photo, box=None)


def embed_all(photos: list[LabelledPhoto], embedder: Embedder) -> FloatArray:
    """Embed as `flukeprint embed` does; one unreadable photo ends the evaluation."""
    return _embed(photos, embedder).vectors


def _embed(photos: list[LabelledPhoto], embedder: Embedder) -> StoredVectors:
    rows: list[FloatArray] = []
    hashes: list[bytes | None] = []
    with progress(len(photos), "embedding") as advance:
        for batch in embed_photos(photos, embedder):
            for made in batch:
                if isinstance(made, UnreadPhoto):
                    raise BadPhoto(
                        f"{made.reason}. Mend the photo, or take its row out of the labels"
                    )
                rows.append(made.vector)
                hashes.append(made.file.perceptual_hash)
            advance(len(batch))
    names = [photo.name for photo in photos]
    return StoredVectors(names, np.stack(rows), hashes, embedder.fingerprint)


def _draw(answers: Answers, choices: EvaluationChoices, photos: list[LabelledPhoto]) -> None:
    name = _name(choices)
    if len(answers.known_ranks) and len(answers.unknown_distances):
        draw_det(answers, choices.out / "det.png", name)
    draw_cmc(answers, choices.out / "cmc.png", name)


def _report_misses(
    answers: Answers,
    choices: EvaluationChoices,
    photos: list[LabelledPhoto],
    labelled: PhotoSet,
    split: Split,
    embedder: Embedder,
) -> None:
    """Draw hits and misses and say what misses share; of disjoint queries in `disjoint/`."""
    score, out, with_boxes = cast(Score, choices.score), choices.out, choices.with_boxes
    reader = PhotoReader.of(photos, embedder, with_boxes=with_boxes)
    draw_sheets(answers, reader, out, score=score)
    disjoint = [at for at, photo in enumerate(photos) if split.roles[photo.name] == "disjoint"]
    disjoint_results = (
        leave_one_out_results(
            labelled.vectors[disjoint],
            [photos[at] for at in disjoint],
            labelled.bursts[disjoint],
        )
        if disjoint
        else []
    )
    for results, folder in (
        (known_results(answers, score), out),
        (disjoint_results, out / "disjoint"),
    ):
        if results:
            write_failures(failure_rows(results, embedder=embedder, with_boxes=with_boxes), folder)
        if choices.draws_every_miss:
            misses = [one for one in results if one.rank > 1]
            draw_numbered_sheets(misses, reader, folder)


def _name(choices: EvaluationChoices) -> str:
    return (choices.csv or choices.photos).resolve().parent.name
