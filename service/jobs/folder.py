"""Where jobs keep their files: uploads until they are done with, results until they expire."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from index.jobs.records import BadJobs

_CHUNK_BYTES = 2**20


class BadJobFolder(BadJobs):
    """The folder of jobs can't be written."""


class JobFolder:
    """The folder next to a catalogue, with `uploads/`, `unpacked/` and `results/`.

    Its files are `uploads/TOKEN.zip`, `unpacked/TOKEN/`, and `results/NUMBER.csv` or `.zip`.
    """

    def __init__(self, folder: Path) -> None:
        """Use `folder`, making it where it is absent. Raises BadJobFolder."""
        self.folder = folder
        try:
            for part in ("uploads", "unpacked", "results"):
                (folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadJobFolder(
                f"the folder of jobs {folder} can't be made ({error.strerror}): ask for write "
                "permission there"
            ) from error

    def upload(self, token: str) -> Path:
        """Where an uploaded zip lies."""
        return self.folder / "uploads" / f"{token}.zip"

    def unpacked(self, token: str) -> Path:
        """Where an uploaded zip's photos lie."""
        return self.folder / "unpacked" / token

    def result(self, job_id: int, suffix: str = ".csv") -> Path:
        """The file that a job leaves."""
        return self.folder / "results" / f"{job_id}{suffix}"

    def forget_results(self, job_id: int) -> None:
        """Remove what a job has left, finished or not."""
        for path in (self.folder / "results").iterdir():
            if _number(path) == job_id:
                path.unlink(missing_ok=True)

    def forget_unfinished(self, job_id: int) -> None:
        """Remove the unfinished files of a killed start; only its runner may call this."""
        for path in (self.folder / "results").iterdir():
            if path.name.startswith(".") and _number(path) == job_id:
                path.unlink(missing_ok=True)

    def forget_all_results_but(
        self, job_ids: Collection[int], *, older_than: float | None = None
    ) -> None:
        """Remove the results of all other jobs, `older_than` as above."""
        for path in (self.folder / "results").iterdir():
            if _number(path) not in job_ids and _is_older(path, older_than):
                path.unlink(missing_ok=True)

    def keep(self, sent: BinaryIO) -> str:
        """Write what was sent to disk and return its token.

        Raises BadJobFolder, and then nothing is left.
        """
        token = uuid.uuid4().hex
        path = self.upload(token)
        try:
            with path.open("xb") as file:
                shutil.copyfileobj(sent, file, _CHUNK_BYTES)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise BadJobFolder(
                f"the upload can't be kept ({error.strerror}); free some space for {path}"
            ) from error
        return token

    def forget(self, token: str) -> None:
        """Remove an upload and what was unpacked from it."""
        self.upload(token).unlink(missing_ok=True)
        shutil.rmtree(self.unpacked(token), ignore_errors=True)

    def forget_all_but(self, tokens: Collection[str], *, older_than: float | None = None) -> None:
        """Remove uploads that no job needs, such as those of a service that died.

        `older_than`: only what was last written before (seconds since 1970), as others may just be
        arriving.
        """
        for path in (*(self.folder / "uploads").iterdir(), *(self.folder / "unpacked").iterdir()):
            if path.stem not in tokens and _is_older(path, older_than):
                self.forget(path.stem)


def _is_older(path: Path, than: float | None) -> bool:
    try:
        return than is None or path.stat().st_mtime < than
    except FileNotFoundError:
        return False


def _number(path: Path) -> int | None:
    """Which job a result is of; those being written are hidden, or have more than one ending."""
    number = path.name.lstrip(".").partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() else None
