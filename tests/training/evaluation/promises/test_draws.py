"""training/evaluation/promises/draws.py: no catalogue holds its queries, nor what they were taken
with, and nothing that was learned is a query.
"""

from __future__ import annotations

import numpy as np

from training.evaluation.promises.draws import PhotoSet, draw_catalogue
from training.splits.protocol import Split, make_split


def test_a_draw_holds_none_of_its_queries(make_herd) -> None:
    herd = make_herd(60, 4, 30)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 0)
    # A fifth of 60 individuals and a third of 30 new_whale photos are absent.
    assert len(draw.absent) == 12 * 4 and len(draw.new_whales) == 10 and len(draw.nobody) == 20
    assert draw.individual_count == len(draw.known) == 48 and len(draw.gallery) == 48 * 3
    parts = [draw.gallery, draw.nobody, draw.known[:, 0], draw.absent, draw.new_whales]
    assert sorted(np.concatenate(parts).tolist()) == list(range(270))
    held = set(photos.individuals[draw.gallery])
    assert held == set(photos.individuals[draw.known[:, 0]])
    assert not held & set(photos.individuals[draw.absent])
    assert set(photos.individuals[draw.nobody]) == {""}


def test_photos_as_they_are_met(make_herd) -> None:
    herd = make_herd(60, 6, 30)
    # Photos 0 and 1 of everybody are one encounter.
    herd = herd.with_encounters([f"{at // 6}-{max(1, at % 6)}" for at in range(390)])
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 0, as_met=True)
    present = 48 * 6
    gone = present - len(draw.gallery)
    assert present // 7 <= gone <= present // 7 + 1 and 0.7 * gone < len(draw.known) < gone
    assert len(set(photos.individuals[draw.gallery])) == draw.individual_count == 48
    met = set(photos.bursts[draw.known[:, 0]].tolist())
    assert len(met) == len(draw.known) and not met & set(photos.bursts[draw.gallery].tolist())
    again = draw_catalogue(photos, 0, as_met=True)
    assert again.known.tolist() == draw.known.tolist()


def test_nobody_leaves_a_catalogue_with_the_last_photo(make_herd) -> None:
    herd = make_herd(40, 2, 0)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    for seed in range(5):
        draw = draw_catalogue(photos, seed, as_met=True)
        assert len(draw.known) == 64 // 7
        assert len(set(photos.individuals[draw.gallery])) == 32


def test_a_small_catalogue_has_half_of_the_individuals_as_strangers(make_herd) -> None:
    herd = make_herd(60, 4, 0)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 3, size=5)
    assert (draw.individual_count, len(draw.absent)) == (5, 30 * 4)
    again, other = draw_catalogue(photos, 3, size=5), draw_catalogue(photos, 4, size=5)
    assert again.gallery.tolist() == draw.gallery.tolist() != other.gallery.tolist()


def test_a_query_s_whole_burst_leaves_the_catalogue(make_herd) -> None:
    herd = make_herd(20, 4, 0)
    # Photos 0 and 1 of everybody are one encounter; of the first five animals all four are.
    encounters = [
        f"{at // 4}" if at < 20 else f"{at // 4}-{max(1, at % 4)}" for at in range(len(herd.photos))
    ]
    herd = herd.with_encounters(encounters)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 1)
    met = {encounters[row] for row in draw.known[:, 0]}
    assert met and not met & {encounters[row] for row in draw.gallery}
    # An animal met once is no query, and stays in the catalogue with all its photos.
    once = [f"w_{at:03}" for at in range(5)]
    assert not set(photos.individuals[draw.known[:, 0]]) & set(once)
    present = [one for one in once if one in photos.individuals[draw.gallery]]
    assert present and all((photos.individuals[draw.gallery] == one).sum() == 4 for one in present)


def test_a_stranger_s_burst_is_asked_about_whole(make_herd) -> None:
    herd = make_herd(20, 3, 30)
    # New_whale photos come in bursts of five.
    encounters = [f"{at}" if at < 60 else f"new {(at - 60) % 6}" for at in range(90)]
    herd = herd.with_encounters(encounters)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    for seed in range(5):
        draw = draw_catalogue(photos, seed)
        asked = {encounters[row] for row in draw.new_whales}
        assert asked and not asked & {encounters[row] for row in draw.nobody}
        assert len(draw.new_whales) + len(draw.nobody) == 30


def test_an_encounter_s_photos_were_taken_together(make_herd) -> None:
    herd = make_herd(30, 6, 0)
    # Everybody was met twice, three photos each; the photos of both lie among each other.
    encounters = [f"{at // 6}-{at % 2}" for at in range(180)]
    herd = herd.with_encounters(encounters)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 2, photos_a_query=3)
    assert len(draw.known) == draw.individual_count
    for rows in draw.known:
        assert len({encounters[row] for row in rows}) == 1
    assert len(draw.gallery) == 3 * draw.individual_count


def test_nothing_that_was_learned_is_a_query(make_herd) -> None:
    herd = make_herd(60, 4, 30)
    split = make_split(herd.photos, 0)
    photos = PhotoSet.of(herd.vectors, herd.photos, split)
    draw = draw_catalogue(photos, 0)
    roles = [split.roles[photo.name] for photo in herd.photos]
    queries = np.concatenate([draw.known[:, 0], draw.absent, draw.new_whales])
    assert "fit" not in {roles[row] for row in queries}
    assert {roles[row] for row in draw.new_whales} == {"unknown_query"}
    assert {roles[row] for row in draw.nobody} == {"fit"}
    # Half of the 12 disjoint individuals are absent, the others known.
    assert {roles[row] for row in draw.absent} == {"disjoint"} and len(draw.absent) == 6 * 4
    assert {roles[row] for row in draw.known[:, 0]} == {"known_query", "disjoint"}


def test_individuals_that_a_split_calls_strangers_are_in_no_catalogue(make_herd) -> None:
    herd = make_herd(40, 4, 0)
    split = make_split(
        herd.photos, 0
    )  # without new_whale photos it takes individuals for strangers
    photos = PhotoSet.of(herd.vectors, herd.photos, split)
    strangers = {
        photo.individual for photo in herd.photos if split.roles[photo.name] == "unknown_query"
    }
    for seed in range(3):
        draw = draw_catalogue(photos, seed, size=10)
        assert len(strangers) == 6 and strangers <= set(photos.individuals[draw.absent])


def test_all_learned_leaves_no_query(make_herd) -> None:
    herd = make_herd(10, 4, 3)
    split = Split({photo.name: "fit" for photo in herd.photos})
    draw = draw_catalogue(PhotoSet.of(herd.vectors, herd.photos, split), 0)
    assert draw.known.shape == (0, 1) and len(draw.absent) == len(draw.new_whales) == 0
    assert len(draw.gallery) == 40 and len(draw.nobody) == 3


def test_a_draw_of_one_species(make_herd) -> None:
    herd = make_herd(20, 4, 5, species="fin") + make_herd(30, 4, 0, species="sei")
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 0, species="sei")
    rows = np.concatenate([draw.gallery, draw.absent, draw.known[:, 0]])
    assert set(photos.species[rows]) == {"sei"} and len(rows) == 120 and len(draw.nobody) == 0


def test_queries_of_three_photos(make_herd) -> None:
    herd = make_herd(30, 5, 0)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 0, photos_a_query=3)
    assert draw.known.shape == (24, 3) and len(draw.gallery) == 24 * 2
    for rows in draw.known:
        assert len(set(photos.individuals[rows])) == 1 and len(set(rows.tolist())) == 3
