"""The page's texts by language, the keys that its code uses, and texts left in the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

LANGUAGES = ("en", "es", "pt")

# A text of one form, or one for each grammatical number.
Text = str | dict[str, str]

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r'|"(?:[^"\\\n]|\\.)*"|`'
    # A regular expression stands where a value may begin.
    r"|(?<=[(,=:\[!&|?])\s*/(?![/*])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*",
    re.DOTALL,
)
_PLACE = re.compile(r"\{(\w+)\}")
# What follows a file's name, rather than a screen's.
_SUFFIXES = {"js", "json", "jpg", "zip"}
_HTML_KEY = re.compile(r'data-(?:text|label)="([^"]+)"')
# Before a literal: what makes it a name for machines.
_FOR_MACHINES = re.compile(
    r"(?:class|d|viewBox|rootMargin|transform|accept|href|type|kind|role|for|id|method): "
    r"(?:\w[^,{}]*\? )?(?:\"[^\"]*\" : )?$"
    r"|(?:querySelector|querySelectorAll|closest|matches|getElementById|addEventListener|Event"
    r"|setAttribute|getAttribute|removeAttribute|getResponseHeader|setRequestHeader|append|test"
    r"|toggle|add|remove|send|act|set|get|path|query|startsWith|endsWith|split|join|includes"
    r"|replaceAll|replace|t|tNodes|hasText|wordText|keyLabel)\($"
    r"|(?:className|transform|\.dataset\.\w+|\.key|\.name|\.type|event\.key) (?:=|===|!==) $"
    r"|\[$|case $"
)
# Names of headers, keys, methods, languages, the API's lists, and of things that are sorted.
_NAMES = {
    *("Idempotency-Key", "Content-Type", "Retry-After", "If-Match", "AbortError", "flukeprint"),
    *("English", "Español", "Português", "photos", "sightings", "tell apart"),
    *("time desc", "probability desc", "size desc", "quality desc"),
}
_SUFFIXES_OF_PHOTOS = re.compile(r"([a-z0-9]{3,5} )+[a-z0-9]*$")
_KEYS = re.compile(r"(Arrow(Up|Down|Left|Right)|Escape|Enter|Authorization|Bearer \{\})$")
_WORDS = re.compile(r"[^\W\d_]{2,}[,.:;?!…]? +[^\W\d_(“]|^[A-ZÁÉÍÓÚÑ][a-záéíóúñ]|[A-Za-z] …$")
# A child of an element, or what is put into one: there a single word is a text too.
_CHILD = re.compile(r"(?:\}|null),\s*$|\b(?:put|notify|heading|empty)\(\s*(?:[\w.]+,\s*)?$")


class Literal(NamedTuple):
    """A string of a script, `{}` for each of its places, and the code just before it."""

    text: str
    before: str
    line: int


def read_texts(path: Path) -> dict[str, Text]:
    """The texts of one language's file by their keys; the file holds nothing but them."""
    body = path.read_text("utf-8").partition("export default ")[2].strip().removesuffix(";")
    body = re.sub(r'"\s*\+\s*"', "", body)
    body = re.sub(r"\b(one|other):\s*(?=\")", r'"\1": ', body)
    return json.loads(re.sub(r",(\s*\})", r"\1", body))


def forms(text: Text) -> list[str]:
    """A text's forms: one, or one for each grammatical number."""
    return [text] if isinstance(text, str) else list(text.values())


def places(text: Text) -> set[str]:
    """The names of a text's places, `{name}`, of all its forms."""
    return {name for form in forms(text) for name in _PLACE.findall(form)}


def scripts(folder: Path) -> list[Path]:
    """The page's modules, without its texts and what others wrote."""
    apart = {folder / "texts", folder / "vendor"}
    return sorted(path for path in folder.rglob("*.js") if path.parent not in apart)


def used_keys(folder: Path, known: set[str]) -> tuple[set[str], set[str]]:
    """What the page's code names like keys, and the beginnings of those that it composes.

    A name is like a key where a known key has the same first part, such as `review.`.
    """
    screens = {key.partition(".")[0] for key in known}
    whole: set[str] = set()
    begun: set[str] = set()
    for path in scripts(folder):
        for each in literals(path.read_text("utf-8")):
            screen, dot, rest = each.text.partition(".")
            if not dot or screen not in screens or rest in _SUFFIXES:
                continue
            if "{}" in each.text:
                begun.add(each.text.partition("{}")[0])
            else:
                whole.add(each.text)
    whole |= set(_HTML_KEY.findall((folder / "index.html").read_text("utf-8")))
    return whole, begun


def literals(text: str, line: int = 1) -> Iterator[Literal]:
    """Every string of a script, and those within the places of another."""
    at = 0
    while found := _TOKEN.search(text, at):
        at = found.end()
        token = found[0].lstrip()
        before = re.sub(r"\s+", " ", text[max(0, found.start() - 80) : found.start()])
        here = line + text.count("\n", 0, found.start())
        if token[0] == '"':
            yield Literal(token[1:-1], before, here)
        elif token == "`":
            whole, inside, at = _template(text, at)
            yield Literal(whole, before, here)
            for each in inside:
                yield from literals(each, here)


def _template(text: str, at: int) -> tuple[str, list[str], int]:
    """A template from after its first backtick: its text, the code in its places, its end."""
    whole, inside = "", list[str]()
    while text[at] != "`":
        if text.startswith("${", at):
            start, at = at + 2, _end_of_place(text, at + 2)
            whole += "{}"
            inside.append(text[start : at - 1])
        else:
            step = 2 if text[at] == "\\" else 1
            whole += text[at : at + step]
            at += step
    return whole, inside, at + 1


def _end_of_place(text: str, at: int) -> int:
    depth = 1
    while depth:
        if text[at] == "`":
            at = _template(text, at + 1)[2]
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def texts_in_code(path: Path) -> list[str]:
    """Strings of a script that read like texts for people, each with its line."""
    bare = re.sub(r"^import .*?;$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [f"{path.name}: {each.text}" for each in literals(bare) if _is_visible(each)]


def texts_in_html(text: str) -> list[str]:
    """What HTML shows or reads aloud: its text, labels and titles."""
    reader = _Shown()
    reader.feed(text)
    return reader.texts


class _Shown(HTMLParser):
    """Collects what stands between the tags, and attributes that people read."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        read = {"aria-label", "title", "alt", "placeholder"}
        self.texts += [value for name, value in attrs if name in read and value]

    def handle_data(self, data: str) -> None:
        self.texts += [data.strip()] if data.strip() else []


def _is_visible(literal: Literal) -> bool:
    text, before, _ = literal
    if text in _NAMES or _KEYS.match(text) or _FOR_MACHINES.search(before):
        return False
    if "px" in text:  # of a style
        return False
    if before.endswith(("SUFFIXES = ", '" + ')) and _SUFFIXES_OF_PHOTOS.match(text):
        return False
    if _WORDS.search(text.replace("{}", "")):
        return True
    return bool(re.fullmatch(r"[^\W\d_]{2,}", text) and _CHILD.search(before))
