"""What is the same to who searches: upper and lower case, letters with and without accents."""

from __future__ import annotations

import unicodedata

_FIRST_ACCENT, _LAST_ACCENT = "\u0300", "\u036f"
# Letters with a stroke and joined letters, which Unicode takes for letters of their own.
_PLAIN = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "ŋ": "n",
    }
)


def fold_text(text: str) -> str:
    """A text as it is compared: `Ångström` is `angstrom`, `ÉCLAIR` is `eclair`, `Straße` is
    `strasse`.

    Accents of Latin, Greek and Cyrillic letters are left out; the marks of other scripts, which
    make other letters or vowels, stay.
    """
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(
        sign
        for sign in unicodedata.normalize("NFKD", decomposed)
        if not _FIRST_ACCENT <= sign <= _LAST_ACCENT
    )
    return unicodedata.normalize("NFC", plain).translate(_PLAIN)
