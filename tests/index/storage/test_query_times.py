"""Each query is heard with its times, and no more once that has ended."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from index.storage.connection import hear_queries


def test_queries_are_heard_with_their_times() -> None:
    heard = list[tuple[str, str, int, int]]()
    engine = create_engine("sqlite+pysqlite://")
    stop = hear_queries(lambda *told: heard.append(told))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT :secret"), {"secret": "w_five"})
            with pytest.raises(OperationalError):
                connection.execute(text("SELECT * FROM absent"))
            connection.execute(text("SELECT 2"))
    finally:
        stop()
    with engine.connect() as connection:
        connection.execute(text("SELECT 3"))
    assert [(system, statement) for system, statement, _, _ in heard] == [
        ("sqlite", "SELECT ?"),
        ("sqlite", "SELECT 2"),
    ]
    assert all(began <= ended for _, _, began, ended in heard)
