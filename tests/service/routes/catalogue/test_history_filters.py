"""The history narrowed by person, kind, days and subject, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.service.http.key_headers import bearer


@pytest.fixture
def ask(serve_curated: Callable[..., Any]) -> Any:
    """`ask(made_by="Ana")`: the revisions that are listed; Ana edited w_30 and Ben w_90."""
    with serve_curated(has_keys=True) as curated:
        client, keys = curated.client, curated.client.app.state.access.keys
        for name, individual in (("Ana", "w_30"), ("Ben", "w_90")):
            headers = bearer(keys.create(name, "admin").secret)
            path = f"/v1/individuals/{individual}"
            assert client.patch(path, json={"notes": "seen"}, headers=headers).status_code == 200

        def _ask(path: str = "/v1/changes", **parameters: str) -> Any:
            answer = client.get(path, params=parameters, headers=headers)
            assert answer.status_code == 200, answer.text
            document = answer.json()
            return [each["revision"] for each in document.get("changes", [])] or document

        yield _ask


def test_the_history_is_narrowed_to_a_person_a_kind_and_a_subject(ask: Any) -> None:
    assert ask() == [3, 2, 1]
    assert ask(made_by="Ana") == [2]
    assert ask(kind="edit") == [3, 2]
    assert ask(kind="edit", made_by="Ben", subject="w_90") == [3]
    assert ask(made_by="Ana", subject="w_90")["changes"] == []


def test_days_are_moments_of_any_time_zone(ask: Any) -> None:
    now = datetime.now(UTC)
    past, future = (now + timedelta(days=days) for days in (-1, 1))
    assert ask(since=past.isoformat(), until=future.isoformat()) == [3, 2, 1]
    assert ask(until=past.isoformat())["changes"] == []
    assert ask(since=future.isoformat())["changes"] == []
    assert ask(since="0001-01-01T00:00:00+14:00") == [3, 2, 1]  # before the calendar begins
    east = (now + timedelta(hours=1)).astimezone(tz=None).isoformat()
    assert ask(until=east, since=past.strftime("%Y-%m-%d")) == [3, 2, 1]


def test_who_and_what_there_is_to_choose(ask: Any) -> None:
    assert ask("/v1/changes/choices") == {"people": ["Ana", "Ben"], "kinds": ["edit", "update"]}
