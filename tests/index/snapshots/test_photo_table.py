"""A table of photos is the dictionary of them, and what changes make of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedding.photos.photo import Box
from index.snapshots.changed_mapping import ChangedMapping, change_mapping, fold_mapping
from index.snapshots.photo_table import PhotoTable
from index.snapshots.served_photo import ServedPhoto

FOLDER = Path("/season")


def a_photo(number: int) -> ServedPhoto:
    return ServedPhoto(
        f"/season/photos/p{number}.jpg" if number % 5 else f"/elsewhere/p{number}.jpg",
        f"{number:064x}",
        None if number % 7 == 0 else f"w_{number % 11}",
        "humpback" if number % 3 else None,
        f"é{number // 3}",
        f"20{number % 20:02}-06-01" if number % 4 else None,
        Box(0.1, 0.2, 1 / 3, 1.0) if number % 2 else None,
        "catalogued" if number % 6 else "waiting",
        "Vava'u" if number % 9 == 0 else None,
    )


def test_each_photo_is_as_it_was_stored() -> None:
    photos = {f"p{number:03}": a_photo(number) for number in range(100)}
    table = PhotoTable.of(photos.items(), FOLDER)
    assert dict(table.items()) == photos
    assert list(table.values()) == list(photos.values())
    assert list(table) == list(photos)
    assert [table[name] for name in photos] == list(photos.values())
    assert table["p001"].box == (0.1, 0.2, 1 / 3, 1.0)
    assert table.get("p100") is None
    assert "p1" not in table
    with pytest.raises(KeyError):
        table["q"]
    assert len(PhotoTable.of([], FOLDER)) == 0


def test_photos_in_any_order_are_sorted_by_name(rng: np.random.Generator) -> None:
    photos = {f"p{number:03}": a_photo(number) for number in range(100)}
    named = list(photos.items())
    order: list[int] = rng.permutation(100).tolist()
    table = PhotoTable.of((named[at] for at in order), FOLDER)
    assert list(table.items()) == named


def test_a_moved_folder_moves_the_photos_in_it() -> None:
    table = PhotoTable.of([("p1", a_photo(1)), ("p5", a_photo(5))], FOLDER)
    moved = PhotoTable(
        "/ship", table.names, table.paths, table.content_hashes, table.boxes, table.coded
    )
    assert moved["p1"].path == "/ship/photos/p1.jpg"
    assert moved["p5"].path == "/elsewhere/p5.jpg"


def test_any_changes_give_the_dictionary_of_them(rng: np.random.Generator) -> None:
    photos = {f"p{number:03}": a_photo(number) for number in range(0, 300, 2)}
    mapping = change_mapping(PhotoTable.of(photos.items(), FOLDER), [], {})
    for round_ in range(30):
        numbers = [int(each) for each in rng.integers(0, 400, 12)]
        removed = [f"p{number:03}" for number in numbers]
        added = {f"p{number:03}": a_photo(number + round_) for number in numbers[:5]}
        photos = {name: one for name, one in photos.items() if name not in removed} | added
        mapping = change_mapping(mapping, removed, added)
        assert isinstance(mapping, ChangedMapping)
        assert dict(mapping) == dict(mapping.items()) == photos
        assert len(mapping) == len(photos)
        folded = fold_mapping(mapping)
        assert isinstance(folded, PhotoTable)
        assert list(folded.items()) == sorted(photos.items())
        if round_ % 10 == 9:
            mapping = change_mapping(folded, [], {})


def test_very_many_changes_become_a_table() -> None:
    mapping = change_mapping(PhotoTable.of([("p001", a_photo(1))], FOLDER), [], {})
    many = change_mapping(mapping, [], {f"q{number}": a_photo(1) for number in range(5000)})
    assert isinstance(many, PhotoTable)
    assert len(many) == 5001
