"""The short form of tests/faults/uploads.py, and the faults that the long one has found."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from index.exchange.backup.backup import BadBackup, read_manifest
from index.exchange.importing.archive import unpack
from index.labels.labelled_photo import BadLabels
from index.labels.reader import read_labels
from tests.faults import corpus
from tests.faults.uploads import run_uploads

pytestmark = pytest.mark.heavy
SHORT = 60
NESTED = "[" * 200_000
LONG_NUMBER = '{"images": [{"id": ' + "9" * 5000 + "}]}"


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damage; a service logs that
def test_mutated_uploads_are_answered_or_refused(tmp_path: Path) -> None:
    count = run_uploads(tmp_path / "around", SHORT, seed=7)
    assert count.faults == []
    assert count.sent == SHORT
    assert set(count.answers) == {"2xx", "4xx"}


def test_every_format_and_archive_is_answered_unmutated(tmp_path: Path) -> None:
    """What a zip should not hold is left out, and nothing is written outside its folder."""
    for name, data in corpus.archives().items():
        archive = tmp_path / "season.zip"
        archive.write_bytes(data)
        try:
            unpacked = unpack(archive, tmp_path / "around" / name)
        except Exception as error:
            assert "not a zip" in str(error), name
            continue
        assert not any(path.is_symlink() for path in unpacked.folder.rglob("*")), name
    assert not list(tmp_path.rglob("outside*"))[1:]
    assert {path.name for path in tmp_path.iterdir()} == {"season.zip", "around"}


@pytest.mark.parametrize("text", [NESTED, LONG_NUMBER], ids=["nested lists", "a long number"])
@pytest.mark.parametrize("name", ["annotations.json", "datapackage.json"])
def test_json_that_no_program_wrote_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadLabels, match=r"not JSON that can be read|not a Camtrap DP package"):
        read_labels(tmp_path / name, tmp_path)


def test_a_manifest_that_no_program_wrote_is_refused(tmp_path: Path) -> None:
    (tmp_path / "backup.json").write_text(NESTED)
    with pytest.raises(BadBackup, match=r"no backup\.json that can be read"):
        read_manifest(tmp_path)


def test_an_entry_without_a_name_is_left_out(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.jpg", corpus.photos()["jpeg"])
        entry = zipfile.ZipInfo("x")
        entry.filename = ""
        archive.writestr(entry, b"")
    (tmp_path / "season.zip").write_bytes(data.getvalue())
    unpacked = unpack(tmp_path / "season.zip", tmp_path / "out")
    assert unpacked.names == ("a.jpg",)
    assert [(one.name, one.reason) for one in unpacked.left_out] == [("", "it has no name")]
