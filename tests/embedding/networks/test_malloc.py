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


ARENAS = """
import ctypes, re, sys, threading
from embedding.networks.malloc import limit_arenas
print(limit_arenas(2))
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
gate = threading.Barrier(12)
def use():
    libc.malloc(1000)
    gate.wait()
threads = [threading.Thread(target=use) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fdopen.restype, libc.fdopen.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_char_p]
libc.malloc_info.argtypes, libc.fflush.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
sys.stdout.flush()
stream = libc.fdopen(1, b"w")
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


@pytest.mark.skipif(not IS_GLIBC, reason="glibc's malloc alone has arenas")
@pytest.mark.parametrize(
    ("environment", "is_set"), [({}, True), ({"MALLOC_ARENA_MAX": "20"}, False)]
)
def test_all_threads_share_a_few_arenas(environment: dict[str, str], is_set: bool) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", ARENAS],
        env={**plain, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    said, _, information = done.stdout.partition("\n")
    assert said == str(is_set)
    assert (information.count("<heap nr=") <= 2) == is_set
