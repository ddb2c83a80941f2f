"""index/storage/schema.py: what the databases say, understood."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from index.storage.schema import is_busy


class Said(Exception):
    """What a driver raises: PostgreSQL's with a code, SQLite's without."""

    def __init__(self, words: str, sqlstate: str | None = None) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said("annulation a cause d'un verrou", "55P03"), True),
        (Said("Verklemmung entdeckt", "40P01"), True),
        (Said("the table locked_rows is not there", "42P01"), False),
        (Said("database is locked"), True),
        (Said("disk I/O error"), False),
    ],
)
def test_a_busy_database_is_known_in_any_language(said: Said, expected: bool) -> None:
    assert is_busy(DBAPIError("SELECT 1", None, said)) is expected
