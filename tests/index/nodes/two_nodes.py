"""A Ray cluster of two nodes on this machine's own address, held by a process of its own.

Run as a program it starts one, prints a line of JSON, and ends with its input.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[3]
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray (the extra ray)"
)

LOOPBACK = {
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    "RAY_USAGE_STATS_ENABLED": "0",
    # Otherwise the server of ray:// looks for 127.0.0.1 at this machine's outer address.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""The environment in which Ray keeps to 127.0.0.1 and runs the code of this checkout."""


class TwoNodes(NamedTuple):
    """A head node without a processor, and two nodes with one each: the processes of both."""

    address: str
    raylets: tuple[int, int]

    def kill_node(self, number: int) -> None:
        """Kill a node with SIGKILL; its workers end with it."""
        os.kill(self.raylets[number], signal.SIGKILL)


@contextmanager
def running_cluster() -> Generator[TwoNodes]:
    """Start a cluster, and end it with all its processes."""
    # Not pytest's folder: Ray makes sockets in it, whose paths may have 107 bytes.
    temporary = Path(tempfile.mkdtemp(prefix="ray"))
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__],
        env={
            **os.environ,
            **LOOPBACK,
            "RAY_TMPDIR": str(temporary),
        },
        cwd=temporary,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = next((line for line in process.stdout if line.startswith("{")), None)
        assert told is not None, "no cluster came up"
        read = json.loads(told)
        yield TwoNodes(read["address"], tuple(read["raylets"]))
    finally:
        process.communicate(timeout=60)
        shutil.rmtree(temporary, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _raylet(node: Any) -> int:
    (found,) = node.all_processes["raylet"]
    return int(found.process.pid)


def main() -> None:
    """Start it, tell where it is, and wait for the end of the input."""
    from ray.cluster_utils import Cluster

    port = free_port()
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "node_ip_address": "127.0.0.1",
            "num_cpus": 0,
            "ray_client_server_port": port,
            "object_store_memory": 100 * 2**20,
            "include_dashboard": False,
        },
    )
    nodes = [
        cluster.add_node(node_ip_address="127.0.0.1", num_cpus=1, object_store_memory=100 * 2**20)
        for _ in range(2)
    ]
    cluster.wait_for_nodes()
    told = {"address": f"ray://127.0.0.1:{port}", "raylets": [_raylet(node) for node in nodes]}
    print(json.dumps(told), flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
