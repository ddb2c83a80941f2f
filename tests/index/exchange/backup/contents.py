"""A catalogue with a media folder, and all that its tables hold."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def content(path: Path) -> tuple:
    """Everything in every table, but for where photos lie."""
    raw = sqlite3.connect(path)
    tables = [
        row[0]
        for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    ]
    rows = {}
    for table in tables:
        columns = [row[1] for row in raw.execute(f"PRAGMA table_info({table})") if row[1] != "path"]
        rows[table] = raw.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
    raw.close()
    return tuple(rows.items())
