"""No definition bears a retired word: docs/glossary.md has the field's term for each of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WINGS = ("embedding", "client", "index", "training", "service", "demo")

# Words that meant several things here, or nothing to a stranger. What says it now stands beside.
RETIRED = {
    "alike": "similar, duplicates",
    "alone": "exclusive, lock",
    "apart": "not_same, separate, different",
    "ask": "request, query, send; `identify` where that is meant",
    "asked": "queries, requested",
    "asking": "requests",
    "beside": "staged, sibling, next_to",
    "begun": "started",
    "carry": "apply, copy",
    "desk": "queue",
    "finder": "regressor, locator",
    "given": "provided; or name what it is",
    "kept": "stored, pending, unchanged",
    "laid": "staged",
    "lay": "stage",
    "left": "remaining, unchanged",
    "look": "view (of a photo), read, query",
    "looked": "viewed, read",
    "looks": "views",
    "noted": "notes, recorded",
    "offered": "source, candidate",
    "patience": "retry",
    "patient": "retry",
    "patiently": "retry",
    "promise": "check, guarantee",
    "promises": "checks",
    "said": "text, message",
    "say": "print, write",
    "says": "describes",
    "seen": "views, read, result",
    "tell": "notify, write, describe",
    "telling": "translating_errors",
    "tells": "has, describes",
    "told": "message, text, report, formatted",
    "trying": "trial, attempt",
    "wanted": "needed, expected",
    "wish": "options",
}
_PYTHON_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# A function or class of the page, or an arrow that bears a name.
_SCRIPT_DEFINITION = re.compile(
    r"^\s*(?:export\s+)?(?:(?:async\s+)?function\*?\s+(\w+)|class\s+(\w+)"
    r"|const\s+(\w+)\s*=\s*(?:async\s*)?\([^()]*\)\s*=>)",
    re.MULTILINE,
)


def words_of(name: str) -> set[str]:
    """The words of a name in snake_case or CamelCase, in lower case."""
    return {word.lower() for word in _PYTHON_WORD.findall(name)}


def definitions(path: Path) -> Iterator[str]:
    """A file's own name, and the names of all that it defines."""
    yield path.stem
    text = path.read_text("utf-8")
    if path.suffix == ".js":
        yield from (name for found in _SCRIPT_DEFINITION.findall(text) for name in found if name)
    else:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield node.name


def retired_names(paths: list[Path], root: Path) -> list[str]:
    """Definitions that bear a retired word, with what may say it."""
    return [
        f"{path.relative_to(root).as_posix()}: {name} says {word!r}; rather {RETIRED[word]}"
        for path in paths
        for name in definitions(path)
        for word in sorted(words_of(name) & set(RETIRED))
    ]


@pytest.mark.parametrize("wing", WINGS)
def test_no_definition_bears_a_retired_word(wing: str) -> None:
    paths = sorted([*(ROOT / wing).rglob("*.py"), *(ROOT / wing).rglob("*.js")])
    assert len(paths) > 5
    assert retired_names(paths, ROOT) == []


def test_modules_beside_the_wings_bear_none() -> None:
    assert retired_names([ROOT / "flukeprint.py", ROOT / "doctor.py"], ROOT) == []


def test_retired_words_are_seen_in_python_and_in_the_page(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text("class JobDesk:\n    async def ask_it(self): ...\n")
    (tmp_path / "page.js").write_text("export function tellAll() {}\nconst lay = (one) => one;\n")
    found = retired_names([tmp_path / "told.py", tmp_path / "page.js"], tmp_path)
    assert [line.partition(" says ")[0] for line in found] == [
        "told.py: told",
        "told.py: JobDesk",
        "told.py: ask_it",
        "page.js: tellAll",
        "page.js: lay",
    ]


def test_whole_words_only() -> None:
    assert words_of("task_names") == {"task", "names"}
    assert words_of("HTTPKeyLay") == {"http", "key", "lay"}


def test_the_glossary_lists_the_same_retired_words() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    table = page.partition("| retired | instead |")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [tuple(cell.strip() for cell in row.strip("|").split(" | ")) for row in table]
    assert rows == list(RETIRED.items())
