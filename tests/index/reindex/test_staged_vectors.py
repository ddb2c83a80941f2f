"""Another checkpoint's vectors: beside those that are searched, changing nothing until the swap."""

from __future__ import annotations

import numpy as np
import pytest

from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.curation.curator import Curator
from index.curation.past_revision import searchable_as_of
from index.curation.undo import OtherCheckpoint, undo
from index.photos.embed import embed_photos
from index.reindex import update
from index.reindex.build import build_catalogue
from index.reindex.options import UpdateOptions
from index.reindex.plan import as_labelled
from index.reindex.staged_vectors import read_state, stage_vectors
from index.reindex.update import update_catalogue

OLD, NEW = "f" * 64, "e" * 64


@pytest.fixture
def other(make_embedder):
    return make_embedder(NEW, shift=100)


def made(catalogue, embedder, count):
    photos = catalogue.photos()[:count]
    (batch,) = embed_photos([as_labelled(photo) for photo in photos], embedder)
    return {photo.id: each for photo, each in zip(photos, batch, strict=True)}


def test_vectors_beside_change_nothing_that_is_searched(catalogue, other):
    before, calibration = catalogue.searchable()
    names = stage_vectors(catalogue, made(catalogue, other, 3), NEW)
    assert names == {photo.name for photo in catalogue.photos()[:3]}
    assert (catalogue.revision, catalogue.fingerprint) == (1, OLD)
    after, still = catalogue.searchable()
    assert np.array_equal(before.vectors, after.vectors)
    assert still == calibration
    state = read_state(catalogue, NEW)
    assert [photo.name for photo in state.photos if photo.fingerprint == NEW] == sorted(names)
    assert (state.revision, state.fingerprint) == (1, OLD)


def test_the_searched_checkpoints_own_vectors_are_never_laid_beside(catalogue, embedder):
    assert stage_vectors(catalogue, made(catalogue, embedder, 3), OLD) == set()


def test_a_photo_that_is_another_meanwhile_is_left_out(catalogue, season, other, embedder):
    vectors = made(catalogue, other, 2)
    season.paint(catalogue.photos()[0].name, "w_00", take=9)
    update_catalogue(catalogue, None, embedder, UpdateOptions(rehash=True))
    assert stage_vectors(catalogue, vectors, NEW) == {catalogue.photos()[1].name}


def test_an_interrupted_change_of_checkpoint_goes_on_where_it_was(
    catalogue, other, make_embedder, monkeypatch
):
    monkeypatch.setattr("index.photos.embed.BATCH_PHOTOS", 8)
    honest, calls = other.embed, []

    def tiring(images, boxes=None):
        calls.append(len(images))
        if len(calls) > 2:
            raise KeyboardInterrupt
        return honest(images, boxes)

    other.embed = tiring
    with pytest.raises(KeyboardInterrupt):
        update_catalogue(catalogue, None, other)
    assert (catalogue.revision, catalogue.fingerprint) == (1, OLD)
    again = make_embedder(NEW, shift=100)
    report = update_catalogue(catalogue, None, again, UpdateOptions(kind="swap", made_by="Ann"))
    # The revision tells of every photo that goes over, whichever try embedded it.
    assert (again.embedded, report.reembedded, report.unchanged, report.revision) == (
        38 - 16,
        38,
        0,
        2,
    )
    assert (catalogue.fingerprint, catalogue.counts().searchable) == (NEW, 38)
    lines = catalogue.changes(limit=100)[:38]
    assert [line.revision for line in lines] == [2] * 38
    assert {line.photo for line in lines} == {photo.name for photo in catalogue.photos()}
    assert {line.detail["after"]["fingerprint"] for line in lines} == {NEW}
    undo(catalogue, 2, made_by="Ann")
    back = update_catalogue(catalogue, None, make_embedder(NEW, shift=100))
    assert (back.reembedded, back.unchanged, catalogue.fingerprint) == (0, 38, NEW)


def test_acts_during_the_embedding_are_kept_and_seen_at_the_swap(catalogue, season, other):
    curator, honest = Curator(catalogue, made_by="Ann"), other.embed
    acts = [
        lambda: curator.rename("w_00", "Salt"),
        lambda: curator.delete("a01_0.png"),
        lambda: curator.move(["a02_0.png"], "w_03"),
    ]

    def acting(images, boxes=None):
        if acts:
            acts.pop(0)()  # in the middle of the network's work, in another transaction
        return honest(images, boxes)

    other.embed = acting
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("index.photos.embed.BATCH_PHOTOS", 16)
        report = update_catalogue(catalogue, None, other, UpdateOptions(kind="swap", made_by="Ann"))
    assert (report.revision, catalogue.fingerprint) == (5, NEW)
    gallery = catalogue.gallery()
    whose = dict(zip(gallery.photo_names, gallery.individuals, strict=True))
    assert (whose["a00_0.png"], whose["a02_0.png"]) == ("Salt", "w_03")
    assert "a01_0.png" not in whose
    assert [each.fingerprint for each in catalogue.history(limit=5)] == [NEW, OLD, OLD, OLD, OLD]
    assert catalogue.history(limit=1)[0].changes == {"reembed": 37}, "all but the deleted one"


def test_when_curators_never_rest_the_last_round_keeps_them_out(catalogue, other, monkeypatch):
    curator, rounds = Curator(catalogue, made_by="Ann"), []
    honest = update.read_state

    def restless(catalogue, fingerprint):
        state = honest(catalogue, fingerprint)
        rounds.append(curator.edit_photo("a00_0.png", {"quality": f"look {len(rounds)}"}))
        return state

    monkeypatch.setattr(update, "read_state", restless)
    report = update_catalogue(catalogue, None, other)
    assert (len(rounds), report.revision, other.embedded) == (3, 5, 38)
    assert catalogue.fingerprint == NEW


def test_a_calibration_made_ahead_is_that_of_a_build(catalogue, season, other, tmp_path):
    season.draw("new.png", "w_new")
    season.paint("a00_0.png", "w_00", take=9)
    season.rows["a01_0.png"]["label"] = "w_05"
    season.rows.pop("a02_0.png")
    update_catalogue(catalogue, season.labels(), other, UpdateOptions(prune=True))
    build_catalogue(tmp_path / "scratch.db", season.labels(), other)
    with Catalogue.open(tmp_path / "scratch.db") as scratch:
        assert catalogue.calibration() == scratch.calibration()


def test_going_over_can_be_forbidden_undone_and_asked_about(catalogue, other):
    with pytest.raises(BadCatalogue, match="is searched by the checkpoint ffffffffffff"):
        update_catalogue(catalogue, None, other, UpdateOptions(may_change_checkpoint=False))
    assert other.embedded == 0
    before, _ = catalogue.searchable()
    update_catalogue(catalogue, None, other)
    past, _ = searchable_as_of(catalogue, 1)
    assert np.array_equal(past.vectors, before.vectors)
    with pytest.raises(OtherCheckpoint) as refused:
        undo(catalogue, 2, made_by="Ann", loaded=NEW)
    assert refused.value.fingerprint == OLD
    undo(catalogue, 2, made_by="Ann", loaded=OLD)
    assert np.array_equal(catalogue.gallery().vectors, before.vectors)
