"""What is past is read once: a page of the history costs no new count of an import's changes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.curation.listings import Directory
from index.curation.undo import undo
from index.reindex.build import build_catalogue


def test_the_changes_of_an_event_are_counted_once_and_undoing_is_seen(
    tmp_path: Any, season: Any, embedder: Any
) -> None:
    build_catalogue(tmp_path / "catalogue.db", season.labels(), embedder)
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        statements: list[str] = []
        event.listen(
            catalogue.engine,
            "before_cursor_execute",
            lambda connection, cursor, statement, *_: statements.append(statement),
        )
        directory = Directory(catalogue)
        first = directory.history()
        counted = [one for one in statements if "FROM changes" in one]
        assert len(counted) == 2, "kinds and subjects"
        assert first[0].changes == 38
        assert directory.history() == first
        assert [one for one in statements if "FROM changes" in one] == counted
        name = next(photo.name for photo in catalogue.photos() if photo.individual)
        act = Curator(catalogue, made_by="Ana").delete(name)
        undo(catalogue, act.revision, made_by="Ana", loaded=embedder.fingerprint)
        assert [one.is_undone for one in directory.history()] == [False, True, False]
