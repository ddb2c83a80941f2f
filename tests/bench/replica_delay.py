"""How soon after an act on one service another one answers by it.

`python tests/bench/replica_delay.py`

Two services serve one PostgreSQL catalogue, or with `--sqlite` one file. An individual is renamed
on the first one, again and again. Once that is acknowledged, the second one is asked who is in the
photo until it gives the new name. Beside it stands what the same question takes while nothing
changes. The network is replaced by one that reads colours.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from index.storage.address import CatalogueAddress
from tests.faults.load import photo
from tests.faults.replicas import postgres_scene, url_of
from tests.faults.scene import sqlite_scene
from tests.faults.served import serving
from tests.faults.two_services import wait_until_ready
from tests.postgres_server import running_postgres


def _identified(client: httpx.Client) -> tuple[str, int]:
    files = [("photos", ("q.png", photo(0)))]
    answer = client.post("/v1/identify", files=files).raise_for_status().json()
    return answer["results"][0]["matches"][0]["individual"], answer["catalogue_revision"]


def _measure(first: httpx.Client, second: httpx.Client, acts: int) -> tuple[list[float], ...]:
    name, calm, delays, tries = "w_0", [], [], []
    for at in range(acts):
        began = time.perf_counter()
        assert _identified(second)[0] == name
        calm.append(time.perf_counter() - began)
        new = f"renamed_{at}"
        first.post(f"/v1/individuals/{name}/rename", json={"new": new}).raise_for_status()
        began, asked = time.perf_counter(), 0
        while _identified(second)[0] != new:
            asked += 1
        delays.append(time.perf_counter() - began)
        tries.append(float(asked))
        name = new
    return calm, delays, tries


def main() -> None:
    """Print the delays in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--acts", type=int, default=500)
    parser.add_argument("--sqlite", action="store_true", help="one file instead of a server")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flukeprint-")))
        address: CatalogueAddress
        if options.sqlite:
            address, more = sqlite_scene(folder / "scene").address, []
            named: object = address
        else:
            server = stack.enter_context(running_postgres())
            address = stack.enter_context(postgres_scene(server, folder))
            named, more = url_of(address), ["--files", str(address.files)]
        clients: list[httpx.Client] = []
        for at in range(2):
            one = stack.enter_context(serving(named, folder / f"{at}.log", *more))
            wait_until_ready(one)
            clients.append(httpx.Client(base_url=one.url, timeout=60, trust_env=False))
        calm, delays, tries = _measure(clients[0], clients[1], options.acts)
    for what, seconds in (("nothing changes", calm), ("after an act elsewhere", delays)):
        p50, p99, most = np.quantile(np.array(seconds) * 1000, (0.5, 0.99, 1.0))
        print(f"{what}: median {p50:.1f} ms, p99 {p99:.1f} ms, at most {most:.1f} ms")
    print(
        f"{options.acts} acts, {sum(tries):.0f} old answers in all, at most {max(tries):.0f} each"
    )


if __name__ == "__main__":
    main()
