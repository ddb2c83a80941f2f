"""Memory that a network frees is kept for its next batch, instead of given back to the system and
asked for anew.
"""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # glibc's malloc.h
_KEPT_BYTES = 2**30
_GREATEST_BYTES = 2**28


def keep_freed_memory() -> bool:
    """Have glibc keep up to 1 GiB that this process frees, in pieces of up to 256 MiB; returns
    whether it does.

    PyTorch asks for every layer's output anew. By default glibc maps pieces of over 32 MiB at most,
    and often far smaller ones, afresh each time, and the kernel clears each page once more: with
    the shipped checkpoint that was up to half of the time of embedding on a CPU
    (docs/experiments.md, "Freed memory is kept"). Another libc is left as it is, and so is one that
    was told something by MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_THRESHOLD_. Calling it again changes
    nothing.
    """
    if any(name in os.environ for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")):
        return False
    return _set(_TRIM_THRESHOLD, _KEPT_BYTES) and _set(_MMAP_THRESHOLD, _GREATEST_BYTES)


def limit_arenas(most: int) -> bool:
    """Have glibc serve all threads from `most` arenas; returns whether it does.

    Each thread gets an arena of its own by default, up to eight a core. What is freed stays with
    its arena, so a process of many threads keeps many times what one of them needs at once. Call it
    before threads are started. Another libc is left as it is, and so is one that was told something
    by MALLOC_ARENA_MAX.
    """
    return "MALLOC_ARENA_MAX" not in os.environ and _set(_ARENA_MAX, most)


def _set(option: int, value: int) -> bool:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return False
    return bool(mallopt(option, value))
