"""The acts of a curator, and updates of labels after them."""

from __future__ import annotations

import pytest

from index.curation.curator import BadCuration, CurationConflict
from index.curation.listings import Directory
from index.curation.undo import undo
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from tests.index.curation.season_photos import F, embedded, whose


@pytest.fixture
def season(season):
    season.rows["a00_0.png"] |= {"encounter": "e1", "taken_at": "2018-06-01"}
    season.rows["a00_1.png"] |= {"encounter": "e1", "taken_at": "2019-06-01"}
    return season


def test_a_waiting_photo_is_in_nobody_s_answer_until_it_is_confirmed(
    catalogue, curator, season, embedder
):
    new = embedded(season, embedder, "q.png", "w_03")
    assert (
        curator.take_in([new], F, answers=[{"decision": "known", "probability": 0.9}]).kind
        == "take in"
    )
    assert "q.png" not in whose(catalogue)
    assert catalogue.counts().photos == 38
    (card,) = Directory(catalogue).photos(state="waiting")
    assert (card.name, card.individual, card.answer) == (
        "q.png",
        None,
        {"decision": "known", "probability": 0.9},
    )
    event = curator.confirm("q.png", "w_03")
    assert (event.kind, event.photos, event.revision) == ("confirm", ("q.png",), 3)
    assert whose(catalogue)["q.png"] == "w_03"
    act = Directory(catalogue).history(limit=1)[0]
    assert (act.made_by, act.kind, act.detail["answer"]) == (
        "ada",
        "confirm",
        {"decision": "known", "probability": 0.9},
    )
    assert catalogue.gallery().rank(new.vector[None], 1)[0][0].individual == "w_03"
    with pytest.raises(BadCuration, match="catalogued already, as w_03's; move it instead"):
        curator.confirm("q.png", "w_04")


def test_a_new_individual_is_made_of_a_photo(catalogue, curator, season, embedder):
    curator.take_in([embedded(season, embedder, "q.png", "somebody")], F)
    curator.confirm("q.png", Directory(catalogue).next_id())
    assert whose(catalogue)["q.png"] == "w_12"
    curator.take_in([embedded(season, embedder, "r.png", "somebody", 3)], F, individual="w_12")
    assert Directory(catalogue).individual("w_12").photos == 2


def test_rejected_and_deleted_photos_are_gone_from_answers_and_can_come_back(
    catalogue, curator, season, embedder
):
    curator.take_in([embedded(season, embedder, "q.png", "w_03")], F)
    curator.reject("q.png", reason="only a splash")
    assert Directory(catalogue).photos(state="waiting") == []
    gone = curator.delete("a00_0.png")
    assert "a00_0.png" not in whose(catalogue)
    assert [photo.name for photo in catalogue.photos() if photo.name == "a00_0.png"] == []
    undo(catalogue, gone.revision, made_by="ada")
    assert whose(catalogue)["a00_0.png"] == "w_00"
    with pytest.raises(BadCuration, match="is catalogued; only waiting ones can be rejected"):
        curator.reject("a00_0.png")


def test_merging_moves_photos_and_leads_the_old_name_on(catalogue, curator, season, embedder):
    embedder.embedded = 0
    event = curator.merge("w_01", "w_00")
    assert embedder.embedded == 0
    assert event.photos == ("a01_0.png", "a01_1.png", "a01_2.png")
    assert {whose(catalogue)[name] for name in event.photos} == {"w_00"}
    assert catalogue.counts().individuals == 11
    directory = Directory(catalogue)
    assert directory.individual("w_00").other_names == ("w_01",)
    assert directory.individual("w_01").merged_into == "w_00"
    assert "w_01" not in [each.name for each in directory.individuals()]
    with pytest.raises(BadCuration, match="w_01 was merged into w_00; act on that one"):
        curator.rename("w_01", "w_99")
    # A later label file may still use the old name.
    update_catalogue(catalogue, season.labels(), embedder)
    assert whose(catalogue)["a01_0.png"] == "w_00"


def test_splitting_gives_some_photos_to_a_new_individual(catalogue, curator):
    curator.split("w_00", ["a00_0.png"], "w_50")
    assert [whose(catalogue)[f"a00_{take}.png"] for take in range(3)] == ["w_50", "w_00", "w_00"]
    directory = Directory(catalogue)
    # The encounter of two photos became two, each with one animal.
    assert [(one.name, one.individual, one.photos) for one in directory.encounters()] == [
        ("e1", "w_00", 1),
        ("e1", "w_50", 1),
    ]
    for photos, new, said in [
        (["a00_1.png"], "w_03", "there is an individual w_03 already"),
        (["a01_0.png"], "w_60", "no photo of w_00"),
        (["a00_1.png", "a00_2.png"], "w_60", "these are all photos of w_00"),
        ([], "w_60", "no photo was named"),
    ]:
        with pytest.raises(BadCuration, match=said):
            curator.split("w_00", photos, new)


def test_renaming_keeps_the_old_name(catalogue, curator):
    curator.rename("w_00", "Salt")
    assert whose(catalogue)["a00_0.png"] == "Salt"
    assert Directory(catalogue).individual("Salt").other_names == ("w_00",)
    with pytest.raises(BadCuration, match="there is an individual w_01 already; merge the two"):
        curator.rename("Salt", "w_01")
    for name in ("", " x", "new_whale", "a\nb"):
        with pytest.raises(BadCuration, match="can't be an individual's name"):
            curator.rename("Salt", name)


def test_edits_are_found_by_search(catalogue, curator):
    curator.edit("w_00", {"display_name": "Old 100% Salt", "sex": "f", "notes": "scar on the left"})
    directory = Directory(catalogue)
    assert [one.name for one in directory.individuals(search="100% sa")] == ["w_00"]
    assert [one.name for one in directory.individuals(search="SCAR")] == ["w_00"]
    assert directory.individuals(search="100_ sa") == []
    curator.edit("w_03", {"display_name": "Ångström", "other_names": ["ÉCLAIR-7"]})
    for search in ("ångström", "ANGSTROM", "Ångström", "éclair", "Eclair-7"):
        assert [one.name for one in directory.individuals(search=search)] == ["w_03"], search
    assert directory.individuals(search="angström", species="fin whale") == []
    found = directory.individual("w_00")
    assert (found.sex, found.photos, found.first_seen, found.last_seen) == (
        "f",
        3,
        "2018-06-01",
        "2019-06-01",
    )
    with pytest.raises(BadCuration, match="noted so already"):
        curator.edit("w_00", {"sex": "f"})
    pages = [directory.individuals(limit=5), directory.individuals(limit=5, after="w_04")]
    assert [one.name for one in pages[0] + pages[1]] == [f"w_{at:02}" for at in range(10)]


def test_former_names_and_those_of_merged_individuals_are_found(catalogue, curator):
    curator.edit("w_03", {"display_name": "Ångström", "notes": "torn"})
    curator.rename("w_03", "Løvetann")
    curator.merge("Løvetann", "w_01")
    directory = Directory(catalogue)
    for search in ("w_03", "lovetann", "angstrom", "w_01"):
        assert [one.name for one in directory.individuals(search=search)] == ["w_01"], search
    assert directory.individuals(search="torn") == []
    pages = [
        directory.individuals(search="W_0", limit=2),
        directory.individuals(search="W_0", limit=20, after="w_01"),
    ]
    assert [one.name for one in pages[0]] == ["w_00", "w_01"]
    assert [one.name for one in pages[1]] == ["w_02", *(f"w_{at:02}" for at in range(4, 10))]


def test_what_can_t_be_done_changes_nothing(catalogue, curator, season, embedder):
    before = whose(catalogue)
    new = embedded(season, embedder, "a00_0.png", "w_00")
    for act, said in [
        (lambda: curator.merge("w_00", "w_77"), "no individual 'w_77'"),
        (lambda: curator.merge("w_00", "w_00"), "one individual already"),
        (lambda: curator.move(["a00_1.png", "nowhere.png"], "w_03"), r"no photo 'nowhere\.png'"),
        (lambda: curator.move(["a00_1.png"], "w_00"), "nothing to move"),
        (lambda: curator.confirm("nowhere.png", "w_00"), "no photo"),
        (lambda: curator.take_in([new], F), r"there is a photo a00_0\.png already"),
        (
            lambda: curator.take_in([new], "e" * 64),
            "the catalogue's vectors are of checkpoint ffff",
        ),
        (lambda: undo(catalogue, 7, made_by="ada"), "there is no revision 7; the last one is 1"),
    ]:
        with pytest.raises(BadCuration, match=said):
            act()
    assert catalogue.revision == 1
    assert whose(catalogue) == before


def test_labels_may_go_on_using_the_name_from_before(catalogue, curator, season, embedder):
    curator.rename("w_00", "Salt")
    update_catalogue(catalogue, season.labels(), embedder)
    assert whose(catalogue)["a00_0.png"] == "Salt"
    with pytest.raises(CurationConflict, match="there is an individual w_00 already"):
        curator.split("w_01", ["a01_0.png"], "w_00")


def test_pruning_leaves_what_waits_for_a_person(catalogue, curator, season, embedder):
    curator.take_in([embedded(season, embedder, "q.png", "w_03")], F)
    season.rows.pop("a00_0.png")
    report = update_catalogue(catalogue, season.labels(), embedder, UpdateOptions(prune=True))
    assert (report.removed, report.left) == (1, 1)
    assert [photo.name for photo in Directory(catalogue).photos(state="waiting")] == ["q.png"]
