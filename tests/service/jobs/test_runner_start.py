"""A runner of jobs that is stopped just while its thread starts."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import SimpleNamespace

import pytest

from index.catalogue.catalogue import Catalogue
from index.jobs.store import JobStore
from service.jobs.runner import JobRunner


def test_a_stop_while_the_thread_starts_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    class Slow(threading.Thread):
        def start(self) -> None:
            begun.set()
            assert goes_on.wait(10)
            super().start()

    with Catalogue.open(tmp_path / "catalogue.db", create=True) as catalogue:
        runner = JobRunner(JobStore(catalogue.engine), {}, poll_seconds=0.01)
        monkeypatch.setattr("service.jobs.runner.threading", SimpleNamespace(Thread=Slow))
        with ThreadPoolExecutor(2) as pool:
            started = pool.submit(runner.start)
            assert begun.wait(10)
            stopped = pool.submit(runner.stop)
            wait([stopped], timeout=0.2)
            goes_on.set()
            started.result(10)
            stopped.result(10)
        assert not runner.has_died
