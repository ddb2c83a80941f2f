"""Names are found one by one as they are among all, whoever had them before."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from index.catalogue import known_keys
from index.catalogue.known_keys import KnownEncounters, KnownIndividuals
from index.curation.curator import Curator

NAMES = ["w_00", "w_01", "Salt", "w_77", "Old", "Both", "nobody"]


@pytest.fixture
def named(catalogue):
    curator = Curator(catalogue, made_by="ada")
    curator.rename("w_01", "Salt")
    curator.merge("w_02", "w_03")
    curator.edit("w_04", {"other_names": ["Old", "Both", "w_00"]})
    curator.edit("w_05", {"other_names": ["Both"]})
    return catalogue


def test_few_names_and_many_get_the_same_keys(named, monkeypatch):
    with Session(named.engine) as session:
        few = KnownIndividuals(session)
        one_by_one = [few.key_of(name) for name in NAMES]
        monkeypatch.setattr(known_keys, "_FEW", 0)
        at_once = KnownIndividuals(session)
        assert one_by_one == [at_once.key_of(name) for name in NAMES]
        keys = dict(zip(NAMES, one_by_one, strict=True))
        assert keys["w_01"] == keys["Salt"] is not None
        assert keys["Old"] == few.key_of("w_04")
        assert keys["w_00"] not in (None, few.key_of("w_04"))  # its own name goes first
        assert keys["Both"] is None  # several have it
        assert keys["nobody"] is None
        few.add("nobody", 99)
        at_once.add("nobody", 99)
        assert few.key_of("nobody") == at_once.key_of("nobody") == 99


def test_encounters_are_found_by_name_and_animal(season, catalogue, monkeypatch):
    with Session(catalogue.engine) as session:
        few = KnownEncounters(session)
        sought = [("e1", 1), ("e1", None), ("e1", 2), ("e9", 1)]
        one_by_one = [few.key_of(*each) for each in sought]
        monkeypatch.setattr(known_keys, "_FEW", 0)
        at_once = KnownEncounters(session)
        assert one_by_one == [at_once.key_of(*each) for each in sought]
        few.add("e9", 1, 12)
        assert few.key_of("e9", 1) == 12
