"""Mark the folder of a PostgreSQL catalogue's files, so that no other one uses it.

Two that did would take each other's jobs for their own. A SQLite catalogue's files lie in folders
of its own name.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, cast

from index.storage.address import BadCatalogue, CatalogueAddress, files_folder
from index.storage.postgres import identity

MARK = "flukeprint-files.json"
_FORMAT = "flukeprint-files-1"


def claim_files(address: CatalogueAddress) -> None:
    """Mark the folder of a catalogue's files as its own, where nobody has.

    Raises BadCatalogue where another one has.

    A folder that can't be written only goes without a mark.
    """
    if isinstance(address, Path):
        return
    path = files_folder(address) / MARK
    own = {"format": _FORMAT, **identity(address)}
    with contextlib.suppress(OSError):
        if not path.exists():
            _write_once(path, own)
    there = _read(path)
    if there is not None and there != own:
        whose = (
            f"{there.get('database')}, schema {there.get('schema')}" if there else "something else"
        )
        raise BadCatalogue(
            f"the folder {path.parent} holds the files of another catalogue ({whose}): give "
            f"{address} a folder of its "
            f"own with --files. If that catalogue is gone, or was moved here, delete {path}"
        )


def _write_once(path: Path, mark: dict[str, str]) -> None:
    """Write a mark whole, unless another process was quicker."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(json.dumps(mark, indent=1) + "\n", "utf-8")
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    """What a mark says; empty where it says nothing that can be read, None where there is none."""
    try:
        mark: Any = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError):
        return {}
    except OSError:
        return None
    return cast("dict[str, Any]", mark) if isinstance(mark, dict) else {}
