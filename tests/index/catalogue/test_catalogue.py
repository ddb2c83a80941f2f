"""The catalogue: what it tells of itself, which files it refuses and how, and that its log is
append-only.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from index.catalogue.catalogue import BadCatalogue, Catalogue, CatalogueCounts
from index.catalogue.revision import open_revision
from index.reindex.build import build_catalogue
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from index.search.engine import exact_distances
from index.storage.address import CatalogueBusy


def test_what_it_holds(path, season, embedder):
    with Catalogue.open(path) as catalogue:
        assert (catalogue.revision, catalogue.fingerprint) == (1, "f" * 64)
        assert catalogue.counts() == CatalogueCounts(
            individuals=12, encounters=2, photos=38, new_whale_photos=2, searchable=38
        )
        photos = {photo.name: photo for photo in catalogue.photos()}
    assert list(photos) == sorted(season.rows)
    first = photos["a00_0.png"]
    assert (first.individual, first.species, first.encounter, first.taken_at, first.box) == (
        "w_00",
        "humpback",
        "e1",
        "2018-06-01",
        None,
    )
    assert photos["a00_1.png"].box == (0, 0, 0.5, 1)
    assert photos["stranger_1.png"].individual is None
    assert first.path == season.folder / "a00_0.png"
    assert first.size_bytes == first.path.stat().st_size


def test_vectors_are_the_embedder_s_own_in_the_order_of_names(path, season, embedder):
    with Catalogue.open(path) as catalogue:
        ids, vectors = catalogue.vectors("f" * 64)
        by_id = {photo.id: photo for photo in catalogue.photos()}
        assert catalogue.vectors("0" * 64)[1].shape == (0, 0)
    assert [by_id[each].name for each in ids] == sorted(season.rows)
    from embedding.photos.photo import read_photo

    for row, photo_id in enumerate(ids):
        photo = by_id[photo_id]
        np.testing.assert_array_equal(
            vectors[row], embedder.embed([read_photo(photo.path)], [photo.box])[0]
        )


def test_the_gallery_holds_the_labelled_photos_only(path):
    with Catalogue.open(path) as catalogue:
        gallery, calibration = catalogue.searchable()
        assert calibration == catalogue.calibration()
        assert catalogue.gallery("SQfp16").size == 36
    assert (gallery.size, gallery.individual_count, gallery.revision, gallery.fingerprint) == (
        36,
        12,
        1,
        "f" * 64,
    )
    assert "stranger_1.png" not in gallery.photo_names
    assert calibration.is_fitted
    assert calibration.score == "nearest"


def test_another_score_gets_its_own_calibration_which_is_not_stored(path):
    with Catalogue.open(path) as catalogue:
        assert catalogue.searchable(score="centre")[1].score == "centre"
        assert catalogue.calibration().score == "nearest"


def test_the_folder_can_be_moved_whole(path, tmp_path, season):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(path, moved / path.name)
    shutil.move(season.folder, moved / "photos")
    with Catalogue.open(moved / path.name) as catalogue:
        assert all(
            photo.path.is_relative_to(moved) and photo.path.is_file()
            for photo in catalogue.photos()
        )


def test_a_link_leads_to_the_catalogue(path, tmp_path):
    (tmp_path / "linked.db").symlink_to(path)
    with Catalogue.open(tmp_path / "linked.db") as catalogue:
        assert catalogue.address == path


def test_the_log_tells_each_change_with_before_and_after(path, season, embedder):
    season.rows["a00_0.png"]["label"] = "w_01"
    season.rows.pop("a02_0.png")
    with Catalogue.open(path) as catalogue:
        update_catalogue(catalogue, season.labels(), embedder, UpdateOptions(prune=True))
        relabelled, removed = catalogue.changes(2)
        assert (relabelled.kind, relabelled.photo, relabelled.revision) == (
            "relabel",
            "a00_0.png",
            2,
        )
        assert relabelled.detail["before"]["individual"] == "w_00"
        assert relabelled.detail["after"]["individual"] == "w_01"
        assert (removed.kind, removed.photo, removed.detail["before"]["individual"]) == (
            "remove",
            "a02_0.png",
            "w_02",
        )
        last, first = catalogue.history()
        assert (last.revision, last.changes) == (2, {"relabel": 1, "remove": 1})
        assert (first.revision, first.changes) == (1, {"add": 38})
        assert len(catalogue.history(1)) == 1


@pytest.mark.parametrize("change", ["UPDATE changes SET photo = 'x'", "DELETE FROM changes"])
def test_the_log_is_append_only(path, change):
    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change)
    raw.close()


def test_a_reader_sees_one_revision_whole_while_another_is_made(path, season, embedder):
    with Catalogue.open(path) as catalogue:
        known = catalogue.photos()[0]
        with open_revision(catalogue) as revision:
            revision.remove(known)
            revision.finish("f" * 64)
            assert catalogue.counts().photos == 38
            assert catalogue.revision == 1
        assert catalogue.counts().photos == 37
        assert catalogue.revision == 2


def test_several_threads_may_read(path):
    found: list[int] = []
    with Catalogue.open(path) as catalogue:
        threads = [
            threading.Thread(target=lambda: found.append(catalogue.counts().photos))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [38] * 4


def test_an_error_inside_a_revision_changes_nothing(path):
    with Catalogue.open(path) as catalogue:
        with pytest.raises(KeyboardInterrupt), open_revision(catalogue) as revision:
            revision.remove(catalogue.photos()[0])
            raise KeyboardInterrupt
        assert catalogue.counts().photos == 38


def test_two_cannot_change_it_at_once(path):
    with (
        Catalogue.open(path) as first,
        Catalogue.open(path, wait_seconds=0) as second,
        open_revision(first),
        pytest.raises(
            CatalogueBusy, match=r"another flukeprint is changing .*catalogue.db just now; wait"
        ),
        open_revision(second),
    ):
        pass


def test_creating(tmp_path):
    with Catalogue.open(tmp_path / "new.db", create=True) as catalogue:
        assert (
            catalogue.revision,
            catalogue.fingerprint,
            catalogue.photos(),
            catalogue.history(),
        ) == (0, None, [], [])
        with pytest.raises(
            BadCatalogue, match="holds nothing yet; fill it with `flukeprint index update`"
        ):
            catalogue.gallery()
    with pytest.raises(BadCatalogue, match="can't be created: File exists"):
        Catalogue.open(tmp_path / "new.db", create=True)
    with pytest.raises(BadCatalogue, match="can't be created: No such file or directory"):
        Catalogue.open(tmp_path / "no folder" / "new.db", create=True)


def test_what_is_searched_is_what_was_stored(path, season, embedder):
    with Catalogue.open(path) as catalogue:
        gallery = catalogue.gallery()
        ids, vectors = catalogue.vectors("f" * 64)
        names = {photo.id: photo for photo in catalogue.photos()}
    labelled = [
        (names[each], vectors[row]) for row, each in enumerate(ids) if names[each].individual
    ]
    query = vectors[:1]
    nearest = min(
        labelled, key=lambda each: (exact_distances(query, each[1][None])[0, 0], each[0].individual)
    )[0]
    assert gallery.rank(query, 1)[0][0].individual == nearest.individual


def test_paths_outside_the_catalogue_s_folder_are_kept_whole(tmp_path, season, embedder):
    folder = tmp_path / "catalogues"
    folder.mkdir()
    build_catalogue(folder / "c.db", season.labels(), embedder)
    with Catalogue.open(folder / "c.db") as catalogue:
        assert catalogue.photos()[0].path == Path(season.folder / "a00_0.png")
