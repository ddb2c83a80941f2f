"""One Ray cluster for all tests of a session."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.index.nodes.two_nodes import TwoNodes, running_cluster


@pytest.fixture(scope="session")
def cluster() -> Generator[TwoNodes]:
    with running_cluster() as running:
        yield running
