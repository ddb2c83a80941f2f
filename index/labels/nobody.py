"""Decide which labels mean that nobody knows the animal, the same at every door."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from unicodedata import combining, normalize

from index.labels.labelled_photo import NEW_WHALE, LabelledPhoto

_ANIMALS = ["individual", "whale", "humpback", "fluke", "animal", "dolphin", "shark", "id"]
_WORDS = (
    *("unk", "not known", "nobody", "no name", "unnamed", "not named", "no id", "not id", "tbd"),
    *("undetermined", "not determined", "unassigned", "not assigned", "unidentifiable"),
    *("no match", "unmatched", "not matched", "unknown", "unidentified", "not identified"),
    *(f"{word} {animal}" for word in ("unknown", "unidentified") for animal in _ANIMALS),
    *(f"new {animal}" for animal in _ANIMALS if animal != "id"),
    # Spanish
    *("desconocido", "desconocida", "sin identificar", "no identificado", "no identificada"),
    *("nadie", "ninguno", "ninguna", "sin nombre", "nuevo individuo", "nueva ballena"),
    # Portuguese
    *("desconhecido", "desconhecida", "não identificado", "não identificada", "sem nome"),
    *("ninguém", "nenhum", "nenhuma", "novo indivíduo", "nova baleia"),
    # French
    *("inconnu", "inconnue", "non identifié", "non identifiée", "sans nom", "personne"),
    *("aucun", "aucune", "nouvel individu", "nouvelle baleine"),
    # German
    *("unbekannt", "unbekannter", "unbekannte", "unbekanntes", "nicht identifiziert"),
    *("unidentifiziert", "niemand", "namenlos", "keine", "neues individuum", "neuer wal"),
    # Italian, Dutch, the Nordic languages, Polish, Russian, Japanese, Chinese
    *("sconosciuto", "sconosciuta", "non identificato", "non identificata", "ignoto", "ignota"),
    *("onbekend", "niet geïdentificeerd", "ukjent", "ukendt", "okänd", "okänt", "óþekkt"),
    *("tuntematon", "nieznany", "nieznana", "неизвестно", "неизвестный", "неизвестная"),
    *("不明", "未知", "未識別", "未识别"),
)
_BETWEEN = re.compile(r"[\s_\-./\\–—]+")
_SIGNS = re.compile(r"[\s?\-_.*#/\\–—]*")
_NUMBERED = re.compile(r"(.*?)[\s_\-./#]*(?:\d+|[\s_\-][A-Za-z])")
_MOST_TOLD = 10


def means_missing(text: str) -> bool:
    """Whether a text is a program's way to write that there is no value: `NA`, `null`, `NaN`."""
    return _plain(text) in _MISSING


def means_nobody(text: str) -> bool:
    """Whether a label says that nobody knows the animal, such as `unknown`, `NA` or `?`.

    Letter case doesn't count, and `_`, `-`, dots and blanks are alike.
    """
    return means_missing(text) or _without_accents(_plain(text)) in _PLAIN_WORDS


def resembles_nobody(text: str) -> bool:
    """Whether a label is such a word with a number, `unknown 3` or `new_whale_12`, or `-1`.

    Some catalogues give their unnamed animals such numbers, so it stays an individual's name.
    """
    text = text.strip()
    if means_nobody(text):
        return False
    found = _NUMBERED.fullmatch(text)
    is_word_with_number = found is not None and _without_accents(_plain(found[1])) in _PLAIN_WORDS
    return is_word_with_number or re.fullmatch(r"-\d+", text) is not None


def describe_nobody(photos: Iterable[LabelledPhoto]) -> list[str]:
    """Write what was read as nobody, and what only looks like it, with how many photos of each."""
    labels = list(photos)
    read = Counter(one.nobody for one in labels if one.nobody is not None)
    named = Counter(one.individual for one in labels if one.individual is not None)
    alike = Counter({name: count for name, count in named.items() if resembles_nobody(name)})
    told: list[str] = []
    if read:
        told.append(f"read as {NEW_WHALE}, an animal that nobody knows: {_list_counts(read)}")
    if alike:
        told.append(
            "look like words for an animal that nobody knows, but count as individuals' names: "
            f"{_list_counts(alike)}; write {NEW_WHALE} where nobody knows the animal"
        )
    return told


def describe_resembling(name: str | None) -> list[str]:
    """Write that a name only looks like a word for nobody, where it does."""
    if name is None or not resembles_nobody(name):
        return []
    return [
        f"{name!r} looks like a word for an animal that nobody knows, but counts as an "
        "individual's name; undo this where nobody knows the animal"
    ]


def _list_counts(spellings: Counter[str]) -> str:
    counted = [
        f"{spelling!r} ({count:,} photo{'' if count == 1 else 's'})"
        for spelling, count in sorted(spellings.items(), key=lambda one: (-one[1], one[0]))
    ]
    more = len(counted) - _MOST_TOLD
    return ", ".join(counted[:_MOST_TOLD]) + (f" and {more:,} more" if more > 0 else "")


def _plain(text: str) -> str:
    """A label in small letters without what stands between and around its words."""
    text = text.strip().strip("<>()[]#'\"")
    return "" if _SIGNS.fullmatch(text) else _BETWEEN.sub("", text.casefold()).strip("?!*")


def _without_accents(text: str) -> str:
    return "".join(sign for sign in normalize("NFD", text) if not combining(sign))


# How R, pandas, Python, JSON and spreadsheets write that a value is missing.
_MISSING = frozenset({"", "na", "nan", "none", "null"})
_PLAIN_WORDS = frozenset(_without_accents(_plain(word)) for word in _WORDS)
