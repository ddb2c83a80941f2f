"""training/data/explore.py and what draws and tells it: numbers that can be counted in the head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import read_photo
from index.labels.reader import BadLabels, LabelledPhoto, read_labels
from training.data.contact_sheets import draw_sheet, labels_for_sheets
from training.data.explore import Exploration, explore_set, photos_per_label, time_coverage
from training.data.explore_figures import draw_figures
from training.data.explore_page import exploration_lines, exploration_page


def photo(name: str, individual: str | None, taken_at: str | None = None) -> LabelledPhoto:
    return LabelledPhoto(name, Path(name), individual, taken_at=taken_at)


@pytest.fixture
def found(tmp_path: Path) -> Exploration:
    """Three photos of w_1 (humpback), one of w_2 (fin), one new_whale and one that can't be
    read.
    """
    rng = np.random.default_rng(1)
    rows = [
        "image,label,species,encounter,taken_at,region",
        "a.png,w_1,humpback,e1,2018-06-01T10:00:00,Bay",
        "b.png,w_1,humpback,e2,2019-07-02",
        "c.png,w_1,humpback,e2,2019",
        "d.png,w_2,fin,,",
        "e.png,new_whale,humpback,,",
        "gone.png,w_3,fin,,",
        "bad.png,w_2,fin,,",
    ]
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    for at, name in enumerate("abcde"):
        Image.fromarray(rng.integers(0, 256, (20 + at, 30, 3), np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    (tmp_path / "bad.png").write_bytes(b"")
    return explore_set(read_labels(tmp_path / "labels.csv", tmp_path, absent="skip"), tmp_path)


def test_labels_species_and_times_are_counted(found: Exploration) -> None:
    assert found.per_label == {"w_1": 3, "w_2": 2}
    assert (found.new_whale, found.single_photo_labels, found.encounters) == (1, 0, 2)
    assert (found.photos_with_region, found.regions) == (1, 1)
    assert found.species == {"humpback": (4, 1), "fin": (2, 1)}
    assert found.time is not None
    assert (found.time.by_label, found.time.by_file, found.time.first, found.time.last) == (
        3,
        0,
        "2018-06-01",
        "2019-07-02",
    )
    assert found.time.per_year == {2018: 1, 2019: 2} and found.time.per_month == {6: 1, 7: 1}
    assert found.time.labels_on_several_days == 1
    assert [name for name, _ in found.unread] == ["bad.png"]
    assert "gone.png" in found.warnings[0]


def test_channels_are_those_of_a_naive_loop(found: Exploration) -> None:
    pixels = [np.asarray(read_photo(found.folder / f"{name}.png")) / 255 for name in "abcde"]
    means = np.mean([each.mean(axis=(0, 1)) for each in pixels], axis=0)
    squares = np.mean([(each**2).mean(axis=(0, 1)) for each in pixels], axis=0)
    np.testing.assert_allclose(found.channel_means, means, atol=1e-12)
    np.testing.assert_allclose(found.channel_deviations, np.sqrt(squares - means**2), atol=1e-12)


def test_times_of_files_count_where_labels_say_nothing() -> None:
    photos = [photo("a", "w_1", "2018-06-01"), photo("b", "w_1"), photo("c", None)]
    time = time_coverage(
        photos, {"a": "2001-01-01T00:00:00", "b": "2018-06-01T09:00:00", "c": None}
    )
    assert time is not None
    assert (time.by_label, time.by_file, time.per_year, time.labels_on_several_days) == (
        1,
        1,
        {2018: 2},
        0,
    )
    assert time_coverage([photo("c", None)], {}) is None


def test_labels_come_most_photographed_first_and_equal_ones_by_name() -> None:
    photos = [photo("1", "b"), photo("2", "a"), photo("3", "c"), photo("4", "c"), photo("5", None)]
    assert list(photos_per_label(photos).items()) == [("c", 2), ("a", 1), ("b", 1)]
    assert labels_for_sheets(photos, 2, ["b", "new_whale"]) == ["b", "new_whale", "c", "a"]
    with pytest.raises(BadLabels, match="--label d: no photo has it"):
        labels_for_sheets(photos, 2, ["d"])


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "w_1").mkdir()
    (tmp_path / "w_1" / "a.jpg").write_bytes(b"")
    with pytest.raises(
        BadLabels, match="none of the 1 labelled photos can be read: the file is empty"
    ):
        explore_set(read_labels(None, tmp_path), tmp_path)


def test_figures_sheets_and_page(found: Exploration, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shown = draw_figures(found, out)
    assert set(shown) == {
        "photos-per-label.png",
        "species.png",
        "time.png",
        "tones.png",
        "sizes.png",
    }
    sheet = draw_sheet("w_2", found.photos, out / "sheet-01.png")  # one of its photos can't be read
    for name in (*shown, "sheet-01.png"):
        with Image.open(out / name) as drawn:
            assert drawn.format == "PNG" and drawn.width >= 50
    figures = {name: (shows, (out / name).read_bytes()) for name, shows in shown.items()}
    page = exploration_page(found, figures, {"w_2": sheet}).decode()
    assert page.count("data:image/png;base64,") == 5 and page.count("data:image/jpeg;base64,") == 1
    lines = dict(exploration_lines(found))
    assert lines["photos"] == "6: 5 of 2 labels, and 1 of new_whale, which counts in no label"
    assert lines["per label"] == "2 to 3 photos, median 2, mean 2.5"
    assert lines["species"] == "2: humpback (4 photos of 1 labels), fin (2 photos of 1 labels)"
    assert lines["seen again"] == "1 labels on more than one day"
    assert lines["unreadable"].startswith("1 photos")
    assert lines["region"] == "1 photos, by their labels, of 1 regions" and "Bay" not in page
    assert json.loads(json.dumps(found.to_json()))["labels_by_photos"] == {"2": 1, "3": 1}


def test_a_sheet_holds_24_of_many(tmp_path: Path) -> None:
    names = [f"{at:02}.png" for at in range(40)]
    for name in names:
        Image.new("RGB", (20, 10), "green").save(tmp_path / name)
    photos = [LabelledPhoto(name, tmp_path / name, "w_1") for name in names]
    assert draw_sheet("w_1", photos, tmp_path / "s.png").height < 300  # four rows, not seven
    assert draw_sheet("w_1", photos[:1], tmp_path / "s.png").height < 80


def test_many_labels_of_many_photos_are_drawn_as_a_histogram(
    tmp_path: Path, found: Exploration
) -> None:
    from training.data.explore_figures import draw_labels

    draw_labels({f"w_{at}": 1 + at**2 for at in range(40)}, tmp_path / "many.png")
    assert (tmp_path / "many.png").stat().st_size > 10_000
