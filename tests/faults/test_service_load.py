"""The short forms of tests/faults/service_load.py and two_services.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.service_load import run_memory, run_mixed, run_sigterm, run_with_slow_clients
from tests.faults.two_services import run_two_services

pytestmark = pytest.mark.heavy


def test_many_clients_at_once_are_told_what_is_true(tmp_path: Path) -> None:
    count = run_mixed(tmp_path, seconds=5, clients=16)
    assert count.faults == []
    assert count.checked > 0
    assert set(count.statuses) <= {200, 201, 404, 409, 429, 503}


def test_slow_clients_starve_nobody(tmp_path: Path) -> None:
    count = run_with_slow_clients(tmp_path, seconds=2, slow=30)
    assert count.faults == []
    assert set(count.statuses) == {200}


def test_a_service_that_is_stopped_answers_what_it_has_accepted(tmp_path: Path) -> None:
    count, unanswered = run_sigterm(tmp_path, seconds=3, clients=16)
    assert unanswered == []
    assert count.statuses[200] > 0


def test_memory_is_measured(tmp_path: Path) -> None:
    memory = run_memory(tmp_path, requests=80, warm_up=40, blocks=2)
    assert [requests for requests, _ in memory.blocks] == [40, 80, 120]
    assert all(mb > 10 for _, mb in memory.blocks)


def test_two_services_and_a_command_line_lose_nothing(tmp_path: Path) -> None:
    count = run_two_services(tmp_path, seconds=8, clients=2)
    assert count.faults == []
    assert count.updates > 0
    assert count.checked > 0
