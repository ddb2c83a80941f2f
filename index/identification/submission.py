"""Kaggle's submissions: five labels a photo, the one for nobody known placed by a threshold."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedding.errors import FlukeprintError
from index.calibration.fitting import calibrate
from index.calibration.ranks import LABELS_A_ROW
from index.labels.reader import NEW_WHALE
from index.search.gallery import Gallery
from index.search.matching import Candidate, Match, Score, Thresholds, decide
from index.storage.partial_files import remove_unfinished, unfinished_suffix


@dataclass(frozen=True, slots=True)
class SubmissionForm:
    """A competition's format: the header, and the label of an unknown animal."""

    header: tuple[str, str]
    new_label: str


FORMS = {
    "humpback": SubmissionForm(("Image", "Id"), NEW_WHALE),
    "happywhale": SubmissionForm(("image", "predictions"), "new_individual"),
}
"""The forms of 2018 and 2019, and of 2022."""
_HUMPBACK = FORMS["humpback"]


class BadSubmission(FlukeprintError):
    """Rows that Kaggle would refuse, or that do not fit the sample submission."""


def find_form(name: str) -> SubmissionForm:
    """Find a form by its name; raises BadSubmission naming them all."""
    if name not in FORMS:
        raise BadSubmission(f"the form is {name!r}; allowed are {', '.join(FORMS)}")
    return FORMS[name]


def rank_labels(
    ranked: Sequence[Candidate | Match], threshold: float, form: SubmissionForm = _HUMPBACK
) -> tuple[str, ...]:
    """Choose five different labels from individuals ranked nearest first.

    The form's new label (new_whale) comes first when the nearest individual is farther than the
    threshold, by the rule that decides everywhere, and second otherwise: when the first individual
    is wrong, a new whale is likelier than any one of the others. Raises BadSubmission for fewer
    than four individuals.
    """
    if len(ranked) < LABELS_A_ROW - 1:
        raise BadSubmission(
            f"a submission needs {LABELS_A_ROW - 1} ranked individuals beside {form.new_label}, "
            "and there are "
            f"{len(ranked)}; search a catalogue of that many individuals or more, with k = "
            f"{LABELS_A_ROW}"
        )
    is_new_whale = decide(ranked[0].distance, Thresholds(threshold, threshold)) == NEW_WHALE
    labels = [each.individual for each in ranked]
    labels.insert(0 if is_new_whale else 1, form.new_label)
    return tuple(labels[:LABELS_A_ROW])


def write_submission(
    rows: Iterable[tuple[str, Sequence[str]]], path: Path, form: SubmissionForm = _HUMPBACK
) -> None:
    """Write (photo name, five labels) rows.

    The file appears complete or, on any error, stays as it was.

    Raises BadSubmission for a photo named twice, for labels that are not five different words, and
    where the file cannot be written.
    """
    seen: set[str] = set()
    remove_unfinished([path.parent])  # of a try that was killed
    unfinished = path.with_name(f".{path.name}{unfinished_suffix()}")
    try:
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(form.header)
            for photo, labels in rows:
                _check_row(photo, labels, seen)
                writer.writerow([photo, " ".join(labels)])
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise BadSubmission(
            f"cannot write {path.name}: {error.strerror}; give another --out"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def check_photos(
    names: Iterable[str], sample: Path, *, named: str, form: SubmissionForm = _HUMPBACK
) -> None:
    """Check that photos are exactly those of a sample submission.

    `named` is what holds them, for the message.

    Raises BadSubmission naming the first photos that are missing or too many, and for a sample that
    can't be read.
    """
    there, expected = set(names), {photo for photo, _ in _read_rows(sample, form)}
    for difference, what in (
        (expected - there, "lacks"),
        (there - expected, "has, unlike the sample,"),
    ):
        if difference:
            raise BadSubmission(
                f"{named} {what} {len(difference)} of the photos, such as "
                f"{', '.join(sorted(difference)[:3])}; {sample.name} names {len(expected)} photos"
            )


def check_against_sample(path: Path, sample: Path, form: SubmissionForm = _HUMPBACK) -> None:
    """Check that a submission names exactly a sample's photos, with five labels each.

    Raises BadSubmission naming the first photos that are missing or too many.
    """
    rows = _read_rows(path, form)
    seen: set[str] = set()
    for photo, labels in rows:
        _check_row(photo, labels, seen)
    check_photos(seen, sample, named=path.name, form=form)


def _check_row(photo: str, labels: Sequence[str], seen: set[str]) -> None:
    if photo in seen:
        raise BadSubmission(f"photo {photo} has two rows; each photo needs one")
    seen.add(photo)
    if len(labels) != LABELS_A_ROW or len(set(labels)) != LABELS_A_ROW:
        raise BadSubmission(
            f"photo {photo} has the labels {' '.join(labels) or '(none)'}; give {LABELS_A_ROW} "
            "different ones"
        )
    odd = [label for label in labels if label.split() != [label]]
    if odd:
        raise BadSubmission(
            f"photo {photo} has the label {odd[0]!r}; labels are separated by spaces and hold none"
        )


def _read_rows(path: Path, form: SubmissionForm) -> list[tuple[str, list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadSubmission(f"{path.name} cannot be read as a submission: {error}") from error
    if not rows or tuple(rows[0]) != form.header:
        found = ",".join(rows[0]) if rows else "an empty file"
        other = next(
            (name for name, one in FORMS.items() if rows and tuple(rows[0]) == one.header), None
        )
        advice = f"; that is --form {other}" if other else ""
        raise BadSubmission(
            f"{path.name} begins with {found}; a submission begins with "
            f"{','.join(form.header)}{advice}"
        )
    bad = next((row for row in rows[1:] if len(row) != len(form.header)), None)
    if bad is not None:
        raise BadSubmission(
            f"{path.name} has the row {','.join(bad)!r}; each row is a photo and its labels"
        )
    return [(photo, labels.split()) for photo, labels in rows[1:]]


def submission_thresholds(
    gallery: Gallery, species: Mapping[str, str], score: Score
) -> dict[str, float]:
    """Fit the threshold of the best expected MAP@5 to each species' own photos.

    A species with too few photos for that is left out; the catalogue's own threshold holds for it.
    """
    rows: dict[str, list[int]] = {}
    for row, individual in enumerate(gallery.individuals):
        if individual in species:
            rows.setdefault(species[individual], []).append(row)
    fitted = {
        name: calibrate(
            gallery.vectors_at(own),
            [gallery.individuals[row] for row in own],
            score=score,
        )
        for name, own in sorted(rows.items())
    }
    return {
        name: calibration.submission_threshold
        for name, calibration in fitted.items()
        if calibration.is_fitted
    }
