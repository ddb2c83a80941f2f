"""`flukeprint doctor`: every part well, and each way of being broken with the words that mend
it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import doctor
from doctor import Finding
from embedding.photos.photo import from_array, save_jpeg
from flukeprint import build_app

RUN = CliRunner()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that never learned anything."""
    import torch

    from embedding.checkpoint import CheckpointHeader, save_checkpoint
    from embedding.networks.network import Network, NetworkConfig
    from embedding.photos.preprocessing import Preprocessing

    torch.manual_seed(0)
    network = Network(NetworkConfig("resnet10t", 8))
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    header = CheckpointHeader(network.config.to_dict(), Preprocessing(32, 32), {"name": "small"})
    save_checkpoint(path, network.state_dict(), header)
    return path


@pytest.fixture(scope="module")
def catalogue(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two individuals of two photos each."""
    from embedding.embedder import Embedder
    from index.labels.reader import read_labels
    from index.reindex.build import build_catalogue

    folder = tmp_path_factory.mktemp("catalogue")
    noise = np.random.default_rng(1)
    for name in ("w_1/a.jpg", "w_1/b.jpg", "w_2/a.jpg", "w_2/b.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        save_jpeg(from_array(noise.integers(0, 256, (40, 60, 3), np.uint8)), folder / name)
    build_catalogue(folder / "catalogue.db", read_labels(None, folder), Embedder.load(checkpoint))
    return folder / "catalogue.db"


def test_all_is_well_here(checkpoint: Path, catalogue: Path) -> None:
    said = RUN.invoke(
        build_app(),
        ["doctor", "--catalogue", str(catalogue), "--checkpoint", str(checkpoint), "--json"],
    )
    told = json.loads(said.stdout)
    assert (said.exit_code, told["is_well"]) == (0, True)
    by_part = {finding["part"]: finding for finding in told["findings"]}
    assert set(by_part) >= {
        "python",
        "packages",
        "machine",
        "runtimes",
        "gpu",
        "faiss",
        "checkpoint",
        "catalogue",
        "train",
        "disk",
    }
    assert all(finding["verdict"] != "broken" for finding in told["findings"])
    assert "small: resnet10t, 8 numbers a photo" in by_part["checkpoint"]["said"]
    assert (
        "revision 1: 2 individuals, 4 photos, 4 searchable, too small to calibrate"
        in by_part["catalogue"]["said"]
    )
    assert sys.version.split()[0] in by_part["python"]["said"]


def test_what_is_broken_ends_with_one_and_a_mend(tmp_path: Path) -> None:
    absent = tmp_path / "absent.safetensors"
    said = RUN.invoke(build_app(), ["doctor", "--checkpoint", str(absent)])
    assert said.exit_code == 1
    assert f"broken  checkpoint   there is no checkpoint at {absent}" in said.stdout
    assert said.stdout.rstrip().endswith(
        "Something is broken; the lines after `mend` say what to do."
    )


def test_absent_and_untested_packages_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"torch": "2.15.0", "numpy": "2.9.9"}
    monkeypatch.setattr(doctor, "version_of", installed.get)
    pinned = {"torch": "2.15.0", "numpy": "2.4.6", "timm": "1.0.31"}
    assert doctor.check_packages(("torch", "numpy", "timm"), pinned) == [
        Finding("packages", "good", "torch 2.15.0, numpy 2.9.9"),
        Finding(
            "numpy", "note", "is 2.9.9; the tests ran with 2.4.6", "make clean, then make setup"
        ),
        Finding("timm", "broken", "is not installed", "make setup"),
    ]


def test_pins_are_read_whatever_the_spelling(tmp_path: Path) -> None:
    path = tmp_path / "constraints.txt"
    path.write_text("# exact\nSQLAlchemy==2.1.9\npydantic_settings==2.16.3\n", encoding="utf-8")
    assert doctor.pinned_versions(path) == {"sqlalchemy": "2.1.9", "pydantic-settings": "2.16.3"}
    assert doctor.pinned_versions(tmp_path / "absent.txt") == {}


def test_two_faiss_builds_break_each_other() -> None:
    found = doctor.check_faiss(["faiss-cpu", "faiss-gpu"], has_gpu=True)
    assert found.verdict == "broken"
    assert (
        found.mend
        == "pip uninstall -y faiss-cpu faiss-gpu, then make clean and make setup FAISS=gpu"
    )


def test_no_faiss_is_broken_and_the_cpu_build_beside_a_gpu_a_note() -> None:
    assert doctor.check_faiss([], has_gpu=False).mend == "make setup FAISS=cpu"
    beside_gpu = doctor.check_faiss(["faiss-cpu"], has_gpu=True)
    assert (beside_gpu.verdict, beside_gpu.mend) == ("note", "make setup FAISS=gpu")
    assert doctor.check_faiss(["faiss-cpu"], has_gpu=False).verdict == "good"


def test_a_faiss_that_fails_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> bool:
        raise ImportError("undefined symbol")

    monkeypatch.setattr(doctor, "_search_works", fail)
    found = doctor.check_faiss(["faiss-cpu"], has_gpu=False)
    assert found.verdict == "broken"
    assert "fails: undefined symbol" in found.said


def test_without_torch_all_is_well_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = doctor.importlib.util.find_spec
    monkeypatch.setattr(
        doctor.importlib.util,
        "find_spec",
        lambda name: None if name == "torch" else find_spec(name),
    )
    monkeypatch.setattr(
        doctor,
        "version_of",
        {"openvino": "2026.4.1", "numpy": "2.4.6"}.get,
    )
    assert doctor.check_packages(("numpy",), {}, ("torch",)) == [
        Finding("packages", "good", "numpy 2.4.6")
    ]
    assert doctor.check_runtimes() == Finding(
        "runtimes",
        "good",
        "openvino 2026.4.1 runs graphs on the CPU; torch is not installed, which training and "
        "exporting need",
    )
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    assert doctor.check_gpu() == ([], Finding("gpu", "good", "none; everything runs on the CPU"))
    monkeypatch.setattr(doctor.shutil, "which", lambda _: "nvidia-smi")
    gpus, found = doctor.check_gpu()
    assert (gpus, found.verdict, found.mend) == ([], "note", "make setup FAISS=gpu")


def test_no_runtime_at_all_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "version_of", lambda _: None)
    assert (doctor.check_runtimes().verdict, doctor.check_runtimes().mend) == (
        "broken",
        "make setup",
    )


def test_a_torch_that_cannot_be_imported_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    gpus, found = doctor.check_gpu()
    assert (gpus, found.verdict, found.mend) == ([], "broken", "make clean, then make setup")


def test_a_checkpoint_of_other_weights_is_broken(checkpoint: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(checkpoint.read_bytes()[:-1000])
    found = doctor.check_checkpoint(cut)
    assert found.verdict == "broken"
    assert str(cut) in found.said


def test_no_catalogue_is_a_note_unless_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctor.check_catalogue(None, None).verdict == "note"
    named = doctor.check_catalogue(tmp_path / "mine.db", None)
    assert named.verdict == "broken"
    assert (
        named.mend
        == f"flukeprint index build --catalogue {tmp_path / 'mine.db'} --csv FILE --photos FOLDER"
    )


def test_a_catalogue_of_another_checkpoint_is_broken(
    catalogue: Path, checkpoint: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(checkpoint.read_bytes() + b"\0")
    found = doctor.check_catalogue(catalogue, other)
    assert found.verdict == "broken"
    assert found.mend == f"flukeprint index update --catalogue {catalogue} --checkpoint {other}"


def test_photos_that_are_gone_are_counted(
    catalogue: Path, checkpoint: Path, tmp_path: Path
) -> None:
    # Paths within the catalogue's folder are relative: a copy elsewhere finds none of its photos.
    copy = tmp_path / "catalogue.db"
    copy.write_bytes(catalogue.read_bytes())
    found = doctor.check_catalogue(copy, checkpoint)
    assert found.verdict == "note"
    assert f"4 photos are gone from the disk, such as {tmp_path / 'w_1/a.jpg'}" in found.said


def test_a_damaged_vector_is_named_with_the_command_that_mends_it(
    catalogue: Path, checkpoint: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "catalogue.db"
    copy.write_bytes(catalogue.read_bytes())
    with closing(sqlite3.connect(copy)) as raw, raw:
        (name,) = raw.execute("SELECT name FROM photos WHERE id = 1").fetchone()
        raw.execute("UPDATE vectors SET embedding = x'0000' WHERE photo_id = 1")
    found = doctor.check_catalogue(copy, checkpoint)
    assert found.verdict == "broken"
    assert "1 photos are not searched because their vectors are damaged" in found.said
    assert name in found.said
    assert str(found.mend).startswith("flukeprint index update")


def test_a_file_that_is_no_catalogue_is_broken(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").write_text("hello", encoding="utf-8")
    found = doctor.check_catalogue(tmp_path / "catalogue.db", None)
    assert found.verdict == "broken"
    assert "is not a flukeprint catalogue" in found.said


def test_an_absent_extra_is_a_note_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "heic", ("HEIC photos", ("numpy", "no_such_module")))
    assert doctor.check_extra("heic") == Finding(
        "heic",
        "note",
        "extra for HEIC photos: no_such_module not installed",
        "pip install 'flukeprint[heic]'",
    )


def test_little_room_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_disk(tmp_path).said.endswith(f"GiB free at {tmp_path}")
    monkeypatch.setattr(doctor, "LITTLE_ROOM_BYTES", 2**70)
    assert doctor.check_disk(tmp_path).verdict == "note"


def test_lines_show_the_mend_below() -> None:
    assert doctor.lines_of(
        [Finding("faiss", "broken", "gone", "make setup"), Finding("disk", "good", "room")]
    ) == [
        "broken  faiss        gone",
        "                     mend: make setup",
        "good    disk         room",
    ]
