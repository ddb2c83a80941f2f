"""Decide which labels mean that nobody knows the animal, the same at every door."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from unicodedata import combining, normalize

from index.labels.labelled_photo import NEW_WHALE, LabelledPhoto

# Alone, or with a word for an animal, they mean nobody.
_UNKNOWN = (
    *(
        "unknown",
        "unk",
        "unkn",
        "not known",
        "nobody",
        "no name",
        "unnamed",
        "not named",
        "nameless",
    ),
    *("no id", "not id", "no id yet", "unid", "un id", "unided", "un id d", "unidentifiable"),
    *("unidentified", "not identified", "not yet identified", "not yet named", "to be identified"),
    *("to be determined", "to be confirmed", "to be named", "tbd", "tbc", "indet", "indeterminate"),
    *("undetermined", "not determined", "undet", "unassigned", "not assigned", "unrecognised"),
    *("unrecognized", "no match", "no match found", "unmatched", "not matched", "not catalogued"),
    *("not cataloged", "uncatalogued", "uncataloged", "not in catalogue", "not in catalog"),
    *("unlabelled", "unlabeled", "not labelled", "not labeled", "no label", "anonymous", "anon"),
    # Spanish
    *("desconocido", "desconocida", "sin identificar", "no identificado", "no identificada"),
    *("indeterminado", "indeterminada", "sin id", "sin nombre", "nadie", "ninguno", "ninguna"),
    # Portuguese
    *("desconhecido", "desconhecida", "não identificado", "não identificada", "sem nome"),
    *("sem identificação", "ninguém", "nenhum", "nenhuma"),
    # French
    *("inconnu", "inconnue", "inconnu e", "non identifié", "non identifiée", "non identifié e"),
    *("indéterminé", "indéterminée", "sans nom", "personne", "aucun", "aucune"),
    # German
    *("unbekannt", "unbekannter", "unbekannte", "unbekanntes", "nicht identifiziert", "niemand"),
    *("unidentifiziert", "nicht bestimmt", "unbestimmt", "namenlos", "keine", "keine angabe"),
    # Italian, Catalan, Galician, Basque, Romanian
    *("sconosciuto", "sconosciuta", "non identificato", "non identificata", "ignoto", "ignota"),
    *("non determinato", "desconegut", "desconeguda", "descoñecido", "ezezaguna"),
    *("necunoscut", "necunoscută", "neidentificat"),
    # Dutch and Afrikaans, the Nordic and Baltic languages
    *("onbekend", "onbekende", "niet bekend", "niet geïdentificeerd", "ongeïdentificeerd"),
    *("ukjent", "ukjend", "ukendt", "okänd", "okänt", "oidentifierad", "uidentificeret"),
    *("uidentifisert", "óþekkt", "óþekktur", "ókunnur", "ókent", "tuntematon", "tundmatu"),
    *("tunnistamaton", "teadmata", "nezināms", "nežinomas", "nežinoma"),
    # Polish, Czech, Slovak, Slovene, Croatian, Hungarian, Turkish, Greek
    *("nieznany", "nieznana", "nieznane", "niezidentyfikowany", "neznámý", "neznámá", "neznámé"),
    *("neznámy", "neznáma", "neznan", "neznana", "nepoznat", "nepoznata", "nepoznato"),
    *("ismeretlen", "azonosítatlan", "bilinmiyor", "bilinmeyen", "άγνωστο", "άγνωστος", "άγνωστη"),
    # Russian, Ukrainian, Serbian
    *("неизвестно", "неизвестный", "неизвестная", "неизвестное", "неизвестен", "неизвестна"),
    *("не опознан", "не определен", "невідомо", "невідомий", "невідома", "непознат", "непозната"),
    # Japanese, Chinese, Korean
    *(
        "不明",
        "未知",
        "未識別",
        "未识别",
        "未確認",
        "未确认",
        "未同定",
        "不詳",
        "미상",
        "미확인",
        "알수없음",
    ),
    # Arabic, Hebrew, Hindi, Thai, Vietnamese, Indonesian, Filipino, Swahili
    *("غير معروف", "مجهول", "לא ידוע", "अज्ञात", "ไม่ทราบ", "không rõ", "chưa xác định"),
    *("không xác định", "tidak diketahui", "tidak dikenal", "belum diketahui", "hindi kilala"),
    *("haijulikani",),
)
# They mean nobody only with a word for an animal: there are animals that are called New.
_NEW = (
    *("new", "nuevo", "nueva", "novo", "nova", "nouveau", "nouvel", "nouvelle", "neu", "neuer"),
    *("neue", "neues", "nuovo", "nuova", "nieuw", "nieuwe", "ny", "nytt", "uusi", "nowy", "nový"),
    *("новый", "новая", "新"),
)
_ANIMALS = (
    *("individual", "animal", "whale", "humpback", "fluke", "dolphin", "porpoise", "shark", "orca"),
    *("seal", "turtle", "manta", "ray", "calf", "juvenile", "adult", "male", "female", "id"),
    *("identity", "identification", "individuo", "indivíduo", "individu", "individuum"),
    *("individ", "ballena", "baleia", "baleine", "balena", "wal", "tier", "walvis", "dier"),
    *("hval", "val", "valas", "hvalur", "wieloryb", "delfin", "delfín", "golfinho"),
    *("dauphin", "кит", "особь", "животное", "個体", "个体"),
)
# How programs other than R, pandas and Python write that a value is missing or can't be computed.
_PROGRAMS = frozenset(
    {
        *("nil", "undefined", "\\n", "(blank)", "(leer)", "(vide)", "(en blanco)", "#n/d"),
        *("#nv", "#ref!", "#value!", "#wert!", "#name?", "#div/0!", "#null!", "#num!", "#bezug!"),
    }
)
# What may be a name, and mostly isn't one.
_LIKE_NOBODY = (
    *("tba", "nn", "nd", "n d", "n k", "unsure", "not sure", "uncertain", "unresolved", "missing"),
    *("blank", "empty", "other", "others", "various", "multiple", "several", "mixed", "xx", "xxx"),
    *("john doe", "jane doe", "untagged", "unclassified", "sp", "spp"),
    *("unkown", "unknwon", "uknown", "unknow", "unknonw", "unknowm", "unidentifed", "undentified"),
    *("unindentified", "unidenified"),
)
_BETWEEN = re.compile(r"[\s_\-./\\()–—]+")
_SIGNS = re.compile(r"[\s?\-_.*#/\\–—]*")
_NUMBERED = re.compile(r"(.*?)[\s_\-./#]*(?:\d+|[\s_\-][A-Za-z])")
_LONGEST_WORDS, _SHORTEST_FIRST = 8, 6
_MOST_TOLD = 10


def means_missing(text: str) -> bool:
    """Whether a text is a program's way to write that there is no value: `NA`, `null`, `#N/A`."""
    text = text.strip()
    return _plain(text) in _MISSING or text.casefold() in _PROGRAMS or text == "NaT"


def means_nobody(text: str) -> bool:
    """Whether a label says that nobody knows the animal, such as `unknown`, `NA` or `?`.

    Letter case doesn't count, and `_`, `-`, dots and blanks are alike.
    """
    return means_missing(text) or _names_nobody(text)


def _names_nobody(text: str) -> bool:
    """Whether a label is a word for nobody, by itself or beside words for an animal."""
    if _without_accents(_plain(text)) in _PLAIN_WORDS:
        return True
    words = [_without_accents(word) for word in _BETWEEN.split(_bare(text).casefold()) if word]
    others = "".join(word for word in words if word not in _PLAIN_ANIMALS)
    is_of_animal = 0 < len(words) <= _LONGEST_WORDS and "".join(words) != others
    return is_of_animal and (
        others in _PLAIN_UNKNOWN or (others in _PLAIN_NEW and "id" not in words)
    )


def resembles_nobody(text: str) -> bool:
    """Whether a label only looks like such a word, so that it stays an individual's name.

    That is one with a number, `unknown 3` or `new_whale_12`, because some catalogues give their
    unnamed animals such numbers; a negative number; a sentence that begins with one; a misspelt
    one; and what may mean nobody, such as `other` or `TBA`.
    """
    text = text.strip()
    if means_nobody(text):
        return False
    found = _NUMBERED.fullmatch(text)
    if found is not None and found[1].strip() and _names_nobody(found[1]):
        return True
    plain = _without_accents(_plain(text))
    first = _without_accents(_BETWEEN.split(_bare(text).casefold())[0])
    begins_so = len(first) >= _SHORTEST_FIRST and first in _PLAIN_UNKNOWN
    return begins_so or plain in _PLAIN_LIKE or re.fullmatch(r"-\d+", text) is not None


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


def describe_resembling(name: str) -> list[str]:
    """Write that a name only looks like a word for nobody, where it does."""
    if not resembles_nobody(name):
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


def _bare(text: str) -> str:
    return text.strip().strip("<>()[]#'\"?!*")


def _plain(text: str) -> str:
    """A label in small letters without what stands between and around its words."""
    text = text.strip().strip("<>()[]#'\"")
    return "" if _SIGNS.fullmatch(text) else _BETWEEN.sub("", text.casefold()).strip("?!*")


def _without_accents(text: str) -> str:
    return "".join(sign for sign in normalize("NFD", text) if not combining(sign))


def _plain_all(words: Iterable[str]) -> frozenset[str]:
    return frozenset(_without_accents(_plain(word)) for word in words)


# How R, pandas, Python, JSON and spreadsheets write that a value is missing.
_MISSING = frozenset({"", "na", "nan", "none", "null"})
_PLAIN_UNKNOWN, _PLAIN_NEW = _plain_all(_UNKNOWN), _plain_all(_NEW)
_PLAIN_ANIMALS, _PLAIN_LIKE = _plain_all(_ANIMALS), _plain_all(_LIKE_NOBODY)
# Also without anything between the words, as in `NewWhale`.
_PLAIN_WORDS = _PLAIN_UNKNOWN | {
    word + animal
    for word in ("unknown", "unidentified", "new")
    for animal in _PLAIN_ANIMALS
    if (word, animal) != ("new", "id")
}
