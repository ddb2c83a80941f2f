"""Events that are undone and redone, and those that can't be."""

from __future__ import annotations

import numpy as np
import pytest

from index.curation.curator import BadCuration, CurationConflict
from index.curation.listings import Directory
from index.curation.past_revision import searchable_as_of
from index.curation.undo import undo
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from tests.index.curation.season_photos import F, embedded, whose


@pytest.fixture
def season(season):
    season.rows["a00_0.png"] |= {"encounter": "e1", "taken_at": "2018-06-01"}
    season.rows["a00_1.png"] |= {"encounter": "e1", "taken_at": "2019-06-01"}
    return season


def test_undo_refuses_what_later_events_need_and_names_them(catalogue, curator, season, embedder):
    taken = curator.take_in([embedded(season, embedder, "q.png", "new")], F)
    made = curator.confirm("q.png", "w_90")
    later = curator.move(["a00_0.png"], "w_90")
    with pytest.raises(
        BadCuration, match=rf"Undo them first, newest first: .*{later.revision} \(move\)"
    ):
        undo(catalogue, made.revision, made_by="ada")
    with pytest.raises(BadCuration, match=rf"{made.revision} \(confirm\)"):
        undo(catalogue, taken.revision, made_by="ada")
    for event in (later, made, taken):
        undo(catalogue, event.revision, made_by="ada")
    assert "q.png" not in whose(catalogue)
    assert Directory(catalogue).individual("w_90") is None
    with pytest.raises(BadCuration, match="undone already, by revision 7"):
        undo(catalogue, taken.revision, made_by="ada")
    assert [act.is_undone for act in Directory(catalogue).history()] == [
        False,
        False,
        False,
        True,
        True,
        True,
        False,
    ]


def test_an_event_that_touches_other_things_doesn_t_stand_in_the_way(catalogue, curator):
    renamed = curator.rename("w_00", "Salt")
    curator.edit("Salt", {"sex": "f"})
    curator.delete("a05_0.png")
    undo(catalogue, renamed.revision, made_by="ada")
    assert Directory(catalogue).individual("w_00").sex == "f"


def test_undoing_an_undo_does_it_again(catalogue, curator):
    before = whose(catalogue)
    merged = curator.merge("w_01", "w_00")
    after = whose(catalogue)
    undone = undo(catalogue, merged.revision, made_by="ada")
    assert whose(catalogue) == before
    undo(catalogue, undone.revision, made_by="ada")
    assert whose(catalogue) == after
    with pytest.raises(BadCuration, match="w_01 was merged into w_00"):
        curator.rename("w_01", "w_99")


def test_going_over_to_another_checkpoint_can_be_taken_back(catalogue, make_embedder):
    other = make_embedder("e" * 64, shift=100)
    before = catalogue.vectors(F)[1].copy()
    swapped = update_catalogue(catalogue, None, other)
    assert catalogue.fingerprint == "e" * 64
    undo(catalogue, swapped.revision, made_by="ada")
    assert catalogue.fingerprint == F
    assert np.array_equal(catalogue.vectors(F)[1], before)


def test_an_update_of_labels_can_be_taken_back(catalogue, season, embedder):
    before = whose(catalogue)
    season.rows["a00_0.png"]["label"] = "w_01"
    season.rows.pop("a02_0.png")
    season.draw("new.png", "w_77")
    report = update_catalogue(catalogue, season.labels(), embedder, UpdateOptions(prune=True))
    assert whose(catalogue) != before
    undo(catalogue, report.revision, made_by="ada")
    assert whose(catalogue) == before


def test_a_photo_s_new_content_can_t_be_undone(catalogue, season, embedder):
    season.paint("a00_0.png", "w_00", 77)
    report = update_catalogue(catalogue, season.labels(), embedder, UpdateOptions(rehash=True))
    assert report.reembedded == 1
    with pytest.raises(BadCuration, match=r"the photo a00_0\.png got another content or box"):
        undo(catalogue, report.revision, made_by="ada")
    with pytest.raises(BadCuration, match=r"revision 1 can't be asked any more: .* \(a00_0\.png\)"):
        searchable_as_of(catalogue, 1)


def act_at_random(curator, catalogue, rng, step, season, embedder):
    photos = sorted(photo.name for photo in catalogue.photos() if photo.state == "catalogued")
    names = [each.name for each in Directory(catalogue).individuals(limit=500) if each.photos]
    some = str(rng.choice(photos))
    match int(rng.integers(8)):
        case 0:
            curator.take_in([embedded(season, embedder, f"q{step}.png", f"animal {step}")], F)
        case 1:
            waiting = Directory(catalogue).photos(state="waiting")
            if waiting:
                curator.confirm(waiting[0].name, str(rng.choice([*names, f"new_{step}"])))
        case 2:
            curator.merge(*(str(name) for name in rng.choice(names, 2, replace=False)))
        case 3:
            own = Directory(catalogue).photos(individual=str(rng.choice(names)), state="catalogued")
            if len(own) > 1:
                curator.split(own[0].individual or "", [own[0].name], f"split_{step}")
        case 4:
            curator.rename(str(rng.choice(names)), f"renamed_{step}")
        case 5:
            curator.delete(some)
        case 6:
            curator.move([some], f"moved_{step}")
        case _:
            curator.edit(str(rng.choice(names)), {"notes": f"step {step}"})


@pytest.mark.parametrize("seed", range(3))
def test_every_revision_can_be_asked_again_and_undone_in_turn(
    catalogue, curator, season, embedder, seed
):
    rng = np.random.default_rng(seed)
    states = {catalogue.revision: whose(catalogue)}
    for step in range(25):
        act_at_random(curator, catalogue, rng, step, season, embedder)
        states[catalogue.revision] = whose(catalogue)
    assert len(states) > 15
    for revision, state in states.items():
        gallery, calibration = searchable_as_of(catalogue, revision)
        assert dict(zip(gallery.photo_names, gallery.individuals, strict=True)) == state
        assert gallery.revision == revision
        assert calibration.unknown_trials > 0
    for revision in sorted(states, reverse=True)[:-1]:
        undo(catalogue, revision, made_by="ada")
        assert whose(catalogue) == states[revision - 1]


def test_redoing_never_gives_a_photo_to_whoever_has_a_key_now(catalogue, curator, season, embedder):
    for name in ("p.png", "q.png", "r.png"):
        curator.take_in([embedded(season, embedder, name, name)], F)
    first = curator.confirm("p.png", "X")
    second = curator.confirm("q.png", "X")
    undo(catalogue, second.revision, made_by="ada")
    without = undo(catalogue, first.revision, made_by="ada")
    curator.confirm("r.png", "Y")
    again = next(act for act in Directory(catalogue).history() if act.undoes == second.revision)
    with pytest.raises(CurationConflict, match="a later undoing took out again"):
        undo(catalogue, again.revision, made_by="ada")
    undo(catalogue, without.revision, made_by="ada")
    undo(catalogue, again.revision, made_by="ada")
    assert [whose(catalogue)[name] for name in ("p.png", "q.png", "r.png")] == ["X", "X", "Y"]


def test_a_photo_that_took_a_deleted_one_s_name_is_not_undone_into_its_picture(
    catalogue, curator, season, embedder
):
    deleted = curator.delete("a00_0.png")
    other = embedded(season, embedder, "a00_0.png", "another", 5)
    taken = curator.take_in([other], F, individual="w_05")
    with pytest.raises(CurationConflict, match="another content or box"):
        undo(catalogue, taken.revision, made_by="ada")
    with pytest.raises(CurationConflict, match=r"depend on it.*take in|depend on it.*enrol"):
        undo(catalogue, deleted.revision, made_by="ada")


def test_a_deletion_is_not_undone_into_a_photo_that_nobody_would_find(
    catalogue, curator, make_embedder
):
    deleted = curator.delete("a00_0.png")
    update_catalogue(catalogue, None, make_embedder("e" * 64, shift=100))
    with pytest.raises(
        CurationConflict, match="would come back without a vector of the checkpoint eeee"
    ):
        undo(catalogue, deleted.revision, made_by="ada")
    assert catalogue.counts().searchable == catalogue.counts().photos == 37
