"""training/evaluation/failures.py: who was asked for and answered, at known angles; classes whose
bounds are the hits'.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.embedder import Embedder
from embedding.networks.locator import Locator, locate
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import Box
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from index.search.matching import Candidate
from training.evaluation.failures import (
    CLASSES,
    FailureRow,
    QueryResult,
    failure_rows,
    failure_table,
    known_results,
    leave_one_out_results,
    misses_csv,
    write_failures,
)
from training.evaluation.photo_quality import overlap
from training.evaluation.protocol import answers_of
from training.splits.protocol import Role, Split

At = Callable[..., np.ndarray]

# name: individual, angle, role. The query of b lies nearer to a.
WHALES: dict[str, tuple[str | None, float, Role]] = {
    "a1": ("a", 0, "fit"),
    "a2": ("a", 20, "fit"),
    "a3": ("a", 10, "known_query"),
    "b1": ("b", 60, "fit"),
    "b2": ("b", 80, "fit"),
    "b3": ("b", 31, "known_query"),
    "c1": ("c", 120, "disjoint"),
    "n1": (None, 180, "unknown_query"),
}
PHOTOS = [
    LabelledPhoto(name, Path(name), individual) for name, (individual, _, _) in WHALES.items()
]
SPLIT = Split({name: role for name, (_, _, role) in WHALES.items()})


def far(degrees: float) -> float:
    return 1 - float(np.cos(np.radians(degrees)))


def test_known_queries_tell_their_own_and_the_nearest_other(at: At) -> None:
    answers = answers_of(at(*(degrees for _, degrees, _ in WHALES.values())), PHOTOS, SPLIT)
    hit, miss = known_results(answers)
    assert (hit.photo.name, hit.rank, hit.references) == ("a3", 1, 2)
    assert hit.other is not None and miss.other is not None
    assert (hit.own.photo, hit.other.photo, hit.answer) == ("a1", "b1", hit.own)
    assert hit.own.distance == pytest.approx(far(10), abs=1e-6)
    assert hit.other.distance == pytest.approx(far(50), abs=1e-6)
    assert (miss.photo.name, miss.rank, miss.references) == ("b3", 2, 2)
    assert (miss.own.photo, miss.other.photo, miss.answer) == ("b1", "a2", miss.other)
    assert miss.answer.distance == pytest.approx(far(11), abs=1e-6)
    assert miss.own.distance == pytest.approx(far(29), abs=1e-6)


def test_another_score_is_another_answer(at: At) -> None:
    answers = answers_of(
        at(*(degrees for _, degrees, _ in WHALES.values())), PHOTOS, SPLIT, "centre"
    )
    hit, _ = known_results(answers, "centre")
    assert hit.own.distance == pytest.approx(0, abs=1e-6)  # the centre of a is at 10


def test_a_photo_left_out_is_asked_among_the_others(at: At) -> None:
    names = {"d1": 120, "d2": 150, "e1": 136, "f1": 10, "f2": 12, "f3": 15}
    photos = [LabelledPhoto(name, Path(name), name[0]) for name in names]
    asked = {each.photo.name: each for each in leave_one_out_results(at(*names.values()), photos)}
    assert set(asked) == {"d1", "d2", "f1", "f2", "f3"}  # e has one photo
    assert [asked[name].rank for name in ("d1", "d2", "f1")] == [2, 2, 1]
    assert [asked[name].references for name in ("d1", "f1")] == [1, 2]
    for name, own, other in (("d1", "d2", "e1"), ("d2", "d1", "e1"), ("f1", "f2", "d1")):
        wrong = asked[name].other
        assert wrong is not None and (asked[name].own.photo, wrong.photo) == (own, other)
        assert wrong.distance == pytest.approx(far(abs(names[name] - names[other])), abs=1e-6)


def test_photos_of_one_burst_don_t_answer_for_each_other(at: At) -> None:
    """As in report.json: d1 and d2 are one burst, and all photos of g are."""
    names = {"d1": 120, "d2": 121, "d3": 150, "e1": 136, "g1": 10, "g2": 12}
    photos = [LabelledPhoto(name, Path(name), name[0]) for name in names]
    bursts = np.array([0, 0, 1, 2, 3, 3])
    results = leave_one_out_results(at(*names.values()), photos, bursts)
    asked = {each.photo.name: each for each in results}
    assert set(asked) == {"d1", "d2", "d3"}  # g has one burst
    assert [asked[name].rank for name in ("d1", "d2", "d3")] == [2, 2, 2]
    assert [asked[name].own.photo for name in ("d1", "d2", "d3")] == ["d3", "d3", "d2"]
    assert [asked[name].references for name in ("d1", "d2", "d3")] == [1, 1, 2]


def test_where_nobody_else_is_there_nobody_is_named(at: At) -> None:
    alone = leave_one_out_results(
        at(0, 10), [LabelledPhoto(name, Path(name), "a") for name in ("a1", "a2")]
    )
    assert [(each.rank, each.other, each.answer.photo) for each in alone] == [
        (1, None, "a2"),
        (1, None, "a1"),
    ]


# --- classes ---


def photo_file(
    folder: Path, name: str, *, low: int = 50, high: int = 209, cell_px: int = 4
) -> Path:
    """A checkered photo of 128 x 64 px between two greys."""
    rows, columns = np.indices((64, 128)) // cell_px
    pixels = np.where((rows + columns) % 2 == 1, high, low).astype(np.uint8)
    path = folder / name
    Image.fromarray(np.repeat(pixels[:, :, None], 3, axis=2)).save(path)
    return path


def result_of(
    path: Path, rank: int, *, references: int = 3, distance: float = 0.5, box: Box | None = None
) -> QueryResult:
    own, other = Candidate("a", distance, "a.png"), Candidate("b", distance, "b.png")
    return QueryResult(LabelledPhoto(path.name, path, "a", box=box), rank, own, other, references)


@pytest.fixture
def hits(tmp_path: Path) -> list[QueryResult]:
    """Twenty hits, a little brighter and of a little more contrast each, at distances .3 to .49."""
    return [
        result_of(
            photo_file(tmp_path, f"hit{at:02}.png", low=60 - at, high=190 + 2 * at),
            1,
            distance=0.3 + at / 100,
            box=Box(0.0, 0.0, 0.8 + at / 100, 0.9),
        )
        for at in range(20)
    ]


ORDINARY = Box(0.0, 0.0, 0.9, 0.9)


@pytest.mark.parametrize(
    ("made", "given", "found"),
    [
        ({}, {"rank": 9}, ("other",)),
        ({}, {"rank": 5}, ("other", "near miss")),
        ({}, {"rank": 9, "references": 1}, ("few references",)),
        ({}, {"rank": 9, "distance": 0.31}, ("other", "sure but wrong")),
        ({"cell_px": 3}, {"rank": 9, "box": Box(0.0, 0.0, 0.7, 0.7)}, ("small fluke",)),
        ({}, {"rank": 9, "box": Box(0.0, 0.0, 0.8, 1.0)}, ("narrow",)),
        ({"cell_px": 16}, {"rank": 9}, ("blurred",)),
        ({"low": 40, "high": 200}, {"rank": 9}, ("dark",)),
        ({"low": 62, "high": 219}, {"rank": 9}, ("bright",)),
        ({"low": 80, "high": 180, "cell_px": 2}, {"rank": 2}, ("low contrast", "near miss")),
    ],
)
def test_a_miss_is_in_the_classes_that_its_photo_and_gallery_put_it_in(
    made: dict[str, int],
    given: dict[str, object],
    found: tuple[str, ...],
    hits: list[QueryResult],
    tmp_path: Path,
) -> None:
    miss = result_of(photo_file(tmp_path, "miss.png", **made), **{"box": ORDINARY, **given})  # type: ignore[arg-type]
    assert failure_rows([*hits, miss])[-1].classes == found


def test_a_tenth_of_the_hits_is_rare_by_definition(hits: list[QueryResult]) -> None:
    rows = failure_rows(hits)
    for name in ("low contrast", "small fluke", "bright"):
        assert sum(name in row.classes for row in rows) == 2
    assert not any({"near miss", "sure but wrong"} & set(row.classes) for row in rows)


def test_without_hits_nothing_is_rare(tmp_path: Path) -> None:
    assert failure_rows([result_of(photo_file(tmp_path, "miss.png"), 9)])[0].classes == ("other",)


def test_a_box_that_the_locator_missed_is_seen(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = Network(NetworkConfig("test_resnet", embedding_dim=4))
    embedder = Embedder(
        network, Preprocessing(32, 32, crop="box"), "", locator=Locator(), device="cpu"
    )
    path = photo_file(tmp_path, "miss.png")
    with Image.open(path) as image:
        located = locate(embedder.locator or Locator(), [image.convert("RGB")])[0]
    away = Box(0.0, 0.0, 0.05, 0.05)
    asked = [result_of(path, 9, box=box) for box in (located, away, None)]
    blind = failure_rows(asked, embedder=embedder, with_boxes=False)
    assert [row.quality.box_iou for row in blind] == [
        1.0,
        pytest.approx(overlap(away, located)),
        None,
    ]
    assert ["box missed" in row.classes for row in blind] == [False, True, False]
    # Without boxes the located one is measured, with boxes the given one.
    assert blind[1].quality.box_area == pytest.approx(
        (located.right - located.left) * (located.bottom - located.top)
    )
    given = failure_rows(asked, embedder=embedder)
    assert given[1].quality.box_area == pytest.approx(0.0025)
    assert failure_rows(asked)[1].quality.box_iou is None


# --- what is told ---


@pytest.fixture
def rows(hits: list[QueryResult], tmp_path: Path) -> list[FailureRow]:
    misses = [
        result_of(photo_file(tmp_path, "z_blurred.png", cell_px=16), 4, box=ORDINARY),
        result_of(photo_file(tmp_path, "a_few.png"), 9, references=1, box=ORDINARY),
    ]
    return failure_rows([*hits, *misses])


def test_the_table_sets_misses_beside_hits(rows: list[FailureRow]) -> None:
    lines = failure_table(rows).splitlines()
    assert lines[0].startswith("| class | misses (2) | share | hits (20) | share |")
    assert "| few references | 1 | 0.500 | 0 | 0.000 |  |" in lines
    assert "| near miss | 1 | 0.500 | | |  |" in lines
    blurred = next(line for line in lines if line.startswith("| blurred"))
    cells = [cell.strip() for cell in blurred.strip("|").split("|")]
    assert cells == ["blurred", "1", "0.500", "2", "0.100", "5.0"]
    assert [line.split("**")[1] for line in lines if line.startswith("- ")] == list(CLASSES)


def test_the_table_of_nothing_has_no_rates() -> None:
    assert "| other | 0 | 0.000 | 0 | 0.000 |  |" in failure_table([]).splitlines()


def test_misses_are_listed_by_name_with_all_that_is_known(
    rows: list[FailureRow], tmp_path: Path
) -> None:
    told = list(csv.DictReader(io.StringIO(misses_csv(rows))))
    assert [row["photo"] for row in told] == ["a_few.png", "z_blurred.png"]
    few = told[0]
    assert {
        name: few[name]
        for name in ("individual", "answer", "rank", "references", "classes", "box_iou")
    } == {
        "individual": "a",
        "answer": "b",
        "rank": "9",
        "references": "1",
        "classes": "few references",
        "box_iou": "",
    }
    assert (few["answer_photo"], few["own_photo"], few["answer_distance"]) == (
        "b.png",
        "a.png",
        "0.5000",
    )
    assert float(few["box_area"]) == pytest.approx(0.81)
    assert told[1]["classes"] == "blurred; near miss"
    write_failures(rows, tmp_path)
    assert (tmp_path / "misses.csv").read_text() == misses_csv(rows)
    assert (tmp_path / "failures.md").read_text() == failure_table(rows)
