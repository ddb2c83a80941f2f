"""Keys and kept answers of one catalogue's database together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from index.access.idempotent_answers import StoredAnswers
from index.access.keys import Keys


@dataclass(frozen=True, slots=True)
class AccessStore:
    """What a service needs to know who may use it, and what it answered them."""

    keys: Keys
    answers: StoredAnswers
    close: Callable[[], None] = lambda: None
    """Let the database's connections go."""

    @classmethod
    def of(cls, engine: Engine, *, keep_answers_hours: float = 24.0) -> AccessStore:
        """Use the database that `engine` reaches."""
        return cls(
            Keys(engine),
            StoredAnswers(engine, keep_seconds=keep_answers_hours * 3600),
            engine.dispose,
        )
