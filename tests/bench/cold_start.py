"""What a cold start costs: one `identify`, and a service until it is ready, by runtime.

    python -m tests.bench.cold_start --catalogue catalogue.db --photos FOLDER

Seconds are CPU seconds of the process, the least of several; memory is its greatest resident set
for `identify`, and the resident set when ready and after the questions for the service. Both
runtimes take turns in one run. `torch` is what every start was before.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from demo.serving import free_port

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and of CPU, and megabytes."""

    wall: float
    cpu: float
    mb: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s, {self.cpu:.2f} CPU s, {self.mb:.0f} MB"


def identify(catalogue: Path, photo: Path, runtime: str) -> Cost:
    """Identify one photo in a process of its own."""
    began = time.monotonic()
    words = ["identify", str(photo), "--catalogue", str(catalogue), "--runtime", runtime]
    process = subprocess.Popen([_console(), *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, f"identify ended with {status}"
    return Cost(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def serve(catalogue: Path, photos: list[Path], runtime: str) -> tuple[Cost, Cost, float]:
    """Serve: until it is ready, after the photos, and the milliseconds of wall a photo."""
    port = free_port()
    words = ["serve", "--catalogue", str(catalogue), "--port", str(port), "--runtime", runtime]
    began, url = time.monotonic(), f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [_console(), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        while not _is_ready(client):
            assert process.poll() is None, "the service ended"
            time.sleep(0.02)
        ready = _cost(process.pid, began)
        _send(client, photos[:1])  # graphs are compiled by the first photo
        asked = time.monotonic()
        _send(client, photos)
        each = 1000 * (time.monotonic() - asked) / len(photos)
        after = _cost(process.pid, began)
    process.terminate()
    process.wait(60)
    return ready, after, each


def _send(client: httpx.Client, photos: list[Path]) -> None:
    for photo in photos:
        files = {"photos": (photo.name, photo.read_bytes())}
        client.post("/v1/identify", files=files).raise_for_status()


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def _cost(pid: int, began: float) -> Cost:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    cpu = (int(fields[11]) + int(fields[12])) / _TICKS
    return Cost(time.monotonic() - began, cpu, int(resident.split()[1]) / 1000)


def _console() -> str:
    return str(Path(sys.executable).with_name("flukeprint"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=35, help="photos sent to the service")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    photos = sorted(path for path in options.photos.iterdir() if path.is_file())[: options.count]
    least: dict[str, Cost] = {}
    for _ in range(options.repeats):
        for runtime in ("torch", "openvino"):
            cost = identify(options.catalogue, photos[0], runtime)
            least[runtime] = min(least.get(runtime, cost), cost, key=lambda one: one.cpu)
    for runtime, cost in least.items():
        print(f"identify, {runtime}: {cost}")
    for runtime in ("torch", "openvino"):
        ready, after, each = serve(options.catalogue, photos, runtime)
        print(
            f"serve, {runtime}: ready after {ready}; after {len(photos)} photos {after.mb:.0f} MB"
        )
        print(f"serve, {runtime}: {each:.1f} ms a photo, one client")


if __name__ == "__main__":
    main()
