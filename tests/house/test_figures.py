"""What `make house` prints stays within its bounds, and what it counts is counted right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.figures import (
    ROOT,
    circles,
    functions,
    import_graph,
    is_command,
    long_lines,
    measure,
    modules_in_folders,
)
from tests.house.planting import plant
from tests.house.prose import documents, message_texts, page_texts, prose_of, sentences

MEAN_WORDS = 18.0
SHARE_LONG = 0.05
MOST_PARAMETERS = 6
MOST_LINES_OF_A_TEST = 300
# Functions with more than six parameters, each with its reason.
MANY_PARAMETERS = {
    "client/requests/photos.py: identify": "its keywords are the fields of the HTTP form",
    "client/requests/catalogue.py: send_photos": "its keywords are the fields of the HTTP form",
}


def wide_functions(root: Path) -> set[str]:
    """Functions with more than six parameters; a command's are the options of the command line."""
    return {
        f"{each.path}: {each.name}"
        for each in functions(root)
        if each.parameters > MOST_PARAMETERS and not is_command(each)
    }


def test_no_line_is_over_100_characters() -> None:
    assert long_lines(ROOT) == []


def test_nothing_takes_more_than_six_parameters_without_a_reason() -> None:
    assert wide_functions(ROOT) == set(MANY_PARAMETERS)


@pytest.mark.parametrize("page", documents(ROOT), ids=lambda page: page.name)
def test_documents_are_plain(page: Path) -> None:
    prose = prose_of([page.read_text("utf-8")])
    assert prose.mean <= MEAN_WORDS
    assert prose.share_long <= SHARE_LONG


def test_messages_and_the_page_are_plain() -> None:
    messages, page = prose_of(message_texts(ROOT)), prose_of(page_texts(ROOT))
    assert len(messages.words) > 1000 and len(page.words) > 100
    assert messages.mean <= MEAN_WORDS and messages.share_long <= SHARE_LONG
    assert page.mean <= MEAN_WORDS and page.share_long <= SHARE_LONG


def test_no_file_of_tests_is_over_300_lines() -> None:
    counts = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in (ROOT / "tests").rglob("*.py")
        if "bench" not in path.parts
    }
    assert len(counts) > 150
    assert {name: count for name, count in counts.items() if count > MOST_LINES_OF_A_TEST} == {}


def test_the_figures_can_be_printed() -> None:
    rows = dict(measure(ROOT).rows())
    assert rows["import circles, in functions too (0)"] == "0"
    assert len(rows) == 10


def test_long_lines_are_seen_but_for_tables_code_and_links(tmp_path: Path) -> None:
    plant(tmp_path, index_search=f"{'x' * 100}\n{'x' * 101}\n")
    long = "word " * 30
    page = f"{long}\n| {long} |\n```\n{long}\n```\n{long}\n[a]({long})\n"
    (tmp_path / "README.md").write_text(page, encoding="utf-8")
    assert long_lines(tmp_path) == ["index/search.py:2", "README.md:1", "README.md:6"]


def test_sentences_are_counted_without_code_tables_and_links() -> None:
    text = (
        "# A heading of many words\n\n"
        "One two three four. Two `a b c` words: and three more.\n"
        "| a table of many words |\n\n"
        "- [a link of five words](page.md)\n```\nsome code that is long\n```\n"
    )
    assert sentences(text) == [4, 3, 3, 5]
    assert prose_of(["one two three four", "x y z"]).mean == 3.5
    assert prose_of(["word " * 31, "one two three"]).share_long == 0.5


def test_circles_of_any_length_are_found(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        index_a="from index import b",
        index_b="def f():\n    import index.c",
        index_c="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from index.a import x",
        index_d="import index.a",
    )
    assert circles(import_graph(root)) == [["index.a", "index.b", "index.c"]]
    assert modules_in_folders(root) == {"index": 4}


def test_a_method_with_seven_parameters_is_seen(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        index_search="class A:\n    def f(self, a, b, c, *, d, e, f, g): ...\n",
    )
    assert wide_functions(root) == {"index/search.py: f"}


def test_texts_of_errors_options_and_the_page_are_read(tmp_path: Path) -> None:
    text = (
        "def f(name):\n    raise ValueError(f'no {name!r} here')\n"
        "x = Option(help='What it does.')\ny = 'not read'\n"
    )
    plant(tmp_path, index_search=text)
    page = tmp_path / "service" / "pages"
    (page / "texts").mkdir(parents=True)
    script = (
        'export default {\n  "a.b": "Close",\n  "a.c": "Nothing to review now",\n'
        '  "a.d": { one: "Photo {n} of {m} is here", other: "Photos" },\n};\n'
    )
    (page / "texts" / "en.js").write_text(script, encoding="utf-8")
    (page / "index.html").write_text("<p>Loading <b>now</b></p>", encoding="utf-8")
    assert list(message_texts(tmp_path)) == ["no code here", "What it does."]
    assert [one.strip() for one in page_texts(tmp_path)] == [
        "Nothing to review now",
        "Photo code of code is here",
        "Loading",
        "now",
    ]
