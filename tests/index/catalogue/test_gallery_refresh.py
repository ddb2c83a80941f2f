"""A gallery that follows each act is the one that would be read anew."""

from dataclasses import replace

import numpy as np
import pytest

from index.catalogue.gallery_refresh import read_photo_states, refresh_gallery, unknown_photos
from index.curation.curator import Curator
from index.curation.listings import Directory
from index.curation.past_revision import past_catalogue
from index.curation.undo import undo
from index.labels.reader import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile

F = "f" * 64


@pytest.fixture
def season(season):
    season.rows["a00_0.png"] |= {"encounter": "e1", "taken_at": "2018-06-01"}
    season.rows["a00_1.png"] |= {"encounter": "e1", "taken_at": "2019-06-01"}
    return season


def embedded(season, name, vector, encounter=None):
    label = LabelledPhoto(name, season.folder / name, None, None, encounter, None, None)
    return EmbeddedPhoto(label, PhotoFile(f"hash of {name}", 1, None), vector)


def assert_equal(gallery, anew):
    assert (gallery.photo_names, gallery.individuals) == (anew.photo_names, anew.individuals)
    assert (gallery.revision, gallery.fingerprint) == (anew.revision, anew.fingerprint)
    assert np.array_equal(gallery.vectors, anew.vectors)
    assert np.array_equal(gallery.centres, anew.centres)


def test_the_gallery_follows_every_kind_of_act(catalogue, season):
    curator = Curator(catalogue, made_by="ada")
    gallery = catalogue.gallery()
    photos = {photo.name: photo for photo in catalogue.photos()}
    vector = gallery.vectors[4]
    acts = [
        lambda: curator.take_in(
            [embedded(season, "q.png", vector), embedded(season, "r.png", vector)], F
        ),
        lambda: curator.confirm("q.png", "w_77"),
        lambda: curator.reject("r.png"),
        lambda: curator.merge("w_01", "w_00"),
        lambda: curator.split("w_00", ["a00_0.png", "a01_1.png"], "w_50"),
        lambda: curator.rename("w_50", "Salt"),
        lambda: curator.move(["a03_0.png"], None),
        lambda: curator.delete("a04_0.png"),
        lambda: curator.edit("Salt", {"sex": "f"}),
        lambda: curator.edit_photo("a05_0.png", {"species": "fin whale"}),
        lambda: curator.edit_encounter(1, {"name": "e1, corrected"}),
        *(lambda at=at: undo(catalogue, at, made_by="ada") for at in range(12, 1, -1)),
    ]
    for act in acts:
        event = act()
        now = read_photo_states(catalogue, event.photos)
        assert now.revision == event.revision
        gallery = refresh_gallery(gallery, event.photos, now)
        assert_equal(gallery, catalogue.gallery())
        for name in event.photos:
            photos.pop(name, None)
        photos |= now.photos
        # A photo's `sex` is its individual's, and no answer tells it: exports read it anew.
        stored = {photo.name: replace(photo, sex=None) for photo in catalogue.photos()}
        assert {name: replace(photo, sex=None) for name, photo in photos.items()} == stored, event


def test_unknown_photos_are_those_of_nobody_named(catalogue, season):
    curator = Curator(catalogue, made_by="ada")
    vector = catalogue.gallery().vectors[0]
    curator.take_in([embedded(season, name, vector) for name in ("q.png", "r.png")], F)
    curator.reject("r.png")
    blank = {"decision": "no_animal", "matches": []}
    curator.take_in([embedded(season, "blank.png", vector)], F, answers=[blank])
    unknown = unknown_photos(catalogue, F)
    assert unknown.photo_names == ["q.png", "stranger_1.png", "stranger_2.png"]
    assert np.array_equal(unknown.vectors[0], vector)
    assert unknown_photos(catalogue, "another checkpoint's").photo_names == []


def test_an_encounter_goes_along_when_its_photo_gets_its_individual(catalogue, season):
    curator = Curator(catalogue, made_by="ada")
    vector = catalogue.gallery().vectors[0]
    curator.take_in(
        [embedded(season, "q.png", vector, "e9")],
        F,
        encounters={"e9": {"place": "Stellwagen", "at": None}},
    )
    curator.take_in(
        [embedded(season, "r.png", vector, "e9")],
        F,
        encounters={"e9": {"place": "elsewhere", "observer": "Ann"}},
    )
    event = curator.confirm("q.png", "w_02")
    told = [
        (each.name, each.individual, each.place, each.observer)
        for each in Directory(catalogue).encounters()
    ]
    assert told[-2:] == [("e9", None, "Stellwagen", "Ann"), ("e9", "w_02", "Stellwagen", "Ann")]
    undo(catalogue, event.revision, made_by="ada")
    told = [(each.name, each.individual, each.photos) for each in Directory(catalogue).encounters()]
    assert told[-1] == ("e9", None, 2)


def test_the_past_knows_what_photos_were(catalogue):
    Curator(catalogue, made_by="ada").edit_photo(
        "a00_0.png", {"species": "fin whale", "taken_at": "2001"}
    )
    Curator(catalogue, made_by="ada").delete("a00_0.png")
    was = [past_catalogue(catalogue, revision).photos.get("a00_0.png") for revision in (1, 2, 3)]
    assert [was[0].species, was[0].taken_at, was[1].species, was[1].taken_at] == [
        None,
        "2018-06-01",
        "fin whale",
        "2001",
    ]
    assert was[2] is None
