"""A large mapping with a few changes, made without copying it."""

from __future__ import annotations

import math
from collections.abc import Collection, ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any, Generic, TypeVar, cast

from index.snapshots.photo_table import PhotoTable

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_SMALL_CHANGE = 1024  # keys that have changed before one mapping of all is worth its time
_MOST_CHANGED = 4  # times as many, where another thread may make that mapping before


class _Gone:
    """In the place of a value: the key is not there any more."""


_GONE = _Gone()


class ChangedMapping(Mapping[_Key, _Value], Generic[_Key, _Value]):
    """What a mapping becomes by changes of a few keys. Never changes; safe from several threads."""

    def __init__(
        self, base: Mapping[_Key, _Value], changes: Mapping[_Key, _Value | _Gone], size: int
    ) -> None:
        """Use `change_mapping`."""
        self.base = base
        self._changes = changes
        self._size = size

    def __getitem__(self, key: _Key) -> _Value:
        """The value of a key; raises KeyError where there is none."""
        value = self._changes.get(key, self)
        if isinstance(value, _Gone):
            raise KeyError(key)
        return self.base[key] if value is self else value  # pyright: ignore[reportReturnType]

    def __contains__(self, key: object) -> bool:
        """Whether a key is there; its value is not looked up."""
        value = self._changes.get(cast("_Key", key), self)
        return key in self.base if value is self else value is not _GONE

    def __iter__(self) -> Iterator[_Key]:
        """All keys, in no order."""
        return (key for key, _ in self.pairs())

    def __len__(self) -> int:
        """How many keys are there."""
        return self._size

    def values(self) -> ValuesView[_Value]:
        """All values, in the order of keys; none is looked up."""
        return _Values(self)

    def items(self) -> ItemsView[_Key, _Value]:
        """All keys with their values; none is looked up."""
        return _Items(self)

    def pairs(self) -> Iterator[tuple[_Key, _Value]]:
        """All keys with their values, in no order."""
        for key, value in self.base.items():
            if key not in self._changes:
                yield key, value
        for key, value in self._changes.items():
            if not isinstance(value, _Gone):
                yield key, value

    @property
    def changed_keys(self) -> Collection[_Key]:
        """The keys whose values may differ from those of `base`, or that are gone."""
        return self._changes.keys()

    def changed(
        self, removed: Iterable[_Key], added: Mapping[_Key, _Value]
    ) -> Mapping[_Key, _Value]:
        """The mapping without the keys removed, and with those added."""
        new: dict[_Key, _Value | _Gone] = {**dict.fromkeys(removed, _GONE), **added}
        more = sum((value is not _GONE) - (key in self) for key, value in new.items())
        after = ChangedMapping(self.base, {**self._changes, **new}, self._size + more)
        most = _SMALL_CHANGE + 2 * math.isqrt(len(self.base))
        if isinstance(self.base, PhotoTable):
            most *= _MOST_CHANGED
        return fold_mapping(after) if len(after._changes) > most else after

    def folded(self) -> Mapping[_Key, _Value]:
        """One mapping of all. Takes time in proportion to them."""
        if not isinstance(self.base, PhotoTable):
            return dict(self.items())
        removed = {key for key, value in self._changes.items() if isinstance(value, _Gone)}
        added = {key: value for key, value in self._changes.items() if key not in removed}
        return cast("Any", self.base.changed(cast("Any", removed), cast("Any", added)))


class _Values(ValuesView[_Value]):
    def __init__(self, mapping: ChangedMapping[Any, _Value]) -> None:
        super().__init__(mapping)
        self._pairs = mapping.pairs

    def __iter__(self) -> Iterator[_Value]:
        return (value for _, value in self._pairs())


class _Items(ItemsView[_Key, _Value]):
    def __init__(self, mapping: ChangedMapping[_Key, _Value]) -> None:
        super().__init__(mapping)
        self._pairs = mapping.pairs

    def __iter__(self) -> Iterator[tuple[_Key, _Value]]:
        return self._pairs()


def change_mapping(
    mapping: Mapping[_Key, _Value], removed: Iterable[_Key], added: Mapping[_Key, _Value]
) -> Mapping[_Key, _Value]:
    """A mapping without the keys removed, and with those added; costs what the changes cost."""
    if not isinstance(mapping, ChangedMapping):
        mapping = ChangedMapping(mapping, {}, len(mapping))
    return mapping.changed(removed, added)


def fold_mapping(mapping: Mapping[_Key, _Value]) -> Mapping[_Key, _Value]:
    """The same mapping without traces of changes. Takes time in proportion to it."""
    return mapping.folded() if isinstance(mapping, ChangedMapping) else mapping
