"""Names in memory that follow each act find what names read anew find."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from index.curation.curator import Curator
from index.curation.names import known_names
from index.curation.names.known_names import KnownNames
from index.curation.undo import undo

ALIKE = ["W_00", "ｗ_00", "w_00\u200b", " w_0", "w_00", "salt-07", "SALT-7", "w_51", "w_2"]
QUESTIONS = ["w_0", "salt", "ÉCAILLE", "ecaille", "11", "nobody", "w_05", "rename"]


def answers(catalogue, names):
    with Session(catalogue.engine) as session:
        found = [
            names.find(session, question, species=species, after=after, has_places=True)
            for question in QUESTIONS
            for species, after in ((None, ""), (None, "w_02"), ("fin whale", ""))
        ]
        alike = [names.similar(session, name) for name in ALIKE]
        return found, alike, names.next_id(session, None), names.next_id(session, "Salt-000")


@pytest.mark.parametrize("most", [0, 5000])
def test_every_kind_of_act_is_followed(catalogue, monkeypatch, most):
    monkeypatch.setattr(known_names, "_MANY_LINES", most)
    curator = Curator(catalogue, made_by="ada")
    names = KnownNames()
    assert answers(catalogue, names) == answers(catalogue, KnownNames())
    acts = [
        lambda: curator.merge("w_01", "w_00"),
        lambda: curator.split("w_00", ["a00_0.png", "a01_1.png"], "w_50"),
        lambda: curator.rename("w_50", "Salt-7"),
        lambda: curator.edit("Salt-7", {"notes": "an Écaillé one", "species": "fin whale"}),
        lambda: curator.merge("w_02", "Salt-7"),
        lambda: curator.delete("a04_0.png"),
        *(lambda at=at: undo(catalogue, at, made_by="ada") for at in range(7, 1, -1)),
    ]
    seen = set()
    for act in acts:
        act()
        found = answers(catalogue, names)
        assert found == answers(catalogue, KnownNames())
        seen.add(str(found))
    assert len(seen) == 6


def test_a_new_name_is_compared_with_all(catalogue):
    names = KnownNames()
    with Session(catalogue.engine) as session:
        told = {name: names.similar(session, name) for name in ALIKE}
    told = {name: others for name, others in told.items() if others}
    near = ["W_00", "ｗ_00", "w_00\u200b", " w_0"]
    assert told == {**{name: ["w_00"] for name in near}, "w_2": ["w_02"]}
