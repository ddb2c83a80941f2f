"""Texts without the places of the service's own files, which clients have no business to know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from starlette.requests import Request

from service.settings import Settings


class OwnPaths:
    """Replaces the service's own folders and database in texts for clients.

    A folder's name may tell a place, and all of them tell how the machine is set up.
    """

    def __init__(self, settings: Settings) -> None:
        self._words: dict[str, str] = {}
        if isinstance(settings.address, Path):
            self._add(settings.address, "the catalogue")
            self._add_folder(settings.address.parent)
        else:
            self._words[str(settings.address)] = "the catalogue"
        for folder in (settings.files, settings.job_photos, settings.checkpoints):
            if folder is not None:
                self._add_folder(folder)
        if settings.checkpoint is not None:
            self._add(settings.checkpoint, settings.checkpoint.name)
        self._longest_first = sorted(self._words, key=len, reverse=True)

    def hide(self, text: str) -> str:
        """The text, with files named from the catalogue's folder on."""
        for words in self._longest_first:
            text = text.replace(words, self._words[words])
        return text

    def hide_in(self, value: Any) -> Any:
        """The same for every text of a JSON value."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            items = cast("dict[str, Any]", value).items()
            return {name: self.hide_in(one) for name, one in items}
        if isinstance(value, list):
            return [self.hide_in(one) for one in cast("list[Any]", value)]
        return value

    def _add(self, path: Path, word: str) -> None:
        self._words |= {str(path.absolute()): word, str(path.resolve()): word}
        if len(path.parts) > 1:
            self._words[str(path)] = word

    def _add_folder(self, folder: Path) -> None:
        for one in (folder, folder.absolute(), folder.resolve()):
            if len(one.parts) > 1:  # neither the root nor the working folder
                self._words |= {f"{one}/": "", str(one): "the service's folder"}


def hiding_paths(request: Request) -> Callable[[Any], Any]:
    """What a request's answer is to be passed through; nothing where there are no settings."""
    own = getattr(request.app.state, "own_paths", None)
    return own.hide_in if isinstance(own, OwnPaths) else _unchanged


def _unchanged(value: Any) -> Any:
    return value
