"""The real commands as processes of their own, with a stand-in for the network: any number of them.

`python -m tests.faults.served serve --catalogue FILE --port 0`, as `flukeprint serve`.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from index.storage.address import CatalogueAddress

MOST_FILES = "FLUKEPRINT_TEST_MOST_FILES"  # how many files a started process may have open
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Server:
    """A running `flukeprint serve`: its process, its URL and the file of its log."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    @property
    def resident_mb(self) -> float:
        """The process's memory in MB, by the kernel."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def stop(self) -> int:
        """Send SIGTERM and give the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command of flukeprint; what it prints can be read from `stdout`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.served", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def serving(catalogue: CatalogueAddress, log: Path, *options: str) -> Generator[Server]:
    """Serve a catalogue on a free port until the block ends."""
    with log.open("w") as written:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.faults.served", "serve"),
                *("--catalogue", str(catalogue), "--port", "0", *options),
            ],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
        )
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http"), log.read_text()
            yield Server(process, url, log)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def main() -> None:
    """Run one command of flukeprint with an embedder that needs no network."""
    most_files = int(os.environ.get(MOST_FILES, "0"))
    if most_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    import service.server
    import service.serving.checkpoints
    import service.serving.loading
    from flukeprint import main as run
    from tests.faults.scene import embedder

    stub = SimpleNamespace(load=lambda checkpoint=None, device=None: embedder())
    sys.modules["embedding.embedder"] = SimpleNamespace(Embedder=stub)  # type: ignore[assignment]
    service.server.check_catalogue = lambda settings: None
    service.serving.checkpoints.load_embedder = lambda path, device: embedder()
    service.serving.loading.load_embedder = lambda path, device: embedder()
    sys.argv = ["flukeprint", *sys.argv[1:]]
    run()


if __name__ == "__main__":
    main()
