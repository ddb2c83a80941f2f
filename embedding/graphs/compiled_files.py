"""Graphs that were compiled before, in a folder of the user's; each is proven by its SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

_SUFFIX = ".compiled"
_DIGEST_BYTES = 32
_MOST_STORED = 64  # the shipped checkpoint has eight graphs, for each precision and thread count


def default_folder() -> Path | None:
    """Where compiled graphs lie: below XDG_CACHE_HOME or ~/.cache; None without a home."""
    told = os.environ.get("XDG_CACHE_HOME")
    try:
        base = Path(told) if told else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "flukeprint" / "graphs"


class CompiledFiles:
    """Compiled graphs by key. The folder may be deleted, and one that can't be written costs time.

    A file is the SHA-256 of what follows, and the compiled graph as OpenVINO exports it.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def read(self, key: str) -> bytes | None:
        """What was stored; None where there is nothing, or it isn't what was stored."""
        if self._folder is None:
            return None
        try:
            data = (self._folder / f"{key}{_SUFFIX}").read_bytes()
        except OSError:
            return None
        digest, compiled = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        return compiled if hashlib.sha256(compiled).digest() == digest else None

    def write(self, key: str, compiled: bytes) -> None:
        """Store a compiled graph, whole or not at all; the oldest of very many are removed."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._folder)
            unfinished = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(compiled).digest() + compiled)
                unfinished.replace(self._folder / f"{key}{_SUFFIX}")
            finally:
                unfinished.unlink(missing_ok=True)
            by_age = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
            for path in by_age[:-_MOST_STORED]:
                path.unlink(missing_ok=True)
