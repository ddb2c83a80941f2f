"""What an update has to do, compared by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from embedding.photos.photo import Box
from index.catalogue.catalogue import CataloguePhoto
from index.curation.corrections import Corrections
from index.labels.reader import LabelledPhoto
from index.reindex.plan import as_labelled, make_update_plan

NOW = "f" * 64


def known(name: str, **details) -> CataloguePhoto:
    values = {
        "individual": "w_1",
        "species": None,
        "encounter": None,
        "taken_at": None,
        "box": None,
    }
    values |= {
        "id": 1,
        "path": Path("/photos", name),
        "content_hash": "0",
        "size_bytes": 1,
        "mtime_ns": 1,
    }
    return CataloguePhoto(name=name, **({"fingerprint": NOW} | values | details))


def plan_of(wanted, catalogued, *, changed=frozenset(), prune=False, decided=Corrections()):
    return make_update_plan(
        wanted, catalogued, changed=changed, fingerprint=NOW, prune=prune, corrections=decided
    )


def test_nothing_to_do():
    catalogued = [known("a"), known("b", individual=None)]
    plan = plan_of([as_labelled(photo) for photo in catalogued], catalogued)
    assert (
        plan.add,
        plan.reembed,
        plan.relabel,
        plan.remove,
        plan.catalogue_only,
        plan.unchanged,
    ) == (
        (),
        (),
        (),
        (),
        (),
        2,
    )


def test_new_changed_and_gone():
    a, b, gone = known("a"), known("b"), known("gone")
    new = LabelledPhoto("new", Path("/photos/new"), "w_9")
    wanted = [as_labelled(a), as_labelled(b), new]
    plan = plan_of(wanted, [a, b, gone], changed={"b"})
    assert (plan.add, plan.reembed, plan.relabel, plan.unchanged) == (
        (new,),
        (as_labelled(b),),
        (),
        1,
    )
    assert (plan.remove, plan.catalogue_only) == ((), (gone,))
    pruned = plan_of(wanted, [a, b, gone], changed={"b"}, prune=True)
    assert (pruned.remove, pruned.catalogue_only) == ((gone,), ())


@pytest.mark.parametrize(
    "difference",
    [
        {"individual": "w_2"},
        {"individual": None},
        {"species": "humpback"},
        {"encounter": "e"},
        {"taken_at": "2020"},
        {"path": Path("/elsewhere/a")},
    ],
)
def test_other_facts_need_no_embedding(difference):
    wanted = replace(as_labelled(known("a")), **difference)
    plan = plan_of([wanted], [known("a")])
    assert (plan.relabel, plan.reembed, plan.unchanged) == ((wanted,), (), 0)


def test_another_box_needs_another_vector():
    wanted = replace(as_labelled(known("a")), box=Box(0, 0, 0.5, 1))
    assert plan_of([wanted], [known("a")]).reembed == (wanted,)


def test_another_checkpoint_embeds_all_that_stays():
    named, unnamed = known("a", fingerprint="e" * 64), known("b", fingerprint="e" * 64)
    wanted = [as_labelled(named)]
    assert plan_of(wanted, [named, unnamed]).reembed == (as_labelled(named), as_labelled(unnamed))
    assert plan_of(wanted, [named, unnamed], prune=True).reembed == (as_labelled(named),)


def test_both_relabelled_and_changed_counts_once():
    wanted = replace(as_labelled(known("a")), individual="w_2")
    plan = plan_of([wanted, as_labelled(known("b"))], [known("a"), known("b")], changed={"a"})
    assert (plan.reembed, plan.relabel, plan.unchanged) == ((wanted,), (wanted,), 1)


def test_what_a_curator_deleted_is_kept_away():
    a, gone = known("a"), LabelledPhoto("gone", Path("/photos/gone"), "w_1")
    plan = plan_of(
        [as_labelled(a), gone],
        [a],
        decided=Corrections(deleted=frozenset({"gone", "a", "elsewhere"})),
    )
    assert (plan.add, plan.deleted_by_curator, plan.unchanged) == ((), (gone,), 1)
    plan = plan_of([as_labelled(a), gone], [a])
    assert (plan.add, plan.deleted_by_curator) == ((gone,), ())


def test_labels_may_call_an_individual_as_before():
    a = known("a", individual="Salt")
    decided = Corrections(names={"w_1": "Salt", "w_2": "Pepper"})
    plan = plan_of([replace(as_labelled(a), individual="w_1")], [a], decided=decided)
    assert (plan.relabel, plan.unchanged) == ((), 1)
    moved = replace(as_labelled(a), individual="w_2")
    new = LabelledPhoto("new", Path("/photos/new"), "w_1")
    plan = plan_of([moved, new], [a], decided=decided)
    assert [photo.individual for photo in (*plan.relabel, *plan.add)] == ["Pepper", "Salt"]


def test_what_a_curator_corrected_stands_until_labels_say_a_third_thing():
    a = known("a", individual="w_2", species="humpback")
    exchanged = {
        "a": {"individual": frozenset({"Salt", None}), "species": frozenset({"fin whale"})}
    }
    decided = Corrections(names={"w_1": "Salt"}, replaced=exchanged)
    for individual in ("w_1", "Salt", None):
        older = replace(as_labelled(a), individual=individual, species="fin whale")
        plan = plan_of([older], [a], decided=decided)
        assert (plan.relabel, plan.unchanged, len(plan.corrected_by_curator)) == ((), 1, 1)
    third = replace(as_labelled(a), individual="w_3", species="fin whale", taken_at="2020")
    plan = plan_of([third], [a], decided=decided)
    assert plan.relabel == (replace(third, species="humpback"),)
    # A photo of that name that isn't catalogued was never corrected.
    assert plan_of([third], [], decided=decided).add == (third,)


def test_an_encounter_that_a_label_lacks_replaces_none():
    made = {"encounter": "a", "is_encounter_made": True, "region": "Gulf"}
    named = replace(as_labelled(known("a")), **made)
    # Known in an encounter, or in none: the label says nothing of it.
    assert plan_of([named], [known("a", encounter="e1", region="Gulf")]).relabel == ()
    assert plan_of([named], [known("a")]).relabel == ()
    # A place is noted of an encounter, so one is made for it.
    placed = replace(named, place="Cove")
    assert plan_of([placed], [known("a")]).relabel == (placed,)


def test_a_place_a_side_and_a_sex_fill_in_what_lacks():
    told = {"place": "Cove", "viewpoint": "left", "sex": "female", "encounter": "e1"}
    named = replace(as_labelled(known("a")), **told)
    assert plan_of([named], [known("a", encounter="e1")]).relabel == (named,)
    others = {"place": "Bay", "viewpoint": "right", "sex": "male"}
    assert plan_of([named], [known("a", encounter="e1", **others)]).relabel == ()
    nobody = replace(named, individual=None, place=None, viewpoint=None)
    assert plan_of([nobody], [known("a", individual=None, encounter="e1")]).relabel == ()
