"""training/splits/protocol.py: the benchmark's protocol, the same for the same seed, through its
file and back.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from index.labels.reader import LabelledPhoto
from training.splits.photo_facts import species_of
from training.splits.protocol import BadSplit, Split, make_split, read_split, write_split


def labelled(counts: dict[str, int], new_whales: int = 0) -> list[LabelledPhoto]:
    """As many photos of each individual as `counts` says."""
    names = [(f"{one}_{at}.jpg", one) for one, count in counts.items() for at in range(count)]
    photos = [LabelledPhoto(name, Path(name), one) for name, one in names]
    return [*photos, *(LabelledPhoto(f"new_{at}.jpg", Path("x"), None) for at in range(new_whales))]


MANY = {
    f"w{at:03}": 1 + at % 5 for at in range(100)
}  # 20 individuals each of 1, 2, 3, 4 and 5 photos


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


def test_a_burst_is_never_divided() -> None:
    """Two encounters an individual, one of three photos and one of two; some were met once."""
    photos = [
        dataclasses.replace(
            photo, encounter=f"{photo.individual} {at % 5 > 2 and photo.individual[-1] < '8'}"
        )
        for at, photo in enumerate(labelled({f"w{at:03}": 5 for at in range(100)}))
        if photo.individual
    ]
    nobody = [
        dataclasses.replace(photo, encounter=f"met {at // 4}")
        for at, photo in enumerate(labelled({}, 40))
    ]
    split = make_split([*photos, *nobody])
    roles: dict[str, set[str]] = defaultdict(set)
    for photo in [*photos, *nobody]:
        roles[photo.encounter or ""].add(split.roles[photo.name])
    assert all(len(found) == 1 for found in roles.values())
    found = roles_of(split, photos)
    assert any(one["known_query"] == 3 for one in found.values())
    assert all(one["fit"] > 0 for one in found.values() if one["known_query"])
    assert all(not one["known_query"] for name, one in found.items() if name[-1] >= "8")
    assert 13 <= len(split.names("unknown_query")) < 40


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
    assert set(read_split(tmp_path / "split.csv", photos[:7]).roles) == {
        photo.name for photo in photos[:7]
    }


def removed(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("w004_2"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (removed, r"no role for 1 of the labelled photos, the first is w004_2\.jpg"),
        (
            lambda text: text.replace("disjoint", "disjunct"),
            "role 'disjunct'; allowed are fit, known_query",
        ),
        (lambda text: text.replace("image,role", "photo,part"), "needs the columns image,role"),
        (lambda text: text + "lonely.jpg\n", "role 'None'; allowed are"),
    ],
)
def test_a_split_file_that_does_not_fit_is_refused(
    change: Callable[[str], str], said: str, tmp_path: Path
) -> None:
    photos = labelled(MANY)
    write_split(make_split(photos), tmp_path / "split.csv")
    (tmp_path / "split.csv").write_text(change((tmp_path / "split.csv").read_text()))
    with pytest.raises(BadSplit, match=said):
        read_split(tmp_path / "split.csv", photos)


def test_an_absent_split_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BadSplit, match=r"split\.csv: there is no such file\. .*`flukeprint data split"
    ):
        read_split(tmp_path / "split.csv", [])


def of_species(species: str, photos: list[LabelledPhoto]) -> list[LabelledPhoto]:
    return [
        dataclasses.replace(
            photo,
            name=f"{species}/{photo.name}",
            individual=photo.individual and f"{species}/{photo.individual}",
            species=species,
        )
        for photo in photos
    ]


def test_a_species_split_is_the_same_whatever_is_beside_it() -> None:
    humpbacks, minkes = labelled(MANY, 30), labelled({f"m{at}": 4 for at in range(20)})
    alone = make_split(humpbacks).roles
    together = make_split([*of_species("humpback", humpbacks), *of_species("minke", minkes)]).roles
    assert {
        name.removeprefix("humpback/"): role for name, role in together.items() if name[0] == "h"
    } == alone
    assert {role for name, role in together.items() if name[0] == "m"} == {
        "fit",
        "known_query",
        "disjoint",
        "unknown_query",
    }


def test_species_of_few_individuals_are_split_together() -> None:
    few = [photo for at in range(6) for photo in of_species(f"s{at}", labelled({f"w{at}": 3}))]
    roles = make_split([*of_species("humpback", labelled(MANY)), *few]).roles
    assert "disjoint" in {role for name, role in roles.items() if name[0] == "s"}


def test_too_few_of_a_species_are_learned_from() -> None:
    few = of_species("minke", labelled({"m": 3, "n": 3}))
    roles = make_split([*of_species("humpback", labelled(MANY)), *few]).roles
    assert {role for name, role in roles.items() if name[0] == "m"} == {"fit"}


def test_an_individual_s_photos_without_a_species_are_not_another_animal() -> None:
    """Blank and misspelt cells: every individual is disjoint, unknown, or in the gallery, never two
    of these.
    """
    photos = [
        dataclasses.replace(photo, species=("humpback", "", "humpback", "humback")[at % 4])
        for at, photo in enumerate(labelled({f"w{at:02}": 4 for at in range(40)}))
    ]
    for found in roles_of(make_split(photos), photos).values():
        assert set(found) in ({"disjoint"}, {"unknown_query"}, {"fit", "known_query"})
    assert set(species_of(photos).values()) == {"humpback"}


def test_a_set_s_part_of_a_run_s_split_is_found(tmp_path: Path) -> None:
    photos = labelled(MANY, 30)
    both = make_split([*of_species("humpback", photos), *of_species("minke", labelled(MANY))])
    write_split(both, tmp_path / "split.csv")
    assert read_split(tmp_path / "split.csv", photos).roles == make_split(photos).roles
    with pytest.raises(BadSplit, match="has no role for 1 of the labelled photos"):
        read_split(tmp_path / "split.csv", [LabelledPhoto("stranger.jpg", Path("x"), "w")])
