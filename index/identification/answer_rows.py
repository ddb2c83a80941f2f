"""Answers as rows of a CSV, the same from `flukeprint identify --csv` and from a service's job."""

from __future__ import annotations

from collections.abc import Sequence

from index.search.matching import Identification, SpeciesAnswer

SPECIES_COLUMNS = ("species", "species_probability")
SCREENED_COLUMNS = ("animal_score", "quarter_turns", "quality")
_FIRST = ("photo", "decision", "probability", "reason")
_RANKED = ("individual", "distance", "probability", "nearest_photo")
_LAST = ("revision", "fingerprint")


def answer_columns(k: int, *, is_screened: bool) -> list[str]:
    """Name the columns of answers with the best `k` individuals.

    `is_screened` adds what is seen of the photo itself: its animal score, turn and quality.
    """
    ranked = [f"{name}_{rank}" for rank in range(1, k + 1) for name in _RANKED]
    return [*_FIRST, *ranked, *SPECIES_COLUMNS, *_LAST, *(SCREENED_COLUMNS if is_screened else ())]


def answer_cells(
    photo: str, answer: Identification, columns: Sequence[str], *, k: int
) -> list[object]:
    """Make one photo's row, with the groups of columns that `columns` has."""
    row: list[object] = [photo, answer.decision, f"{answer.probability:.6f}", answer.reason]
    for match in answer.matches:
        row += [
            match.individual,
            f"{match.distance:.6f}",
            f"{match.probability:.6f}",
            match.photo,
        ]
    row += [""] * (len(_RANKED) * (k - len(answer.matches)))
    if SPECIES_COLUMNS[0] in columns:
        row += _species_cells(answer.species)
    screened = _screened_cells(answer) if SCREENED_COLUMNS[0] in columns else ()
    return [*row, answer.revision, answer.fingerprint, *screened]


def _screened_cells(answer: Identification) -> list[str]:
    return [
        "" if answer.animal is None else f"{answer.animal.score:.6f}",
        str(answer.quarter_turns),
        "" if answer.quality is None else f"{answer.quality.score:.3f}",
    ]


def _species_cells(species: SpeciesAnswer) -> list[str]:
    probability = "" if species.probability is None else f"{species.probability:.6f}"
    return [species.name or "", probability]
