from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from demo.album import Query
from demo.report import answers_table, summary
from demo.serving import Answer
from index.search.matching import Match


def _answer(truth: str | None, decision: str, named: str) -> Answer:
    return Answer(
        Query(Path("question_01.jpg"), truth), decision, 0.87, (Match(named, 0.125, 0.87, "p.jpg"),)
    )


ANSWERS = [
    _answer("w_a", "known", "w_a"),
    _answer("w_b", "review", "w_b"),
    _answer("w_c", "review", "w_a"),
    _answer(None, "new_whale", "w_a"),
    _answer(None, "review", "w_b"),
]


def test_the_summary_counts_right_answers_and_those_left_for_review() -> None:
    assert summary(ANSWERS) == (
        "known: 2 of 3 right (1 of them for review); unknown: 1 of 2 called new (1 for review)"
    )
    assert summary(ANSWERS[:1]) == "known: 1 of 1 right; unknown: 0 of 0 called new"


def test_the_table_has_every_answer_whole_on_a_narrow_terminal() -> None:
    long = _answer("w_drawn_07", "new_whale", "w_drawn_123")
    console = Console(width=80, file=io.StringIO())
    console.print(answers_table([*ANSWERS, long]))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    rows = [line for line in lines if "question_01" in line]
    assert len(rows) == 6
    for part in ("w_a", "known", "87%", "w_a 0.125", "right"):
        assert part in rows[0]
    assert "new_whale" in rows[3]
    assert "wrong" in rows[2]
    assert "unsure" in rows[4]
    assert "w_drawn_07" in rows[5]
    assert "w_drawn_123 0.125" in rows[5]
    assert max(map(len, lines)) <= 80
