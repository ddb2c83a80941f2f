"""What people read: documents, messages and help, texts of the page; and how wordy it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from tests.house.page_texts import forms, read_texts

WINGS = ("embedding", "client", "index", "training", "service", "demo")
LONG_SENTENCE_WORDS = 30
# Written by docs/generate.py from texts that are counted where they stand in the code.
GENERATED_PAGES = {"commands.md", "http-api.md", "settings.md"}

_CODE_ENDINGS = {".py", ".js", ".css", ".html"}
_WORDS = 3  # of the page: what has no more is a label
_PLACE = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Prose:
    """The sentences of one kind of text: how many words each of them has."""

    words: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Words a sentence, 0 where there is none."""
        return sum(self.words) / len(self.words) if self.words else 0.0

    @property
    def share_long(self) -> float:
        """The share of sentences over thirty words."""
        long = sum(count > LONG_SENTENCE_WORDS for count in self.words)
        return long / len(self.words) if self.words else 0.0


def code_files(root: Path) -> list[Path]:
    """The wings' files of code, the page's included, and the modules beside the wings."""
    paths = [path for wing in WINGS for path in (root / wing).rglob("*")]
    found = [path for path in paths if path.suffix in _CODE_ENDINGS and path.is_file()]
    return sorted([*found, *root.glob("*.py")])


def python_files(root: Path) -> list[Path]:
    """The Python among the files of code."""
    return [path for path in code_files(root) if path.suffix == ".py"]


def documents(root: Path) -> list[Path]:
    """README, CONTRIBUTING, CHANGELOG and the pages of docs/ that people write."""
    pages = [path for path in (root / "docs").glob("*.md") if path.name not in GENERATED_PAGES]
    tops = [root / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [path for path in [*tops, *sorted(pages)] if path.is_file()]


def sentences(text: str) -> list[int]:
    """Words in each sentence; code, tables, headings and links' addresses don't count."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    lines = [
        line
        for line in text.splitlines()
        if not line.lstrip().startswith(("|", "#", "!")) and not line.startswith("    ")
    ]
    text = re.sub(r"`[^`]*`", "code", "\n".join(lines))
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"(?<=[.!?:])\s+|\n\s*\n|\n\s*[-*\d]+[.]?\s", text)
    counts = [len(part.lstrip("-* ").split()) for part in parts]
    return [count for count in counts if count > 2]


def prose_of(texts: Iterable[str]) -> Prose:
    """The sentences of several texts, each counted by itself."""
    return Prose(tuple(count for text in texts for count in sentences(text)))


def message_texts(root: Path) -> Iterator[str]:
    """What errors and Typer options say: strings of `raise`, of `help=` and of detail fields."""
    for path in python_files(root):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                yield from (text for each in node.exc.args if (text := _plain(each)))
            elif isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg in ("help", "description", "detail"):
                        yield from (text for text in [_plain(keyword.value)] if text)


def _plain(node: ast.expr) -> str:
    """A string as a person reads it, its holes filled with a word; "" for what is no string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_plain(each) or "code" for each in node.values)
    return ""


def page_texts(root: Path) -> Iterator[str]:
    """What the page says in English: its texts that are sentences, and its HTML."""
    page = root / "service" / "pages"
    english = page / "texts" / "en.js"
    # An earlier commit, beside which figures are shown, may not have it.
    for text in read_texts(english).values() if english.is_file() else ():
        yield from (_PLACE.sub("code", form) for form in forms(text) if len(form.split()) > _WORDS)
    for path in page.rglob("*.html"):
        reader = _TextOfHtml()
        reader.feed(path.read_text("utf-8"))
        yield from reader.texts


class _TextOfHtml(HTMLParser):
    """Collects the text between the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
