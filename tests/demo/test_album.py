from __future__ import annotations

import csv
from pathlib import Path

import pytest

from demo.album import MARK, Album, DemoError, draw_album, prepare_folder
from index.labels.reader import read_labels


def _draw(
    folder: Path, *, individuals: int = 3, photos: int = 2, queries: int = 2, unknown: int = 1
) -> Album:
    return draw_album(
        folder,
        individuals=individuals,
        photos=photos,
        queries=queries,
        unknown=unknown,
        advance=lambda steps: None,
    )


def test_an_album_holds_each_whale_and_the_one_reader_of_labels_takes_it(tmp_path: Path) -> None:
    album = _draw(tmp_path / "out")
    labels = read_labels(album.labels, album.photos)
    assert [(photo.name, photo.individual) for photo in labels.photos] == [
        (f"w_drawn_0{whale}_{number}.jpg", f"w_drawn_0{whale}")
        for whale in range(3)
        for number in (1, 2)
    ]
    assert all(
        photo.path.is_file() and photo.encounter and photo.taken_at for photo in labels.photos
    )
    assert labels.warnings == ()


def test_questions_are_new_photos_of_known_whales_and_of_one_unknown(tmp_path: Path) -> None:
    album = _draw(tmp_path)
    assert sorted(str(query.individual) for query in album.queries) == [
        "None",
        "w_drawn_00",
        "w_drawn_01",
    ]
    catalogue = {path.read_bytes() for path in album.photos.iterdir()}
    asked = {query.photo.read_bytes() for query in album.queries}
    assert len(asked) == 3
    assert not asked & catalogue


def test_a_photo_does_not_depend_on_what_else_is_drawn(tmp_path: Path) -> None:
    small, large = _draw(tmp_path / "small"), _draw(tmp_path / "large", individuals=4, photos=3)
    name = "w_drawn_02_2.jpg"
    assert (small.photos / name).read_bytes() == (large.photos / name).read_bytes()


@pytest.mark.parametrize(
    ("individuals", "queries", "asked"),
    [(4, 2, [0, 2]), (3, 5, [0, 0, 1, 1, 2]), (2, 0, [])],
)
def test_questions_are_spread_over_the_whales(
    tmp_path: Path, individuals: int, queries: int, asked: list[int]
) -> None:
    album = _draw(tmp_path, individuals=individuals, photos=1, queries=queries, unknown=0)
    assert [query.individual for query in album.queries] == [
        f"w_drawn_{whale:02d}" for whale in asked
    ]
    assert len({query.photo.read_bytes() for query in album.queries}) == queries


def test_every_photo_is_reported_as_progress(tmp_path: Path) -> None:
    steps: list[int] = []
    draw_album(tmp_path, individuals=2, photos=2, queries=1, unknown=1, advance=steps.append)
    assert sum(steps) == 2 * 2 + 1 + 1


def test_drawing_again_replaces_what_the_demo_left(tmp_path: Path) -> None:
    _draw(tmp_path, individuals=4)
    (tmp_path / "catalogue.db-wal").write_bytes(b"old")
    album = _draw(tmp_path, individuals=2)
    with album.labels.open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(list(album.photos.iterdir())) == 4
    assert not (tmp_path / "catalogue.db-wal").exists()


def test_a_folder_of_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "photos" / "mine.jpg"
    mine.parent.mkdir()
    mine.write_bytes(b"precious")
    with pytest.raises(DemoError, match=r"no earlier demo made.*name another folder"):
        prepare_folder(tmp_path)
    assert mine.read_bytes() == b"precious"
    assert not (tmp_path / MARK).exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(DemoError, match="is a file; name a folder"):
        prepare_folder(tmp_path / "out")


def test_what_a_served_demo_left_beside_its_catalogue_goes(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    (tmp_path / "catalogue.db").write_bytes(b"old")
    (tmp_path / "catalogue.db.jobs" / "uploads").mkdir(parents=True)
    (tmp_path / "catalogue.db.jobs" / "uploads" / "a.zip").write_bytes(b"old")
    (tmp_path / "photos").mkdir()
    prepare_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MARK]
