"""Addresses of clusters, and clusters that aren't there."""

from __future__ import annotations

import sys

import pytest

from index.nodes.connection import connected, host_and_port
from index.nodes.places import BadRayCluster
from tests.index.nodes.two_nodes import free_port, needs_ray


def test_an_address_is_read() -> None:
    assert host_and_port("ray://head") == ("head", 10001)
    assert host_and_port("ray://10.0.0.5:4444/") == ("10.0.0.5", 4444)


@pytest.mark.parametrize("address", ["head:10001", "http://head", "ray://", "ray://head:x", ""])
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(BadRayCluster, match=r"give ray://HOST:PORT"):
        host_and_port(address)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it weren't installed
    with (
        pytest.raises(BadRayCluster, match=r"pip install 'flukeprint\[ray\]'"),
        connected("ray://head", afterwards="start again"),
    ):
        pass


@needs_ray
def test_a_cluster_that_is_not_there_is_named() -> None:
    with (
        pytest.raises(BadRayCluster, match=r"no cluster answers at ray://127.*refused"),
        connected(f"ray://127.0.0.1:{free_port()}", afterwards="start again"),
    ):
        pass
