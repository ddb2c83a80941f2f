"""The CSV of a bulk identification: one row a photo, resumed at its checkpoint."""

from __future__ import annotations

import csv
import io
import os
import shutil
from io import BufferedRandom
from pathlib import Path
from types import TracebackType

from index.identification.answer_rows import answer_cells, answer_columns
from index.search.matching import Identification


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
        self._columns = answer_columns(k, is_screened=is_screened)
        if size_bytes is None:
            self._write([*self._columns])
        else:
            # A file that a flukeprint without some of them began keeps those of its first line.
            self._columns = self._file.readline().decode().rstrip("\n").split(",")
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
        self._write(answer_cells(photo, answer, self._columns, k=self._k))

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
