"""training/splits.py: the benchmark's protocol, the same for the same seed, through its file and back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from index.labels import LabelledPhoto
from training.splits import BadSplit, Split, make_split, read_split, write_split


def labelled(counts: dict[str, int], new_whales: int = 0) -> list[LabelledPhoto]:
    """As many photos of each individual as `counts` says."""
    names = [(f"{one}_{at}.jpg", one) for one, count in counts.items() for at in range(count)]
    photos = [LabelledPhoto(name, Path(name), one) for name, one in names]
    return [*photos, *(LabelledPhoto(f"new_{at}.jpg", Path("x"), None) for at in range(new_whales))]


MANY = {f"w{at:03}": 1 + at % 5 for at in range(100)}  # 20 individuals each of 1, 2, 3, 4 and 5 photos


def roles_of(split: Split, photos: list[LabelledPhoto]) -> dict[str, Counter[str]]:
    """How many photos of each individual have each role."""
    roles: dict[str, Counter[str]] = defaultdict(Counter)
    for photo in photos:
        roles[photo.individual or "new_whale"][split.roles[photo.name]] += 1
    return roles


def test_every_photo_has_one_role() -> None:
    photos = labelled(MANY, 30)
    assert set(make_split(photos).roles) == {photo.name for photo in photos}


def test_a_fifth_of_the_individuals_is_disjoint_with_all_photos() -> None:
    photos = labelled(MANY, 30)
    roles = roles_of(make_split(photos), photos)
    disjoint = {one for one, found in roles.items() if found["disjoint"]}
    assert len(disjoint) == 20
    assert all(roles[one] == {"disjoint": MANY[one]} for one in disjoint)


def test_every_other_individual_of_three_photos_has_one_known_query() -> None:
    photos = labelled(MANY, 30)
    roles = roles_of(make_split(photos), photos)
    for one, found in roles.items():
        if one != "new_whale" and not found["disjoint"]:
            queries = 1 if MANY[one] >= 3 else 0
            assert found == Counter(fit=MANY[one] - queries, known_query=queries) - Counter()


def test_a_third_of_the_new_whales_are_unknown_queries() -> None:
    photos = labelled(MANY, 31)
    assert roles_of(make_split(photos), photos)["new_whale"] == {"unknown_query": 10, "fit": 21}


def test_without_new_whales_fifteen_percent_of_the_individuals_are() -> None:
    photos = labelled(MANY)
    roles = roles_of(make_split(photos), photos)
    unknown = {one for one, found in roles.items() if found["unknown_query"]}
    assert len(unknown) == 15
    assert all(roles[one] == {"unknown_query": MANY[one]} for one in unknown)
    assert sum(bool(found["disjoint"]) for found in roles.values()) == 20


def test_the_share_of_a_validation_split_is_smaller() -> None:
    photos = labelled(MANY)
    roles = roles_of(make_split(photos, share=0.08), photos)
    assert sum(bool(found["disjoint"]) for found in roles.values()) == 8
    assert sum(bool(found["unknown_query"]) for found in roles.values()) == 6


def test_a_split_hangs_on_its_seed_and_not_on_the_order_of_photos() -> None:
    photos = labelled(MANY, 30)
    assert make_split(photos, 5) == make_split(photos[::-1], 5)
    assert make_split(photos, 5) != make_split(photos, 6)


def test_names_of_a_role_are_sorted() -> None:
    split = Split({"b": "fit", "a": "fit", "c": "disjoint", "d": "known_query"})
    assert split.names("fit", "known_query") == ["a", "b", "d"]


def test_too_few_individuals_are_refused() -> None:
    with pytest.raises(BadSplit, match="3 individuals can't be split; at least 4"):
        make_split(labelled({"a": 9, "b": 9, "c": 9}, 50))
    assert len(make_split(labelled(dict.fromkeys("abcd", 3))).names("disjoint")) == 6


def test_a_split_comes_back_from_its_file(tmp_path: Path) -> None:
    photos = labelled(MANY, 30)
    split = make_split(photos)
    write_split(split, tmp_path / "split.csv")
    lines = (tmp_path / "split.csv").read_text().splitlines()
    assert lines[0] == "image,role" and lines[1:] == sorted(lines[1:])
    assert read_split(tmp_path / "split.csv", photos) == split


def test_a_part_of_the_photos_reads_its_part_of_the_split(tmp_path: Path) -> None:
    photos = labelled(MANY)
    write_split(make_split(photos), tmp_path / "split.csv")
    assert set(read_split(tmp_path / "split.csv", photos[:7]).roles) == {photo.name for photo in photos[:7]}


def removed(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("w004_2"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (removed, r"no role for 1 of the labelled photos, the first is w004_2\.jpg"),
        (lambda text: text.replace("disjoint", "disjunct"), "role 'disjunct'; allowed are fit, known_query"),
        (lambda text: text.replace("image,role", "photo,part"), "needs the columns image,role"),
        (lambda text: text + "lonely.jpg\n", "role 'None'; allowed are"),
    ],
)
def test_a_split_file_that_does_not_fit_is_refused(change: Callable[[str], str], said: str, tmp_path: Path) -> None:
    photos = labelled(MANY)
    write_split(make_split(photos), tmp_path / "split.csv")
    (tmp_path / "split.csv").write_text(change((tmp_path / "split.csv").read_text()))
    with pytest.raises(BadSplit, match=said):
        read_split(tmp_path / "split.csv", photos)


def test_an_absent_split_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSplit, match=r"split\.csv can't be read"):
        read_split(tmp_path / "split.csv", [])
