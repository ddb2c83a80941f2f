"""Find a CSV's separator and header, however a spreadsheet program wrote them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from index.tables.rows import Header, header_below, read_rows, separator_of


def is_header(cells: Sequence[str]) -> bool:
    return "image" in cells and "label" in cells


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("image,label\n", ","),
        ("image;label;place (lat, lon, depth, time)\n", ";"),
        ('image,label,"a;b;c;d"\n', ","),
        ("image\tlabel\tone, two, three; four\n", "\t"),
        ("\n\nlabel;image\n", ";"),
        ("sep=;\r\nimage;label\r\n", ";"),
        ('"sep=,"\nimage,label\n', ","),
        ("sep=|\nimage|label\n", "|"),
        ("sep=a\nimage;label\n", ","),
        ("SEP=\t\nimage\tlabel\n", "\t"),
        ("name;a,b,c\n", ","),
        ("one column\n", ","),
        ("", ","),
    ],
)
def test_the_separator_is_the_one_that_yields_the_header(text: str, separator: str) -> None:
    assert separator_of(text, is_header) == separator


def test_the_line_that_names_the_separator_is_no_row() -> None:
    assert list(read_rows("sep=;\nimage;label\n\na;b\n", ";")) == [
        (2, ["image", "label"]),
        (4, ["a", "b"]),
    ]


def test_a_header_below_a_title_is_found() -> None:
    text = "Whales of 2021;\n\nimage;label;note, if any\na;b;\n"
    assert header_below(text, is_header) == Header(("image", "label", "note, if any"), ";", 3)
    assert header_below("image,label\na,b\n", is_header) is None
    assert header_below("a,b\n" * 30 + "image,label\n", is_header) is None
