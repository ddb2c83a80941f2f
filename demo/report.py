"""The demo's answers in words: a table for the terminal and one summary line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from demo.serving import Answer, Verdict

_MARKS: dict[Verdict, str] = {
    "right": "[green]right[/]",
    "wrong": "[red]wrong[/]",
    "unsure": "[yellow]unsure[/]",
}


def answers_table(answers: Sequence[Answer]) -> Table:
    """Lay the answers out, one row a query, its matches one under the other; 80 columns hold it."""
    table = Table(title="What the service answered", show_lines=True)
    for heading in ("photo", "truth", "decision", "prob."):
        table.add_column(heading, no_wrap=True)
    table.add_column("matches, distance", no_wrap=True)
    table.add_column("", no_wrap=True)
    for answer in answers:
        matches = "\n".join(f"{match.individual} {match.distance:.3f}" for match in answer.matches)
        truth = answer.query.individual or "new_whale"
        table.add_row(
            answer.query.photo.stem,
            truth,
            answer.decision,
            f"{answer.probability:.0%}",
            matches,
            _MARKS[answer.verdict],
        )
    return table


def summary(answers: Sequence[Answer]) -> str:
    """Count, as in `known: 6 of 6 right (1 of them for review); unknown: 3 of 3 called new`."""
    known = [answer for answer in answers if answer.query.individual is not None]
    unknown = [answer for answer in answers if answer.query.individual is None]
    right = [answer for answer in known if answer.verdict == "right"]
    called_new = [answer for answer in unknown if answer.verdict == "right"]
    return (
        f"known: {len(right)} of {len(known)} right{_for_review(right, 'of them ')}; "
        f"unknown: {len(called_new)} of {len(unknown)} called new{_for_review(unknown)}"
    )


def _for_review(answers: Sequence[Answer], of_them: str = "") -> str:
    count = sum(answer.decision == "review" for answer in answers)
    return f" ({count} {of_them}for review)" if count else ""
