"""Mothers, births and age classes are noted as every other fact: undone, redone, followed."""

from __future__ import annotations

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import BadCuration, CurationConflict, Curator, UnknownSubject
from index.curation.listings import Directory
from index.curation.undo import undo


def life(catalogue: Catalogue, name: str) -> tuple[object, ...]:
    one = Directory(catalogue).individual(name)
    assert one is not None
    return one.mother, one.born, one.age_class, one.calves


def test_it_is_noted_with_other_facts_in_one_event(catalogue: Catalogue, curator: Curator) -> None:
    facts = {"mother": "w_01", "born": "2019", "age_class": "calf", "sex": "female"}
    event = curator.edit("w_03", facts)
    assert (event.revision, event.kind) == (2, "edit")
    assert life(catalogue, "w_03") == ("w_01", "2019", "calf", ())
    assert life(catalogue, "w_01") == (None, None, None, ("w_03",))
    (act,) = Directory(catalogue).history(subject="w_03")
    assert act.detail == {"subject": "w_03", **facts}
    listed = {one.name: one.mother for one in Directory(catalogue).individuals()}
    assert listed["w_03"] == "w_01"
    with pytest.raises(CurationConflict, match="noted so already"):
        curator.edit("w_03", {"mother": "w_01", "born": "2019"})


def test_undone_it_is_as_before_and_redone_it_stands(
    catalogue: Catalogue, curator: Curator
) -> None:
    curator.edit("w_03", {"mother": "w_01"})
    curator.edit("w_03", {"mother": "w_02", "sex": "male"})
    undo(catalogue, 3, made_by="ada")
    assert life(catalogue, "w_03")[0] == "w_01"
    undo(catalogue, 4, made_by="ada")
    assert life(catalogue, "w_03")[0] == "w_02"
    curator.edit("w_03", {"mother": None})
    assert life(catalogue, "w_03")[0] is None


def test_it_follows_renaming_and_merging(catalogue: Catalogue, curator: Curator) -> None:
    curator.edit("w_03", {"mother": "w_01", "born": "2019"})
    curator.rename("w_01", "z_01")
    assert life(catalogue, "w_03")[0] == "z_01"
    curator.merge("z_01", "w_02")
    assert life(catalogue, "w_03")[0] == "w_02"
    curator.edit("w_04", {"age_class": "adult"})
    curator.merge("w_03", "w_04")
    assert life(catalogue, "w_04") == ("w_02", "2019", "adult", ())
    assert life(catalogue, "w_02")[3] == ("w_04",)
    curator.merge("w_04", "w_02")  # mother and calf turned out to be one
    assert life(catalogue, "w_02") == (None, "2019", "adult", ())


def test_who_can_not_be_its_mother_is_refused(catalogue: Catalogue, curator: Curator) -> None:
    curator.edit("w_02", {"mother": "w_01"})
    curator.edit("w_03", {"mother": "w_02"})
    for mother, message in (("w_03", "own mother"),):
        with pytest.raises(BadCuration, match=message):
            curator.edit("w_03", {"mother": mother})
    with pytest.raises(BadCuration, match="she descends from it"):
        curator.edit("w_01", {"mother": "w_03"})
    with pytest.raises(UnknownSubject, match="no individual 'w_99'"):
        curator.edit("w_03", {"mother": "w_99"})
    assert catalogue.revision == 3


def test_notes_of_an_individual_tell_who_wrote_them(catalogue: Catalogue, curator: Curator) -> None:
    def author() -> str | None:
        one = Directory(catalogue).individual("w_03") or Directory(catalogue).individual("z_03")
        assert one is not None
        return one.notes_by

    assert author() is None
    curator.edit("w_03", {"notes": "a scar"})
    Curator(catalogue, made_by="ben").edit("w_03", {"sex": "male"})
    curator.rename("w_03", "z_03")
    assert author() == "ada"
    Curator(catalogue, made_by="ben").edit("z_03", {"notes": "two scars"})
    assert author() == "ben"
    undo(catalogue, 5, made_by="cleo")
    assert author() == "ada"
