"""The CSV of a bulk identification: one row a photo, resumed at its checkpoint."""

from __future__ import annotations

import csv
import io
import os
import shutil
from io import BufferedRandom
from pathlib import Path
from types import TracebackType

from index.search.matching import Identification, SpeciesAnswer

_FIRST = ("photo", "decision", "probability", "reason")
_RANKED = ("individual", "distance", "probability", "nearest_photo")
_SPECIES = ("species", "species_probability")
_SCREENED = ("animal_score", "quarter_turns", "quality")
_LAST = ("revision", "fingerprint")


class AnswerFile:
    """Rows for the best `k` individuals, in a file that gets its own name when it is complete."""

    def __init__(
        self, path: Path, k: int, *, size_bytes: int | None, is_screened: bool = False
    ) -> None:
        """Start a new file (`size_bytes` None), or go on after its first `size_bytes`.

        `is_screened` adds what is seen of the photo itself: its animal score, turn and quality.
        """
        self._path = path
        self._k = k
        self._unfinished = path.with_name(path.name + ".part")
        if (
            size_bytes is not None and path.exists()
        ):  # killed between the last row and the record of it
            path.replace(self._unfinished)
        self._file = _own_file(self._unfinished, size_bytes or 0)
        self._has_species, self._is_screened = True, is_screened
        if size_bytes is None:
            ranked = [f"{name}_{rank}" for rank in range(1, k + 1) for name in _RANKED]
            self._write([*_FIRST, *ranked, *_SPECIES, *_LAST, *(_SCREENED if is_screened else ())])
        else:
            # A file that a flukeprint without these columns began keeps the columns of its first
            # line.
            columns = self._file.readline().decode().rstrip("\n").split(",")
            self._has_species = _SPECIES[0] in columns
            self._is_screened = _SCREENED[0] in columns
            self._file.truncate(size_bytes)
            self._file.seek(size_bytes)

    def __enter__(self) -> AnswerFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, photo: str, answer: Identification) -> None:
        """Write one photo's row."""
        row: list[object] = [photo, answer.decision, f"{answer.probability:.6f}", answer.reason]
        for match in answer.matches:
            row += [
                match.individual,
                f"{match.distance:.6f}",
                f"{match.probability:.6f}",
                match.photo,
            ]
        row += [""] * (len(_RANKED) * (self._k - len(answer.matches)))
        if self._has_species:
            row += _species_cells(answer.species)
        screened = _screened_cells(answer) if self._is_screened else ()
        self._write([*row, answer.revision, answer.fingerprint, *screened])

    def settle(self) -> int:
        """Bring the rows to disk and return how many bytes there are."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def complete(self) -> None:
        """Give the file its name."""
        self.settle()
        self._unfinished.replace(self._path)

    def _write(self, row: list[object]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(row)
        self._file.write(text.getvalue().encode())


def _own_file(path: Path, size_bytes: int) -> BufferedRandom:
    """Open a file of our own that begins with the first `size_bytes` of what is there.

    A process that has lost the job may still write to the old one, which is then nobody's.
    """
    copy = path.with_name(path.name + ".new")
    with copy.open("wb") as file:
        if size_bytes:
            with path.open("rb") as old:
                shutil.copyfileobj(old, file)
            file.truncate(size_bytes)
        file.flush()
        os.fsync(file.fileno())
    copy.replace(path)
    return path.open("r+b")


def _screened_cells(answer: Identification) -> list[str]:
    return [
        "" if answer.animal is None else f"{answer.animal.score:.6f}",
        str(answer.quarter_turns),
        "" if answer.quality is None else f"{answer.quality.score:.3f}",
    ]


def _species_cells(species: SpeciesAnswer) -> list[str]:
    probability = "" if species.probability is None else f"{species.probability:.6f}"
    return [species.name or "", probability]
