"""training/splits/stratified.py: every label by the shares, the same on every machine, groups
whole.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.splits.stratified import BadShares, Shares, stratified_parts

LABELS = {
    f"{label}{at:03}": label
    for label, count in {"cat": 50, "dog": 100}.items()
    for at in range(count)
}


def counts(parts: dict[str, str], label_of: dict[str, str]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name, part in parts.items():
        found[label_of[name]][part] += 1
    return found


def test_each_label_is_divided_by_the_shares() -> None:
    assert counts(stratified_parts(LABELS), LABELS) == {
        "cat": {"train": 30, "validation": 10, "test": 10},
        "dog": {"train": 60, "validation": 20, "test": 20},
    }


def test_shares_hold_over_many_labels_of_two() -> None:
    pairs = {f"w{at}_{photo}": f"w{at}" for at in range(100) for photo in range(2)}
    parts = stratified_parts(pairs, Shares(validation=0.1, test=0.2))
    assert Counter(parts.values()) == {"train": 140, "validation": 20, "test": 40}
    assert all(found["train"] >= 1 for found in counts(parts, pairs).values())


def test_what_is_there_once_is_learned_from() -> None:
    assert set(stratified_parts({f"w{at}": f"w{at}" for at in range(20)}).values()) == {"train"}


def test_a_part_without_a_share_gets_nothing() -> None:
    parts = stratified_parts(LABELS, Shares(validation=0, test=0.5))
    assert counts(parts, LABELS) == {
        "cat": {"train": 25, "test": 25},
        "dog": {"train": 50, "test": 50},
    }


def test_a_group_of_two_labels_stays_whole_and_each_label_is_in_train() -> None:
    labels = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    parts = stratified_parts(labels, Shares(0, 0.5), group_of={"a1": "met", "b1": "met"})
    assert parts["a1"] == parts["b1"] == "train"
    assert parts["a2"] == parts["b2"] == "test"


def test_what_must_be_in_train_is() -> None:
    parts = stratified_parts(
        LABELS, group_of={"cat001": "g", "cat002": "g"}, always_train={"cat001", "dog007"}
    )
    assert {parts[name] for name in ("cat001", "cat002", "dog007")} == {"train"}


def test_the_parts_are_these_on_every_machine() -> None:
    """The hash was computed once; another machine, Python or library must come to the same."""
    told = json.dumps(stratified_parts(LABELS, seed=7), sort_keys=True).encode()
    assert hashlib.sha256(told).hexdigest()[:16] == "15b8466eefadd530"


def test_another_seed_is_another_split() -> None:
    assert stratified_parts(LABELS, seed=1) != stratified_parts(LABELS, seed=2)


@pytest.mark.parametrize(
    "shares", [(-0.1, 0.2), (0.2, 1.0), (0.5, 0.5), (0.0, 0.0), (float("nan"), 0.1)]
)
def test_shares_that_leave_nothing_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(BadShares, match="both together more than 0 and less than 1"):
        Shares(*shares)


names_and_labels = st.dictionaries(
    st.text("abc0", min_size=1, max_size=6), st.sampled_from("wxyz"), min_size=1
)
group_names = st.dictionaries(st.text("abc0", min_size=1, max_size=6), st.sampled_from("123456"))
some_shares = st.tuples(st.floats(0, 0.45), st.floats(0.01, 0.45)).map(lambda pair: Shares(*pair))


@settings(deadline=None)
@given(names_and_labels, group_names, some_shares, st.integers(0, 9))
def test_groups_stay_whole_and_every_label_is_learned_from(
    label_of: dict[str, str], group_of: dict[str, str], shares: Shares, seed: int
) -> None:
    parts = stratified_parts(label_of, shares, seed, group_of=group_of)
    assert parts.keys() == label_of.keys()
    for group in set(group_of.values()):
        assert len({parts[name] for name in label_of if group_of.get(name) == group}) <= 1
    assert {label_of[name] for name, part in parts.items() if part == "train"} == set(
        label_of.values()
    )
    backwards = dict(reversed(label_of.items()))
    assert stratified_parts(backwards, shares, seed, group_of=group_of) == parts


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from("stuvwxyz"), st.integers(2, 30), min_size=1),
    some_shares,
    st.integers(0, 9),
)
def test_every_label_is_within_two_photos_of_its_share(
    sizes: dict[str, int], shares: Shares, seed: int
) -> None:
    label_of = {f"{label}{at}": label for label, size in sizes.items() for at in range(size)}
    for label, found in counts(stratified_parts(label_of, shares, seed), label_of).items():
        for part, share in (("validation", shares.validation), ("test", shares.test)):
            assert abs(found[part] - share * sizes[label]) <= 2.0 + 1e-9
