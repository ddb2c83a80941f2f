"""Where jobs keep their files: uploads until they are done with, results until they expire."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from index.jobs.records import BadJobs, JobsBusy
from index.storage.originals import write_whole
from index.storage.partial_files import remove_unfinished, unfinished_suffix

MOST_ARRIVING = 4
"""How many zips may arrive at once; each may be as large as the settings allow."""
SPARE_BYTES = 256 * 2**20
"""What an upload leaves free on the disk, for the catalogue and the results of jobs."""
_CHUNK_BYTES = 2**20
_OF_RESULTS = ("results", "checksums")


class BadJobFolder(BadJobs):
    """The folder of jobs can't be written."""


class NoPlaceForUpload(JobsBusy):
    """As many zips arrive as may at once; the same upload may succeed a moment later."""


@dataclass(frozen=True, slots=True)
class ArrivingUpload:
    """A zip that is being written to its place on disk: `JobFolder.keep` gives it its name."""

    token: str
    path: Path
    file: BinaryIO


class JobFolder:
    """The folder next to a catalogue, with `uploads/`, `unpacked/` and `results/`.

    Its files are `uploads/TOKEN.zip`, `unpacked/TOKEN/`, and `results/NUMBER.csv` or `.zip`.
    """

    def __init__(self, folder: Path) -> None:
        """Use `folder`, making it where it is absent. Raises BadJobFolder."""
        self.folder = folder
        self._arriving: dict[str, int] = {}  # by token, how many bytes may still come of it
        self._lock = threading.Lock()
        self._sound: dict[str, tuple[str, int, int, int]] = {}  # results that were compared
        try:
            for part in ("uploads", "unpacked", *_OF_RESULTS):
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

    def _checksum_of(self, path: Path) -> Path:
        """Where the SHA-256 of a result stands."""
        return self.folder / "checksums" / path.name

    def _of_results(self) -> list[Path]:
        """The files of results, and their checksums."""
        return [each for part in _OF_RESULTS for each in (self.folder / part).iterdir()]

    def seal_result(self, job_id: int, suffix: str = ".csv") -> None:
        """Note the SHA-256 of a complete result. Raises BadJobFolder."""
        path = self.result(job_id, suffix)
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            write_whole(self._checksum_of(path), digest.encode())
        except OSError as error:
            raise BadJobFolder(
                f"the result {path} can't be written ({error.strerror}); free some space there"
            ) from error

    def is_damaged_result(self, job_id: int, suffix: str = ".csv") -> bool:
        """Whether a result's bytes are others than when it was complete.

        A file is read once for each state that it is in. A result of an older flukeprint has no
        SHA-256, and counts as whole. Raises OSError where it can't be read.
        """
        path = self.result(job_id, suffix)
        try:
            known = self._checksum_of(path).read_text("ascii", "replace")
        except FileNotFoundError:
            return False
        at = path.stat()
        state = (known, at.st_size, at.st_mtime_ns, at.st_ino)
        if self._sound.get(path.name) == state:
            return False
        with path.open("rb") as file:
            is_sound = hashlib.file_digest(file, "sha256").hexdigest() == known
        if is_sound:
            self._sound[path.name] = state
        return not is_sound

    def forget_results(self, job_id: int) -> None:
        """Remove what a job has left, finished or not."""
        for path in self._of_results():
            if _number(path) == job_id:
                path.unlink(missing_ok=True)

    def forget_unfinished(self, job_id: int) -> None:
        """Remove the unfinished files of a killed start; only its runner may call this."""
        for path in self._of_results():
            if path.name.startswith(".") and _number(path) == job_id:
                path.unlink(missing_ok=True)

    def forget_all_results_but(
        self, job_ids: Collection[int], *, older_than: float | None = None
    ) -> None:
        """Remove the results of all other jobs, `older_than` as above."""
        for path in self._of_results():
            if _number(path) not in job_ids and _is_older(path, older_than):
                path.unlink(missing_ok=True)

    @contextmanager
    def arrive(self, most_bytes: int) -> Generator[ArrivingUpload]:
        """Open a file for a zip of up to `most_bytes`, right where it is to lie.

        At the block's end it is removed unless it was kept. Raises NoPlaceForUpload while
        MOST_ARRIVING others arrive, and BadJobFolder where the disk has no room for it.
        """
        token = uuid.uuid4().hex
        path = self.upload(token).with_name(f".{token}{unfinished_suffix()}")
        self._take_place(token, most_bytes)
        try:
            with writing_upload():
                file = path.open("x+b")
            with file:
                yield ArrivingUpload(token, path, file)
        finally:
            with self._lock:
                del self._arriving[token]
            path.unlink(missing_ok=True)

    def refuse_full(self) -> None:
        """Raise BadJobFolder where an upload that is arriving would fill the disk."""
        if shutil.disk_usage(self.folder / "uploads").free < SPARE_BYTES:
            raise BadJobFolder(
                "the service's disk is full, so the upload was ended; send a smaller zip, or have "
                "the operator free some space"
            )

    def keep(self, arriving: ArrivingUpload) -> str:
        """Give an upload that has come its name, and return its token. Raises BadJobFolder."""
        with writing_upload():
            arriving.file.flush()
            os.fsync(arriving.file.fileno())
            arriving.path.replace(self.upload(arriving.token))
        return arriving.token

    def copy(self, sent: BinaryIO) -> str:
        """Keep a copy of an open file as an upload, and return its token. Raises BadJobFolder."""
        with self.arrive(0) as arriving:
            with writing_upload():
                shutil.copyfileobj(sent, arriving.file, _CHUNK_BYTES)
            return self.keep(arriving)

    def _take_place(self, token: str, most_bytes: int) -> None:
        with self._lock:
            if len(self._arriving) >= MOST_ARRIVING:
                raise NoPlaceForUpload(
                    f"{len(self._arriving)} zips are being sent just now, as many as may at once; "
                    "try again when one has arrived"
                )
            coming = sum(self._arriving.values())
            free = shutil.disk_usage(self.folder / "uploads").free - coming - SPARE_BYTES
            if most_bytes > free:
                raise BadJobFolder(
                    f"the service's disk has room for {max(0, free):,} more bytes of uploads, and "
                    f"this one has {most_bytes:,}; send a smaller zip, or have the operator free "
                    "some space"
                )
            self._arriving[token] = most_bytes

    def forget(self, token: str) -> None:
        """Remove an upload and what was unpacked from it."""
        self.upload(token).unlink(missing_ok=True)
        shutil.rmtree(self.unpacked(token), ignore_errors=True)

    def forget_all_but(self, tokens: Collection[str], *, older_than: float | None = None) -> None:
        """Remove uploads that no job needs, such as those of a service that died.

        `older_than`: only what was last written before (seconds since 1970), as others may just be
        arriving.
        """
        uploads = self.folder / "uploads"
        remove_unfinished([uploads])
        for path in (*uploads.iterdir(), *(self.folder / "unpacked").iterdir()):
            # A hidden one is just arriving, in this process or in another.
            is_settled = not path.name.startswith(".")
            if is_settled and path.stem not in tokens and _is_older(path, older_than):
                self.forget(path.stem)


@contextmanager
def writing_upload() -> Generator[None]:
    """Turn what the disk says of an upload into a BadJobFolder that names no file."""
    try:
        yield
    except OSError as error:
        raise BadJobFolder(
            f"the upload can't be kept ({error.strerror}); have the operator free some space"
        ) from error


def _is_older(path: Path, than: float | None) -> bool:
    try:
        return than is None or path.stat().st_mtime < than
    except FileNotFoundError:
        return False


def _number(path: Path) -> int | None:
    """Which job a result is of; those being written are hidden, or have more than one ending."""
    number = path.name.lstrip(".").partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() else None
