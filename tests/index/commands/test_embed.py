"""`flukeprint embed` as a user sees it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from embedding.photos.photo import BadPhoto, read_photo
from index.labels.reader import BadLabels
from index.messages import BadOut


def test_embed_writes_names_and_vectors(run, season, tmp_path, embedder):
    out = tmp_path / "v.npz"
    result = run("embed", season.folder, "--out", out)
    assert result.exit_code == 0
    assert "38 photos, dimension 24" in result.stdout
    with np.load(out) as written:
        assert list(written["photo"]) == sorted(season.rows)
        assert written["embedding"].dtype == np.float32
        for name, vector in zip(written["photo"], written["embedding"], strict=True):
            np.testing.assert_array_equal(
                vector, embedder.embed([read_photo(season.folder / name)])[0]
            )
        assert str(written["fingerprint"]) == hashlib.sha256(b"old").hexdigest()


def test_embed_with_boxes(run, season, tmp_path, embedder):
    from embedding.photos.photo import Box

    season.rows = {"a00_0.png": {"label": "w_00", "box": "0 0 0.5 1"}}
    season.labels()
    result = run("embed", season.folder, "--csv", season.csv, "--out", tmp_path / "v.npz")
    assert "note: 37 photos in" in result.stderr
    with np.load(tmp_path / "v.npz") as written:
        assert list(written["photo"]) == ["a00_0.png"]
        expected = embedder.embed([read_photo(season.folder / "a00_0.png")], [Box(0, 0, 0.5, 1)])
        np.testing.assert_array_equal(written["embedding"], expected)
    with pytest.raises(BadLabels, match="with --csv give one folder of photos, not 2 paths"):
        run("embed", season.folder, season.folder, "--csv", season.csv, "--out", tmp_path / "v.npz")


def test_embed_leaves_bad_photos_out(run, season, tmp_path):
    (season.folder / "a00_0.png").write_bytes(b"")
    result = run("embed", season.folder, "--out", tmp_path / "v.npz")
    assert result.exit_code == 1
    assert "a00_0.png: the file is empty" in result.stderr
    with np.load(tmp_path / "v.npz") as written:
        assert len(written["photo"]) == len(written["embedding"]) == 37


def test_embed_writes_nothing_where_no_photo_can_be_read(run, season, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(
        BadPhoto, match=r"no photo could be read \(1 photo given\), so .*v\.npz is not written"
    ):
        run("embed", tmp_path / "bad.png", "--out", tmp_path / "v.npz")
    assert not (tmp_path / "v.npz").exists()


def test_embed_refuses_what_cannot_come_out_right(run, season, tmp_path):
    with pytest.raises(BadPhoto, match=r"2 of the photos are called a00_0\.png; give one folder"):
        run("embed", season.folder, season.folder / "a00_0.png", "--out", tmp_path / "v.npz")
    with pytest.raises(BadOut, match="is a folder; give the name of the file to write"):
        run("embed", season.folder, "--out", tmp_path)
    with pytest.raises(
        BadOut, match=r"there is no folder .*nowhere to write v\.npz into; make it first"
    ):
        run("embed", season.folder, "--out", tmp_path / "nowhere" / "v.npz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadPhoto, match="there is no photo in"):
        run("embed", tmp_path / "empty", "--out", tmp_path / "v.npz")
    assert not (tmp_path / "v.npz").exists()
