"""Says beside a catalogue which processes serve it, so that nobody replaces it under them."""

from __future__ import annotations

import contextlib
import secrets
from datetime import UTC, datetime
from pathlib import Path

from index.processes import is_alive, this_worker
from index.storage.address import CatalogueAddress, CatalogueBusy, sibling_folder


class ServedMark:
    """A file of this process in `catalogue.db.serving`, there while it serves that catalogue.

    What a killed process left is recognised by its process id and start. A folder that can't be
    written only goes without a mark.
    """

    def __init__(self, address: CatalogueAddress) -> None:
        self._path: Path | None = None
        folder = _folder(address)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / secrets.token_hex(8)
            path.write_text(this_worker(), "utf-8")
            self._path = path

    def remove(self) -> None:
        """Take the mark away: the catalogue isn't served any more."""
        if self._path is not None:
            _forget(self._path)


def refuse_served(address: CatalogueAddress) -> None:
    """Raise CatalogueBusy while a process serves the catalogue.

    Marks of processes that are gone are removed.
    """
    for path in sorted(_marks(address)):
        try:
            worker = path.read_text("utf-8")
            host, process_id, _ = worker.rsplit(":", 2)
        except (OSError, ValueError):
            continue  # removed just now, or not ours
        # Of another machine's process nobody can tell from here whether it lives.
        is_here = host == this_worker().rsplit(":", 2)[0]
        if is_here and not is_alive(worker, None, datetime.now(UTC)):
            _forget(path)
            continue
        named = host.partition("@")[0]
        advice = "" if is_here else f" (if that one is gone for good, remove {path})"
        raise CatalogueBusy(
            f"{address} is served by process {process_id} on {named}, which would go on "
            "answering from the old one: "
            f"stop it first, then run this again{advice}. `flukeprint index update` doesn't "
            "mind a running service"
        )


def is_served_elsewhere(address: CatalogueAddress) -> bool:
    """Whether a process of another machine serves the catalogue, as far as its mark tells."""
    here = this_worker().rsplit(":", 2)[0]
    for path in _marks(address):
        with contextlib.suppress(OSError, ValueError):
            host, _, _ = path.read_text("utf-8").rsplit(":", 2)
            if host != here:
                return True
    return False


def _folder(address: CatalogueAddress) -> Path:
    return sibling_folder(address, "serving")


def _marks(address: CatalogueAddress) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(_folder(address).iterdir())
    return []


def _forget(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()  # where it was the last one
