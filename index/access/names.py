"""Names of keys and accounts: the log of changes says by them who did what."""

from __future__ import annotations

import re
import unicodedata

LOCAL = "local"  # who is named where no key was asked for
_NAME = re.compile(r"[^\W_][\w .@+'’-]{0,63}")


def name_fault(name: str) -> str | None:
    """Why nobody can be called so, as the rest of a sentence; None where the name is good."""
    if fold_name(name) == LOCAL:
        return "stands in the log for whoever used the service without a key; choose another name"
    if not _NAME.fullmatch(name):
        return (
            "can't be a name; a name has 1 to 64 letters, digits, spaces and . _ @ + ' -, and "
            "starts with a letter or digit"
        )
    return None


def fold_name(name: str) -> str:
    """The form in which two names are the same to a reader: composed, without case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
