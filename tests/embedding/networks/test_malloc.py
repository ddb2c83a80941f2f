"""embedding/networks/malloc.py: what is freed is used again, without a page fault for each page."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from embedding.networks import malloc
from embedding.networks.malloc import keep_freed_memory

IS_GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
COUNTING = """
import ctypes, resource, sys
from embedding.networks.malloc import keep_freed_memory
print(keep_freed_memory())
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def use():
    place = libc.malloc(64 * 2**20)
    ctypes.memset(place, 1, 64 * 2**20)
    libc.free(place)
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def counted(**environment: str) -> tuple[str, int]:
    """What it said, and the page faults of five times 64 MiB that were had before."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", COUNTING],
        env={**plain, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    said, faults = done.stdout.split()
    return said, int(faults)


@pytest.mark.skipif(not IS_GLIBC, reason="only glibc can be told")
def test_freed_memory_is_kept_unless_the_user_said_otherwise() -> None:
    said, faults = counted()
    assert said == "True"
    assert faults < 100
    # 4 KiB a page; where the kernel gives huge ones (2 MiB), still 32 of them each time.
    left, many = counted(MALLOC_TRIM_THRESHOLD_="131072")
    assert left == "False"
    assert many >= 5 * 32 > faults


def test_another_libc_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    monkeypatch.setattr(malloc.ctypes, "CDLL", lambda _: object())
    assert keep_freed_memory() is False
