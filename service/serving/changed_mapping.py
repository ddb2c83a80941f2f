"""A large mapping with a few changes, made without copying it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_SMALL_CHANGE = 1024  # keys that have changed before one dictionary of all is worth its time


class _Gone:
    """In the place of a value: the key is not there any more."""


_GONE = _Gone()


class ChangedMapping(Mapping[_Key, _Value], Generic[_Key, _Value]):
    """What a mapping becomes by changes of a few keys. Never changes; safe from several threads."""

    def __init__(self, base: Mapping[_Key, _Value], changes: Mapping[_Key, _Value | _Gone]) -> None:
        """Use `change_mapping`."""
        self._base = base
        self._changes = changes
        self._size = len(base) + sum(
            (value is not _GONE) - (key in base) for key, value in changes.items()
        )

    def __getitem__(self, key: _Key) -> _Value:
        """The value of a key; raises KeyError where there is none."""
        value = self._changes.get(key, self)
        if isinstance(value, _Gone):
            raise KeyError(key)
        return self._base[key] if value is self else value  # pyright: ignore[reportReturnType]

    def __iter__(self) -> Iterator[_Key]:
        """All keys, in no order."""
        yield from (key for key in self._base if key not in self._changes)
        yield from (key for key, value in self._changes.items() if value is not _GONE)

    def __len__(self) -> int:
        """How many keys are there."""
        return self._size

    def changed(
        self, removed: Iterable[_Key], added: Mapping[_Key, _Value]
    ) -> Mapping[_Key, _Value]:
        """The mapping without the keys removed, and with those added."""
        changes = {**self._changes, **dict.fromkeys(removed, _GONE), **added}
        after = ChangedMapping(self._base, changes)
        if len(changes) > _SMALL_CHANGE + 2 * math.isqrt(len(self._base)):
            return dict(after)
        return after


def change_mapping(
    mapping: Mapping[_Key, _Value], removed: Iterable[_Key], added: Mapping[_Key, _Value]
) -> Mapping[_Key, _Value]:
    """A mapping without the keys removed, and with those added; costs what the changes cost."""
    if not isinstance(mapping, ChangedMapping):
        mapping = ChangedMapping(mapping, {})
    return mapping.changed(removed, added)
