"""Pages: every row once, in order, and a cursor of another list is refused."""

from __future__ import annotations

import base64

import pytest

from service.http.paging import decode_cursor, encode_cursor, page_of
from service.http.problems import ProblemError

ROWS = [("ana", 3), ("ben", 1), ("ben", 2), ("eva", 0), ("eva", 4)]


def fetch(cursor: str | None, limit: int) -> list[tuple[str, int]]:
    """As a database would: rows after the position, one more than the limit."""
    after = decode_cursor(cursor, listing="whales by name", like=("", 0))
    return [row for row in ROWS if after is None or row > after][: limit + 1]


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
def test_the_pages_together_are_the_list(limit: int) -> None:
    seen: list[tuple[str, int]] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        page = page_of(
            fetch(cursor, limit), limit, listing="whales by name", position=lambda row: row
        )
        seen, cursor, pages = [*seen, *page.rows], page.next_cursor, pages + 1
        assert len(page.rows) <= limit
    assert seen == ROWS
    assert pages == -(-len(ROWS) // limit)


def test_an_empty_list_is_one_empty_page() -> None:
    assert page_of([], 3, listing="x", position=lambda row: row) == ([], None)


def test_a_position_comes_back_as_it_went() -> None:
    position = ("Ølve \U0001f40b", 7, 0.5, None)
    cursor = encode_cursor(position, listing="x")
    assert decode_cursor(cursor, listing="x", like=("", 0, 0.0, "")) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!!!",
        "é",
        encode_cursor(("a", 1), listing="another list"),
        encode_cursor(("a",), listing="x"),
        encode_cursor(("a", "1"), listing="x"),
        encode_cursor(("a", True), listing="x"),
        base64.urlsafe_b64encode(b'["x","a",[1]]').decode(),
        base64.urlsafe_b64encode(b'{"x":1}').decode(),
        base64.urlsafe_b64encode(b"[" * 900).decode(),
    ],
)
def test_a_foreign_cursor_is_invalid(cursor: str) -> None:
    with pytest.raises(ProblemError, match="not a cursor of this list") as told:
        decode_cursor(cursor, listing="x", like=("", 0))
    assert (told.value.kind.slug, told.value.errors[0].field) == ("invalid", "cursor")
