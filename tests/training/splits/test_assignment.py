"""training/splits/assignment.py: the kinds of split keep their promises, whatever the labels
are.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from index.labels.reader import LabelledPhoto
from training.splits.assignment import Kind, SplitChoices, make_parts
from training.splits.by_time import BadSplit
from training.splits.checks import run_checks
from training.splits.parts_file import parted_bytes
from training.splits.stratified import BadShares, Shares

KINDS: tuple[Kind, ...] = ("closed-set", "open-set", "identity-disjoint")
DAY = "2020-{:02}-{:02}"


def photo(
    name: str, individual: str | None, encounter: str | None = None, taken_at: str | None = None
) -> LabelledPhoto:
    return LabelledPhoto(name, Path(name), individual, encounter=encounter, taken_at=taken_at)


MANY = [photo(f"w{at:03}_{one}", f"w{at:03}") for at in range(100) for one in range(1 + at % 5)]
NEW = [photo(f"new{at:02}", None) for at in range(50)]
MET = [  # 60 individuals, met four times each, on days that no two encounters share
    photo(
        f"w{at:02}_{time}_{one}",
        f"w{at:02}",
        f"e{at:02}_{time}",
        DAY.format(1 + 3 * time + at % 3, 1 + at // 3),
    )
    for at in range(60)
    for time in range(4)
    for one in range(2)
]


def individuals(photos: list[LabelledPhoto], parts: dict[str, str], part: str) -> set[str | None]:
    return {one.individual for one in photos if parts[one.name] == part}


def test_a_closed_set_is_divided_photo_by_photo() -> None:
    made = make_parts([*MANY, *NEW], SplitChoices())
    counts = Counter(
        made.parts[one.name]
        for one in MANY
        if one.name[:4] in {f"w{at:03}" for at in range(4, 100, 5)}
    )
    assert counts == {"train": 60, "validation": 20, "test": 20}  # the individuals of five photos
    assert {made.parts[one.name] for one in NEW} == {"train"}
    assert set(made.roles.values()) == {"fit", "known_query"}


def test_an_open_set_holds_strangers_and_a_share_of_the_new_whales() -> None:
    made = make_parts([*MANY, *NEW], SplitChoices(kind="open-set", unknown_share=0.2))
    assert Counter(made.parts[one.name] for one in NEW) == {
        "train": 30,
        "validation": 10,
        "test": 10,
    }
    strangers = {one.individual for one in MANY if made.roles[one.name] == "unknown_query"}
    assert len(strangers) == 16  # a fifth of the 80 that are seen more than once
    for one in MANY:
        if one.individual in strangers:
            assert made.roles[one.name] == "unknown_query"
    assert {made.roles[one.name] for one in NEW if made.parts[one.name] == "test"} == {
        "unknown_query"
    }


def test_identity_disjoint_individuals_are_whole_and_of_every_abundance() -> None:
    made = make_parts(MANY, SplitChoices(kind="identity-disjoint"))
    of = {
        part: individuals(MANY, dict(made.parts), part) for part in ("train", "validation", "test")
    }
    assert [len(of[part]) for part in ("train", "validation", "test")] == [68, 16, 16]
    assert Counter(sum(one.individual == each for one in MANY) > 3 for each in of["test"]) == {
        False: 8,
        True: 8,
    }
    assert set(made.roles.values()) == {"fit", "disjoint"}


def test_an_individual_met_once_is_learned_from_however_many_photos_that_left() -> None:
    once = [photo(f"o{at}_{one}", f"o{at}", f"once{at}") for at in range(20) for one in range(3)]
    for kind in KINDS:
        made = make_parts([*MET, *once], SplitChoices(kind=kind))
        assert {made.parts[one.name] for one in once} == {"train"}
    assert "test" in {
        make_parts([*MET, *once], SplitChoices(by_encounter=False)).parts[one.name] for one in once
    }


def test_later_photos_are_asked_about() -> None:
    made = make_parts(MET, SplitChoices(by_time=True))
    last = {one.name: one.taken_at for one in MET if made.parts[one.name] == "test"}
    first = {one.name: one.taken_at for one in MET if made.parts[one.name] == "train"}
    assert min(filter(None, last.values())) > max(filter(None, first.values()))
    assert 0.15 < len(last) / len(MET) < 0.25


def test_a_newcomer_is_gallery_in_a_closed_set_and_unknown_in_an_open_one() -> None:
    late = [photo(f"late{at}", "late", taken_at=f"2021-01-0{1 + at}") for at in range(3)]
    single = photo("single", "single", taken_at="2021-02-01")
    photos = [*MET, *late, single]
    closed = make_parts(photos, SplitChoices(by_time=True))
    assert {closed.parts[one.name] for one in [*late, single]} == {"gallery"}
    opened = make_parts(photos, SplitChoices(kind="open-set", by_time=True))
    assert {opened.roles[one.name] for one in late} == {"unknown_query"}
    assert opened.parts["single"] == "gallery" and opened.roles["single"] == "fit"
    disjoint = make_parts(
        photos, SplitChoices(kind="identity-disjoint", by_time=True, shares=Shares(0, 0.01))
    )
    assert {(disjoint.parts[one.name], disjoint.roles[one.name]) for one in late} == {
        ("test", "disjoint")
    }


def test_nobody_is_asked_about_who_stands_in_the_gallery_too() -> None:
    """A late newcomer is met with an animal of train, which makes that meeting gallery, and then
    alone.
    """
    both = [
        photo("both1", "late", "both", "2021-01-01"),
        photo("both2", "w00", "both", "2021-01-01"),
    ]
    alone = photo("alone", "late", "alone", "2021-02-01")
    others = [photo(f"x{at}", "x", f"x{at}", f"2021-03-0{1 + at}") for at in range(4)]
    choices = SplitChoices(kind="identity-disjoint", by_time=True, shares=Shares(0, 0.015))
    parts = make_parts([*MET, *both, alone, *others], choices).parts
    assert {parts[one.name] for one in [*both, alone]} == {"gallery"}
    assert {parts[one.name] for one in others} == {"test"}


def test_photos_of_one_day_cannot_be_split_by_time() -> None:
    with pytest.raises(BadSplit, match="no moment parts the photos"):
        make_parts(
            [photo(f"p{at}", f"w{at % 4}", taken_at="2020-05-05") for at in range(40)],
            SplitChoices(by_time=True),
        )


def test_one_encounter_of_all_leaves_nothing_to_ask() -> None:
    with pytest.raises(BadSplit, match=r"leaves validation without a photo.*--no-encounters"):
        make_parts([photo(f"p{at}", f"w{at % 4}", "all") for at in range(40)], SplitChoices())


def test_the_bytes_are_these_on_every_machine() -> None:
    """The hash was computed once; another machine, Python or library must come to the same."""
    told = b"".join(
        parted_bytes(make_parts([*MANY, *NEW], SplitChoices(kind=kind, seed=3))) for kind in KINDS
    )
    assert hashlib.sha256(told).hexdigest()[:16] == "cda94af2c9e788aa"


def test_an_unknown_share_of_all_is_refused() -> None:
    with pytest.raises(BadShares, match="unknown share 1"):
        SplitChoices(unknown_share=1)


encounters = st.none() | st.sampled_from([f"e{at}" for at in range(12)])
times = st.none() | st.sampled_from(
    ["2018", "2019-05", "2019-05-07", "2019-05-07T10:00:00", "2020-02-29", "2021"]
)
labelled_sets = st.lists(
    st.tuples(st.none() | st.sampled_from([f"w{at}" for at in range(8)]), encounters, times),
    min_size=6,
    max_size=60,
).map(lambda rows: [photo(f"p{at:02}", *row) for at, row in enumerate(rows)])
choices_drawn = st.builds(
    SplitChoices,
    kind=st.sampled_from(KINDS),
    shares=st.tuples(st.sampled_from([0.0, 0.1, 0.3]), st.sampled_from([0.1, 0.4])).map(
        lambda pair: Shares(*pair)
    ),
    unknown_share=st.sampled_from([0.0, 0.15, 0.5]),
    seed=st.integers(0, 5),
    by_encounter=st.booleans(),
    by_time=st.booleans(),
)


@settings(deadline=None, max_examples=150)
@given(labelled_sets, choices_drawn)
def test_no_labels_make_a_split_break_its_promises(
    photos: list[LabelledPhoto], choices: SplitChoices
) -> None:
    if choices.by_time:
        assume(any(one.taken_at for one in photos))
    try:
        made = make_parts(photos, choices)
    except BadSplit:
        assume(False)
        raise
    assert run_checks(parted_bytes(made), photos, choices)
    assert make_parts(photos[::-1], choices) == made
    held = {one.individual for one in photos if made.parts[one.name] != "test"}
    learned = {one.individual for one in photos if made.parts[one.name] == "train"}
    for one in photos:
        role, part = made.roles[one.name], made.parts[one.name]
        gallery = held if part == "test" else learned
        is_held = one.individual is not None and one.individual in gallery
        assert (role == "fit") == (part in {"train", "gallery"})
        assert (role == "known_query") == (is_held and role != "fit")
        assert role != "disjoint" or choices.kind == "identity-disjoint"
