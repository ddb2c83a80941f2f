"""The commands of docs/scaling.md: the head node starts, and `index build --on` embeds there.

The second `ray start` finds a head node on another machine only, so its part is done by Ray's own
cluster_utils in `two_nodes.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from index.catalogue.catalogue import Catalogue
from tests.index.nodes.two_nodes import LOOPBACK, ROOT, free_port, needs_ray

pytestmark = [pytest.mark.cluster, needs_ray]


def command_of_docs(start: str) -> list[str]:
    """The words of the page's command that begins so, without its comment."""
    text = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    found = re.search(rf"^{re.escape(start)}[^#\n]*", text, re.MULTILINE)
    assert found is not None, f"docs/scaling.md has no command {start!r}"
    return found[0].split()


@pytest.fixture
def address() -> Generator[str]:
    """The address of a head node that the page's command has started."""
    temporary = Path(tempfile.mkdtemp(prefix="ray"))
    port = free_port()
    named = command_of_docs("ray start --head")
    at = named.index("--num-cpus")
    assert named[at : at + 2] == ["--num-cpus", "0"]
    del named[at : at + 2]  # as the page says of a head node that embeds, too
    own = ["--port", str(free_port()), "--node-ip-address", "127.0.0.1"]
    own += ["--ray-client-server-port", str(port), "--include-dashboard", "false"]
    own += ["--min-worker-port", "0", "--max-worker-port", "0"]
    own += ["--object-store-memory", str(100 * 2**20)]
    log = temporary / "head.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "ray.scripts.scripts", *named[1:], *own],
            env={**os.environ, **LOOPBACK, "RAY_TMPDIR": str(temporary)},
            cwd=temporary,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 120
    try:
        while b"Ray runtime started" not in log.read_bytes():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield f"ray://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)  # its children end with it
        process.wait(timeout=60)
        shutil.rmtree(temporary, ignore_errors=True)


def test_a_catalogue_is_built_on_a_cluster_that_the_page_starts(
    tmp_path: Path, address: str, draw_pattern
) -> None:
    for seed in range(4):
        draw_pattern(tmp_path / "photos" / f"w_{seed % 2}" / f"{seed}.jpg", seed)
    path = tmp_path / "catalogue.db"
    command = ["index", "build", "--photos", str(tmp_path / "photos"), "--catalogue", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "flukeprint", *command, "--on", address],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "4 photos added" in done.stdout
    with Catalogue.open(path) as catalogue:
        assert catalogue.counts().searchable == 4
