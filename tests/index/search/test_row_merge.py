"""Rows spliced by hand and against sorting."""

import numpy as np

from index.search.row_merge import Piece, make_pieces, splice_names


def test_rows_are_cut_out_and_put_in_between():
    kept = np.array([0, 1, 3, 4])
    pieces = make_pieces(kept, [0, 2, 2, 4], [2, 0, 1, 3])
    assert pieces == [
        Piece(2, 3, True),
        Piece(0, 2, False),
        Piece(0, 1, True),
        Piece(1, 2, True),
        Piece(3, 5, False),
        Piece(3, 4, True),
    ]
    assert splice_names("abcde", "wxyz", pieces) == list("yabwxdez")
    assert splice_names(range(5), range(10, 14), pieces) == [12, 0, 1, 10, 11, 3, 4, 13]


def test_nothing_kept_or_nothing_added(rng):
    none = np.zeros(0, np.int64)
    assert splice_names("abc", "", make_pieces(none, [], [])) == []
    assert splice_names("", "xy", make_pieces(none, [0, 0], [1, 0])) == ["y", "x"]
    assert splice_names("abc", "", make_pieces(np.arange(3), [], [])) == list("abc")


def test_any_splice_is_what_sorting_gives(rng):
    for _ in range(200):
        before = sorted(rng.choice(1000, int(rng.integers(0, 30)), replace=False).tolist())
        kept = np.flatnonzero(rng.random(len(before)) < 0.7)
        added = sorted(
            (1000 + rng.choice(1000, int(rng.integers(0, 6)), replace=False)).tolist(),
            key=lambda n: n % 1000,
        )
        places = [
            int(np.searchsorted([before[row] for row in kept], number % 1000)) for number in added
        ]
        pieces = make_pieces(kept, places, range(len(added)))
        found = splice_names(before, added, pieces)
        assert found == sorted(
            [*(before[row] for row in kept), *added], key=lambda n: (n % 1000, -n)
        )
