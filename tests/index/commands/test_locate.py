"""`flukeprint locate` as a user sees it."""

from __future__ import annotations

import csv
import io
import json
import sys
from types import SimpleNamespace

import pytest

from embedding.photos.box import Animal
from embedding.photos.photo import Box
from index.commands.named_files import AbsentPath
from index.messages import BadOut
from tests.index.conftest import ColourEmbedder

ONE = Animal(Box(0.1, 0.2, 0.5, 0.75), 0.875)
OTHER = Animal(Box(0.5, 0.0, 1.0, 1.0), 0.5)


class FindingEmbedder(ColourEmbedder):
    """Finds 2, 1, 0, 2, ... animals in the images, in turn."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def find_animals(self, images):
        several = [(ONE, OTHER), (ONE,), ()]
        self.seen += len(images)
        return [several[at % 3] for at in range(self.seen - len(images), self.seen)]


@pytest.fixture
def finding(run, monkeypatch):
    loading = SimpleNamespace(load=lambda path: FindingEmbedder())
    monkeypatch.setitem(sys.modules, "embedding.embedder", SimpleNamespace(Embedder=loading))


def test_each_photo_gets_a_line(run, season, finding):
    result = run("locate", season.folder)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and len(lines) == 38
    assert lines[0].endswith(
        ": 2 animals: 0.100 0.200 0.500 0.750 (score 0.88); 0.500 0.000 1.000 1.000 (score 0.50)"
    )
    assert lines[1].endswith(": 1 animal: 0.100 0.200 0.500 0.750 (score 0.88)")
    assert lines[2].endswith(": no animal")


def test_json_and_csv_say_the_same(run, season, finding, tmp_path):
    out = tmp_path / "animals.csv"
    said = json.loads(run("locate", season.folder, "--json", "--csv", out).stdout)
    assert said["errors"] == [] and len(said["results"]) == 38
    assert said["results"][0]["animals"][0] == {"box": [0.1, 0.2, 0.5, 0.75], "score": 0.875}
    rows = list(csv.reader(io.StringIO(out.read_text())))
    assert rows[0] == ["photo", "animal", "left", "top", "right", "bottom", "score"]
    assert rows[1][1:] == ["1", "0.100000", "0.200000", "0.500000", "0.750000", "0.875000"]
    counts = [len(each["animals"]) for each in said["results"]]
    assert len(rows) - 1 == sum(max(1, count) for count in counts)
    assert rows[4][1:] == [""] * 6  # after two animals and one, the photo without any


def test_an_embedder_that_finds_nothing_sees_one_animal_that_fills_the_photo(run, season):
    result = run("locate", season.folder / "a00_0.png")
    assert result.exit_code == 0, result.exception
    line = result.stdout.strip()
    assert line.endswith(": 1 animal: 0.000 0.000 1.000 1.000 (score 1.00)")


def test_a_photo_that_cannot_be_read_is_listed(run, season, finding):
    (season.folder / "a00_0.png").write_bytes(b"")
    result = run("locate", season.folder, "--json")
    assert result.exit_code == 1 and "a00_0.png: the file is empty" in result.stderr
    said = json.loads(result.stdout)
    assert len(said["results"]) == 37
    assert [each["photo"].endswith("a00_0.png") for each in said["errors"]] == [True]


def test_what_cannot_be_done_is_refused_before_a_model_loads(run, season, tmp_path):
    with pytest.raises(AbsentPath):
        run("locate", tmp_path / "nowhere.jpg")
    with pytest.raises(AbsentPath):
        run("locate", season.folder, "--checkpoint", tmp_path / "no.safetensors")
    with pytest.raises(BadOut):
        run("locate", season.folder, "--csv", tmp_path)
