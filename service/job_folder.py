"""Where jobs keep their files: uploads until they are done with, results for good."""

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
    """The folder beside a catalogue: `uploads/TOKEN.zip`, `unpacked/TOKEN/` and `results/NUMBER.csv`."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, making it where it is absent. Raises BadJobFolder."""
        self.folder = folder
        try:
            for part in ("uploads", "unpacked", "results"):
                (folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadJobFolder(
                f"the folder of jobs {folder} can't be made ({error.strerror}): ask for write permission there"
            ) from error

    def upload(self, token: str) -> Path:
        """Where an uploaded zip lies."""
        return self.folder / "uploads" / f"{token}.zip"

    def unpacked(self, token: str) -> Path:
        """Where an uploaded zip's photos lie."""
        return self.folder / "unpacked" / token

    def result(self, job_id: int) -> Path:
        """The file that a job leaves."""
        return self.folder / "results" / f"{job_id}.csv"

    def keep(self, sent: BinaryIO) -> str:
        """Write what was sent to disk and return its token. Raises BadJobFolder, and then nothing is left."""
        token = uuid.uuid4().hex
        path = self.upload(token)
        try:
            with path.open("xb") as file:
                shutil.copyfileobj(sent, file, _CHUNK_BYTES)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise BadJobFolder(f"the upload can't be kept ({error.strerror}); free some space for {path}") from error
        return token

    def forget(self, token: str) -> None:
        """Remove an upload and what was unpacked from it."""
        self.upload(token).unlink(missing_ok=True)
        shutil.rmtree(self.unpacked(token), ignore_errors=True)

    def forget_all_but(self, tokens: Collection[str]) -> None:
        """Remove the uploads that no job needs: those of a service that died before it had queued their job."""
        for path in (*(self.folder / "uploads").iterdir(), *(self.folder / "unpacked").iterdir()):
            if path.stem not in tokens:
                self.forget(path.stem)
