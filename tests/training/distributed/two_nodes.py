"""A Ray cluster of two nodes on this machine's loopback address, held by a process of its own.

Run as a program it starts one, prints a line of JSON, and ends with its input.
"""

from __future__ import annotations

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

ROOT = Path(__file__).resolve().parents[3]
# Ray would take this machine's other address for the loopback one, where nobody listens.
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "OMP_NUM_THREADS": "1",
    "GLOO_SOCKET_IFNAME": "lo",
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
}


class TwoNodes(NamedTuple):
    """A head node without a processor, and two nodes with one each: the processes of both."""

    address: str
    raylets: tuple[int, int]

    def kill_worker(self) -> None:
        """Kill the process that trains on the second node."""
        for pid in _children(self.raylets[1]):
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"RayTrainWorker" in title:
                os.kill(pid, signal.SIGKILL)
                return
        raise AssertionError("nothing trains on the second node")


@contextmanager
def running_cluster() -> Generator[TwoNodes]:
    """Start a cluster, and end it with all its processes."""
    # Not pytest's folder: Ray makes sockets in it, whose paths may have 107 bytes.
    temporary = Path(tempfile.mkdtemp(prefix="ray"))
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__],
        env={**os.environ, **ENVIRONMENT, "RAY_TMPDIR": str(temporary)},
        cwd=temporary,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = next((line for line in process.stdout if line.startswith("{")), None)
        assert line is not None, "no cluster came up"
        read = json.loads(line)
        yield TwoNodes(read["address"], tuple(read["raylets"]))
    finally:
        process.communicate(timeout=60)
        shutil.rmtree(temporary, ignore_errors=True)


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _raylet(node: Any) -> int:
    (found,) = node.all_processes["raylet"]
    return int(found.process.pid)


def main() -> None:
    """Start it, tell where it is, and wait for the end of the input."""
    from ray.cluster_utils import Cluster

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    small: dict[str, Any] = {"node_ip_address": "127.0.0.1", "object_store_memory": 100 * 2**20}
    head = {"num_cpus": 0, "ray_client_server_port": port, "include_dashboard": False, **small}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=1, **small) for _ in range(2)]
    cluster.wait_for_nodes()
    told = {"address": f"ray://127.0.0.1:{port}", "raylets": [_raylet(node) for node in nodes]}
    print(json.dumps(told), flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
