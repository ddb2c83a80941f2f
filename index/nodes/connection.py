"""The connection to a Ray cluster, and what is asked of its nodes before any work.

Part of Ray's door, an optional extra.
"""

from __future__ import annotations

import importlib
import os
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from index.nodes.node import NodeOrder
from index.nodes.places import BadRayCluster
from index.nodes.software import NodeSoftware, describe_difference

_PORT = 10001
_REACH_SECONDS = 10.0
_TRIES = 3
_INSPECTION_SECONDS = 60.0
# Ray waits without a word for processors that are taken, or that no node has.
_SILENCE_SECONDS = 900.0
_MOST_CORES = 4  # of one worker: Python's own part of the work is one thread's


class Workers(NamedTuple):
    """How many processes embed, and with how many cores each.

    `head_resource` is what only the head node has.
    """

    processes: int
    cores: float
    head_resource: str


@contextmanager
def connected(address: str, *, afterwards: str) -> Generator[Any]:
    """Connect to a cluster; gives Ray's module. Raises BadRayCluster.

    `afterwards`: what a person whose cluster is lost can do, the end of that message.
    """
    ray = _import_ray(address)
    host, port = host_and_port(address)
    try:
        socket.create_connection((host, port), timeout=_REACH_SECONDS).close()
    except OSError as error:
        raise BadRayCluster(
            f"no cluster answers at ray://{host}:{port} ({error.strerror or error}): start one by "
            f"`ray start --head` on {host}, and see that its port {port} is open to this machine"
        ) from error
    if ray.is_initialized():
        raise BadRayCluster("this process uses a cluster already; wait until that has ended")
    try:
        _initialise(ray, f"ray://{host}:{port}")
        yield ray
    except BadRayCluster:
        raise
    except (ConnectionError, ray.exceptions.RayError) as error:
        raise BadRayCluster(
            f"the cluster at ray://{host}:{port} was lost or refused this ({error}); {afterwards}"
        ) from error
    finally:
        ray.shutdown()


def _initialise(ray: Any, address: str) -> None:
    """Connect, more than once: a busy head node may need longer than Ray waits for its server."""
    for attempt in range(_TRIES):
        try:
            ray.init(address, log_to_driver=False, logging_level="ERROR")
        except ConnectionError:
            ray.shutdown()
            if attempt == _TRIES - 1:
                raise
        else:
            return


def host_and_port(address: str) -> tuple[str, int]:
    """Read `ray://HOST:PORT`; without a port it is 10001. Raises BadRayCluster."""
    try:
        parts = urlsplit(address)
        if parts.scheme == "ray" and parts.hostname and parts.path in {"", "/"}:
            return parts.hostname, parts.port or _PORT
    except ValueError:
        pass  # a port that is none
    raise BadRayCluster(
        f"{address!r} is no address of a cluster; give ray://HOST:PORT: the head node, and its "
        f"port for clients, which is {_PORT} unless `ray start` was told another one"
    )


def awaited(ray: Any, reference: Any) -> Generator[list[Any], None, Any]:
    """Wait for an answer; gives an empty list a second, so that its user can stop meanwhile.

    Raises BadRayCluster after a long silence.
    """
    deadline = time.monotonic() + _SILENCE_SECONDS
    while not ray.wait([reference], timeout=1.0)[0]:
        if time.monotonic() > deadline:
            raise BadRayCluster(
                f"the cluster has answered nothing for {_SILENCE_SECONDS / 60:.0f} minutes: see "
                "with `ray status` on its head node whether other work holds its processors"
            )
        yield []
    return ray.get(reference)


def count_workers(ray: Any, order: NodeOrder) -> Workers:
    """Ask every node what it has installed, and share its cores out. Raises BadRayCluster.

    A node that doesn't answer is taken for dead. One that comes later is looked at by its worker.
    """
    strategies: Any = importlib.import_module("ray.util.scheduling_strategies")
    nodes: list[dict[str, Any]] = [node for node in ray.nodes() if node["Alive"]]
    inspect: Any = ray.remote(_inspection(order.checkpoint, order.precision))
    asked = {
        inspect.options(
            num_cpus=0,
            max_retries=0,
            scheduling_strategy=strategies.NodeAffinitySchedulingStrategy(
                node["NodeID"], soft=False
            ),
        ).remote(): node
        for node in nodes
    }
    done, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_INSPECTION_SECONDS)
    faults: list[str] = []
    cores: list[int] = []
    for reference in done:
        node = asked[reference]
        try:
            told = ray.get(reference)
        except ray.exceptions.RayError:
            continue  # died meanwhile
        is_fault = isinstance(told, str)
        fault = told if is_fault else describe_difference(NodeSoftware(*told), order.software)
        if fault:
            faults.append(f"the node {node['NodeManagerAddress']} {fault}")
        cores.append(int(node["Resources"].get("CPU", 0)))
    if faults:
        raise BadRayCluster("; ".join(sorted(set(faults))))
    working = [each for each in cores if each]
    if not working:
        raise BadRayCluster(
            f"none of the cluster's {len(nodes)} nodes that answered has a processor to work with; "
            "start nodes by `ray start --address HEAD:6379` with --num-cpus 1 or more"
        )
    each = min(_MOST_CORES, *working)
    return Workers(sum(own // each for own in working), each, "node:__internal_head__")


def _inspection(checkpoint: str | None, precision: str) -> Callable[[], Any]:
    """Make a function that says what a node has installed, or why it can't.

    It goes to nodes without flukeprint too: as a function within another one it is sent whole.
    """

    def inspect() -> Any:
        import importlib as there

        try:
            software = there.import_module("index.nodes.software")
        except ImportError as error:
            return f"has no flukeprint, or an older one ({error}): install the same there"
        return tuple(software.installed_software(checkpoint, precision))

    return inspect


def _import_ray(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # tell nobody of its use
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise BadRayCluster(
            f"{address} is a Ray cluster, and Ray isn't installed here ({error}): install "
            "flukeprint with the extra `ray`, as in `pip install 'flukeprint[ray]'`"
        ) from error
