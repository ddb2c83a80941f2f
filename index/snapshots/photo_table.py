"""All photos of a catalogue by name, in columns, so that they lie in a few arrays."""

from __future__ import annotations

import bisect
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import ItemsView as AnyItemsView
from collections.abc import ValuesView as AnyValuesView
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedding.photos.photo import Box
from index.search.rows.texts import Texts
from index.snapshots.served_photo import CODED, PhotoColumns, ServedPhoto


@dataclass(frozen=True, eq=False, slots=True)
class CodedTexts:
    """A column of texts of which many are equal: text i is `texts[codes[i]]`, None where -1."""

    codes: NDArray[np.int32]  # (m,)
    texts: Texts

    @classmethod
    def of(cls, column: Iterable[str | None]) -> CodedTexts:
        """Store a column."""
        numbers: dict[str | None, int] = {None: -1}
        codes = [numbers.setdefault(text, len(numbers) - 1) for text in column]
        return cls(
            np.array(codes, np.int32), Texts.of(text for text in numbers if text is not None)
        )

    def __getitem__(self, row: int) -> str | None:
        """The text of a row."""
        code = int(self.codes[row])
        return None if code < 0 else self.texts[code]

    def __iter__(self) -> Iterator[str | None]:
        """All of them; equal ones are one object."""
        texts: list[str | None] = [*self.texts, None]  # -1 is the last
        codes: list[int] = self.codes.tolist()
        return (texts[code] for code in codes)

    def take(self, rows: NDArray[np.int64]) -> CodedTexts:
        """The texts of rows, in the order that is given."""
        return CodedTexts(self.codes[rows], self.texts)

    def joined(self, other: CodedTexts) -> CodedTexts:
        """These, and then another column's. A text that only the other has is added."""
        numbers = {text: code for code, text in enumerate(self.texts)}
        known = len(numbers)
        own = [numbers.setdefault(text, len(numbers)) for text in other.texts]
        codes = np.array([*own, -1], np.int32)[other.codes]
        texts = self.texts.joined(Texts.of(list(numbers)[known:]))
        return CodedTexts(np.concatenate([self.codes, codes]), texts)


class _Values(AnyValuesView[ServedPhoto]):
    def __init__(self, table: PhotoTable) -> None:
        super().__init__(table)
        self._table = table

    def __iter__(self) -> Iterator[ServedPhoto]:
        return self._table.rows()


class _Items(AnyItemsView[str, ServedPhoto]):
    def __init__(self, table: PhotoTable) -> None:
        super().__init__(table)
        self._table = table

    def __iter__(self) -> Iterator[tuple[str, ServedPhoto]]:
        return zip(self._table.names, self._table.rows(), strict=True)


@dataclass(frozen=True, eq=False, slots=True)
class PhotoTable(Mapping[str, ServedPhoto]):
    """Photos by name, sorted. Never changes; a row becomes a record when it is asked for.

    `paths` are as the catalogue has them: relative ones are within `folder`. `boxes` (m, 4) are NaN
    where a photo has none; `coded` has a column for each of CODED.
    """

    folder: str
    names: Texts
    paths: Texts
    content_hashes: Texts
    boxes: NDArray[np.float64]
    coded: Mapping[str, CodedTexts]

    @classmethod
    def of(cls, photos: Iterable[tuple[str, ServedPhoto]], folder: Path) -> PhotoTable:
        """Store photos in any order; `folder` is their catalogue's."""
        columns = PhotoColumns([], [], [], [], tuple([] for _ in CODED))
        for name, photo in photos:
            columns.names.append(name)
            columns.paths.append(str(photo.path))
            columns.content_hashes.append(photo.content_hash)
            columns.boxes.append(photo.box)
            for column, text in zip(columns.coded, _coded(photo), strict=True):
                column.append(text)
        return cls.of_columns(columns, folder)

    @classmethod
    def of_columns(cls, columns: PhotoColumns, folder: Path) -> PhotoTable:
        """Store photos in any order; `folder` is their catalogue's."""
        within = f"{folder}{os.sep}"
        boxes = np.full((len(columns.names), 4), np.nan)
        has_box = [row for row, box in enumerate(columns.boxes) if box is not None]
        if has_box:
            boxes[has_box] = [columns.boxes[row] for row in has_box]
        table = cls(
            str(folder),
            Texts.of(columns.names),
            Texts.of(path.removeprefix(within) for path in columns.paths),
            Texts.of(columns.content_hashes),
            boxes,
            {
                name: CodedTexts.of(column)
                for name, column in zip(CODED, columns.coded, strict=True)
            },
        )
        order = sorted(range(len(table)), key=columns.names.__getitem__)
        return table._taken(np.array(order, np.int64))

    def __len__(self) -> int:
        """How many photos there are."""
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        """Their names, sorted."""
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        """Whether there is a photo of that name."""
        return isinstance(name, str) and self.row_of(name) is not None

    def __getitem__(self, name: str) -> ServedPhoto:
        """A photo; raises KeyError where there is none of that name."""
        row = self.row_of(name)
        if row is None:
            raise KeyError(name)
        facts = [self.coded[one][row] for one in CODED]
        return self._photo(self.paths[row], self.content_hashes[row], self.boxes[row], facts)

    def values(self) -> AnyValuesView[ServedPhoto]:
        """All photos, by name; none is looked up."""
        return _Values(self)

    def items(self) -> AnyItemsView[str, ServedPhoto]:
        """All photos with their names; none is looked up."""
        return _Items(self)

    def rows(self) -> Iterator[ServedPhoto]:
        """All photos, by name."""
        coded = zip(*(self.coded[name] for name in CODED), strict=True)
        columns = zip(self.paths, self.content_hashes, self.boxes, coded, strict=True)
        return (self._photo(*of_photo) for of_photo in columns)

    def row_of(self, name: str) -> int | None:
        """The row of a name; None where there is none."""
        row = bisect.bisect_left(self.names, name)
        return row if row < len(self.names) and self.names[row] == name else None

    def rows_of(self, names: Iterable[str]) -> NDArray[np.int64]:
        """The rows of sorted names, -1 where there is none. Goes through the table once."""
        own = enumerate(self.names)
        row, at = next(own, (-1, None))
        rows = list[int]()
        for name in names:
            while at is not None and at < name:
                row, at = next(own, (-1, None))
            rows.append(row if at == name else -1)
        return np.array(rows, np.int64)

    def changed(self, removed: Collection[str], added: Mapping[str, ServedPhoto]) -> PhotoTable:
        """The table without photos `removed`, and with those `added`, which may replace others."""
        gone = {*removed, *added}
        rows = [row for name in gone if (row := self.row_of(name)) is not None]
        kept = np.delete(np.arange(len(self)), rows)
        more = PhotoTable.of(sorted(added.items()), Path(self.folder))
        places = [bisect.bisect_left(self.names, name) for name in more.names]
        before = np.searchsorted(kept, np.array(places, np.int64))
        joined = PhotoTable(
            self.folder,
            self.names.joined(more.names),
            self.paths.joined(more.paths),
            self.content_hashes.joined(more.content_hashes),
            np.concatenate([self.boxes, more.boxes]),
            {name: self.coded[name].joined(more.coded[name]) for name in CODED},
        )
        return joined._taken(np.insert(kept, before, len(self) + np.arange(len(more))))

    def _taken(self, order: NDArray[np.int64]) -> PhotoTable:
        """The table of some rows, in the order that is given."""
        return PhotoTable(
            self.folder,
            self.names.take(order),
            self.paths.take(order),
            self.content_hashes.take(order),
            self.boxes[order],
            {name: column.take(order) for name, column in self.coded.items()},
        )

    def _photo(
        self,
        path: str,
        content_hash: str,
        box: NDArray[np.float64],
        facts: Sequence[str | None],
    ) -> ServedPhoto:
        individual, species, encounter, taken_at, state, region = facts
        return ServedPhoto(
            path if path.startswith(os.sep) else f"{self.folder}{os.sep}{path}",
            content_hash,
            individual,
            species,
            encounter,
            taken_at,
            None if box[0] != box[0] else Box(*box.tolist()),
            state or "",
            region,
        )


def _coded(photo: ServedPhoto) -> tuple[str | None, ...]:
    """The facts of a photo in the order of CODED."""
    return (
        photo.individual,
        photo.species,
        photo.encounter,
        photo.taken_at,
        photo.state,
        photo.region,
    )
