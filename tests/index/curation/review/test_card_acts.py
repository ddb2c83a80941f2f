"""Acts on the waiting photos of an encounter: one event each, taken back as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from index.curation.curator import BadCuration, CurationConflict
from index.curation.listings import Directory
from index.curation.review.card_acts import (
    Confirmed,
    confirm_together,
    join_photos,
    reject_together,
    take_out_photos,
)
from index.curation.review.waiting_photos import encounter_names, uploaded_photos, waiting_photos
from index.curation.undo import undo
from tests.index.curation.season_photos import F, embedded, whose

NAMES = ("q0.png", "q1.png", "q2.png", "r.png")


@pytest.fixture
def queued(catalogue, curator, season, embedder):
    """Three photos of the encounter e9, taken at 09:40 and later, and one that is alone."""
    photos = [embedded(season, embedder, name, "somebody", at) for at, name in enumerate(NAMES)]
    dated = [
        replace(
            one,
            photo=replace(one.photo, encounter="e9", taken_at=f"2026-05-28T09:4{at}:00"),
        )
        for at, one in enumerate(photos[:3])
    ]
    answers = [{"decision": "review", "upload": "u1"}] * 4
    notes = {"e9": {"place": "the bank", "region": "the gulf"}}
    curator.take_in([*dated, photos[3]], F, answers=answers, encounters=notes)
    return catalogue


def states(catalogue) -> dict[str, tuple[str, str | None, str | None]]:
    cards = Directory(catalogue).named(NAMES)
    return {name: (one.state, one.individual, one.encounter) for name, one in cards.items()}


def test_an_encounter_is_confirmed_and_undone_as_one(queued):
    event = confirm_together(
        queued, [Confirmed(NAMES[:3], "w_77", {"decision": "review"})], made_by="ada"
    )
    assert (event.kind, event.photos) == ("confirm", NAMES[:3])
    assert {whose(queued)[name] for name in NAMES[:3]} == {"w_77"}
    met = next(one for one in Directory(queued).encounters(individual="w_77"))
    assert (met.name, met.photos, met.place) == ("e9", 3, "the bank")
    act = Directory(queued).history(limit=1)[0]
    assert act.detail == {"individual": "w_77", "answer": {"decision": "review"}, "photos": 3}
    undo(queued, event.revision, made_by="ada")
    assert states(queued)["q0.png"] == ("waiting", None, "e9")
    assert "q0.png" not in whose(queued)


def test_many_are_confirmed_by_one_event(queued):
    sure = [Confirmed(["q0.png"], "w_01"), Confirmed(["q1.png", "r.png"], "w_02")]
    event = confirm_together(queued, sure, made_by="ada")
    assert whose(queued)["r.png"] == "w_02"
    detail = Directory(queued).history(limit=1)[0].detail
    assert (detail["encounters"], detail["individuals"], detail["photos"]) == (2, 2, 3)
    undo(queued, event.revision, made_by="ada")
    assert {state for state, _, _ in states(queued).values()} == {"waiting"}


def test_a_photo_that_waits_no_more_stops_all_of_it(queued, curator):
    curator.confirm("q1.png", "w_01")
    with pytest.raises(CurationConflict, match=r"q1\.png is catalogued; only waiting ones"):
        confirm_together(queued, [Confirmed(NAMES[:3], "w_02")], made_by="ada")
    with pytest.raises(CurationConflict, match="only waiting ones can be rejected"):
        reject_together(queued, NAMES[:3], made_by="ada")
    assert states(queued)["q0.png"][0] == "waiting"


def test_a_photo_without_an_animal_needs_a_person(queued, curator, season, embedder):
    blank = embedded(season, embedder, "blank.png", "sea")
    curator.take_in([blank], F, answers=[{"decision": "no_animal"}])
    confirmed = [Confirmed(["q0.png", "blank.png"], "w_01")]
    with pytest.raises(CurationConflict, match=r"blank\.png was answered `no_animal`"):
        confirm_together(queued, confirmed, made_by="ada")
    confirm_together(queued, confirmed, made_by="ada", is_animal=True)
    assert whose(queued)["blank.png"] == "w_01"


def test_an_encounter_is_rejected_as_one(queued):
    event = reject_together(queued, NAMES[:3], made_by="ada", reason="blurred")
    assert states(queued)["q2.png"][0] == "rejected"
    assert Directory(queued).history(limit=1)[0].detail["reason"] == "blurred"
    undo(queued, event.revision, made_by="ada")
    assert states(queued)["q2.png"] == ("waiting", None, "e9")


def test_photos_are_taken_out_into_an_encounter_of_their_own(queued):
    event = take_out_photos(queued, ["q1.png"], made_by="ada")
    assert states(queued)["q1.png"] == ("waiting", None, "2026-05-28 09:41")
    found = {one.name: one for one in waiting_photos(queued, F)}
    assert (found["q1.png"].place, found["q1.png"].region) == ("the bank", "the gulf")
    for photos, error in [
        (["q1.png"], CurationConflict),  # it is all of its encounter
        (["r.png"], BadCuration),  # it has none
        (["q0.png", "q1.png"], BadCuration),  # of two
    ]:
        with pytest.raises(error):
            take_out_photos(queued, photos, made_by="ada")
    undo(queued, event.revision, made_by="ada")
    assert states(queued)["q1.png"] == ("waiting", None, "e9")


def test_photos_are_joined_into_one_encounter(queued):
    event = join_photos(queued, ["r.png"], ["q0.png"], made_by="ada")
    assert states(queued)["r.png"] == ("waiting", None, "e9")
    with pytest.raises(CurationConflict, match="nothing to join"):
        join_photos(queued, ["r.png"], ["q0.png"], made_by="ada")
    undo(queued, event.revision, made_by="ada")
    assert states(queued)["r.png"] == ("waiting", None, None)


def test_two_photos_alone_make_an_encounter(queued, curator, season, embedder):
    curator.take_in([embedded(season, embedder, "s.png", "somebody", 4)], F)
    join_photos(queued, ["r.png"], ["s.png"], made_by="ada")
    cards = Directory(queued).named(["r.png", "s.png"])
    assert {one.encounter for one in cards.values()} == {"s"}


def test_what_waits_is_read_with_its_vectors(queued):
    found = waiting_photos(queued, F)
    assert [one.name for one in found] == list(NAMES)
    assert all(one.vector is not None for one in found)
    assert [one.encounter for one in found] == ["e9", "e9", "e9", None]
    (only,) = waiting_photos(queued, F, ["q2.png", "a00_0.png"])
    assert (only.name, only.taken_at) == ("q2.png", "2026-05-28T09:42:00")
    assert waiting_photos(queued, "another")[0].vector is None
    assert [one.name for one in uploaded_photos(queued, "u1")] == list(NAMES[:3])
    assert uploaded_photos(queued, "u2") == []
    spans = [("2026-05-28T09:41:30", "2026-05-28T09:42:00")]
    (within,) = uploaded_photos(queued, "u1", spans)
    assert (within.name, within.encounter) == ("q2.png", "e9")
    assert within.taken_at == "2026-05-28T09:42:00"
    assert uploaded_photos(queued, "u1", []) == []
    assert encounter_names(queued, "e") >= {"e9"}
