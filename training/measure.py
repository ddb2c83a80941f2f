"""The evaluation command's way: photos -> vectors -> answers -> figures, tables and pictures."""

from __future__ import annotations

import dataclasses
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np

from embedding.checkpoint import DEFAULT_CHECKPOINT, read_header, write_atomically
from embedding.embedder import Embedder
from embedding.photo import BadPhoto
from index.calibration import calibrate
from index.embed_photos import UnreadPhoto, embed_photos
from index.embedders import FloatArray
from index.labels import LabelledPhoto, read_labels
from index.matching import BadQuery, Score
from index.progress import progress
from training.evaluation import Answers, answers_of
from training.figures import draw_cmc, draw_det, draw_sheets
from training.report import figures_of, table_of, write_scorer_files
from training.splits import make_split, read_split


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


def measure(choices: EvaluationChoices, *, as_json: bool) -> None:
    """Run an evaluation and print its table (or JSON)."""
    if choices.score not in get_args(Score):
        raise BadQuery(f"score {choices.score!r}; allowed are {', '.join(get_args(Score))}")
    score = cast(Score, choices.score)
    photos = list(read_labels(choices.csv, choices.photos).photos)
    split = read_split(choices.split, photos) if choices.split else make_split(photos, choices.seed)
    path = choices.checkpoint or DEFAULT_CHECKPOINT
    embedder = Embedder.load(path)
    vectors = _vectors(photos if choices.with_boxes else [_without_box(photo) for photo in photos], embedder)
    answers = answers_of(vectors, photos, split, score)
    learned = [at for at, photo in enumerate(photos) if split.roles[photo.name] in ("fit", "disjoint")]
    calibration = calibrate(vectors[learned], [photos[at].individual for at in learned], score=score)
    figures = {
        "checkpoint": {"file": path.name, "name": read_header(path).card.get("name"), "sha256": embedder.fingerprint},
        "split": {"seed": None if choices.split else choices.seed, "score": score, "boxes": choices.with_boxes},
        **figures_of(answers, calibration),
    }
    choices.out.mkdir(parents=True, exist_ok=True)
    _write_vectors(choices.out / "vectors.npz", photos, vectors)
    write_scorer_files(choices.out, answers, [p for p in photos if split.roles[p.name] == "disjoint"])
    text = json.dumps(figures, indent=2)
    write_atomically(choices.out / "report.json", (text + "\n").encode())
    _draw(answers, choices, photos)
    if as_json:
        print(text)
    else:
        from rich.console import Console

        Console().print(table_of(figures, f"{path.name} on {choices.photos} ({len(photos)} photos)"))
        print(f"report, curves and contact sheets: {choices.out}")


def _without_box(photo: LabelledPhoto) -> LabelledPhoto:
    return dataclasses.replace(photo, box=None)


def _vectors(photos: list[LabelledPhoto], embedder: Embedder) -> FloatArray:
    """Embed as `flukeprint embed` does; one unreadable photo ends the evaluation, as its figures would be others'."""
    rows: list[FloatArray] = []
    with progress(len(photos), "embedding") as advance:
        for batch in embed_photos(photos, embedder):
            for made in batch:
                if isinstance(made, UnreadPhoto):
                    raise BadPhoto(f"{made.reason}. Mend the photo, or take its row out of the labels")
                rows.append(made.vector)
            advance(len(batch))
    return np.stack(rows)


def _draw(answers: Answers, choices: EvaluationChoices, photos: list[LabelledPhoto]) -> None:
    name = (choices.csv or choices.photos).resolve().parent.name
    if len(answers.known_ranks) and len(answers.unknown_distances):
        draw_det(answers, choices.out / "det.png", name)
    draw_cmc(answers, choices.out / "cmc.png", name)
    draw_sheets(answers, photos, choices.out)


def _write_vectors(path: Path, photos: list[LabelledPhoto], vectors: FloatArray) -> None:
    data = io.BytesIO()
    np.savez(data, photo=np.array([photo.name for photo in photos]), embedding=vectors)
    write_atomically(path, data.getvalue())
