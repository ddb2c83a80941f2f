"""An export before it is written: its files by name, and the photos that go with them."""

from __future__ import annotations

from dataclasses import dataclass

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import CataloguePhoto


class BadExport(FlukeprintError):
    """An export that can't be made as asked."""


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be written: files by name, and the photos by the names that they get.

    `left_out` says of photos why they can't be exported; names start from the top of the export.
    """

    texts: dict[str, str | bytes]
    photos: dict[str, CataloguePhoto]
    left_out: tuple[tuple[str, str], ...] = ()
