"""What is refused before anything is served, each with what to do; and a real, tiny checkpoint
served.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embedding.checkpoint import BadCheckpoint, CheckpointHeader, fingerprint_of, save_checkpoint
from embedding.errors import FlukeprintError
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import read_photo
from embedding.photos.preprocessing import Preprocessing
from index.calibration.fitting import fit_trials
from index.catalogue.catalogue import BadCatalogue
from index.identification.identifier import WrongFingerprint
from index.search.gallery import Gallery
from index.snapshots.log_position import NOWHERE
from index.snapshots.served_catalogue import ServedCatalogue
from index.snapshots.served_photo import ServedPhoto
from service.serving import loading
from service.serving.loading import check_catalogue, load_serving
from service.settings import Settings


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network of 32 x 32 px and 4 dimensions."""
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors"
    config = NetworkConfig("mobilenetv3_small_050", embedding_dim=4)
    header = CheckpointHeader(config.to_dict(), Preprocessing(32, 32), {})
    save_checkpoint(path, Network(config).state_dict(), header)
    return path


@pytest.fixture
def catalogue_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str | None], Path]:
    """A catalogue of one whale whose vectors the named checkpoint made (None: one that holds
    nothing).
    """

    def _catalogue(fingerprint: str | None) -> Path:
        path = tmp_path / "whales.db"
        path.touch()
        vectors = np.eye(4, dtype=np.float32)[:1]
        gallery = Gallery.build(
            ["a.jpg"], ["w_1"], vectors, fingerprint=fingerprint or "", revision=2
        )
        calibration = fit_trials(
            SimpleNamespace(true_ranks=np.zeros(0, np.int64), distances=np.zeros((0, 1))),
            np.ones(1),
        )
        photo = ServedPhoto(
            str(tmp_path / "a.jpg"),
            "0" * 64,
            "w_1",
            taken_at="2018-06-01",
        )
        served = ServedCatalogue(gallery, calibration, {"a.jpg": photo}, {}, {}, NOWHERE)
        monkeypatch.setattr(loading, "read_served", lambda *_: served)
        opened = SimpleNamespace(fingerprint=fingerprint, address=None)

        class Opened:
            def __enter__(self) -> SimpleNamespace:
                return opened

            def __exit__(self, *_: object) -> None:
                return None

        monkeypatch.setattr(loading, "Catalogue", SimpleNamespace(open=lambda given: Opened()))
        return path

    return _catalogue


def _told(settings: Settings, **changed: object) -> Settings:
    return Settings(**{**settings.model_dump(), **changed})


def test_a_folder_or_another_file_is_no_catalogue(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadCatalogue, match="is a folder"):
        check_catalogue(_told(settings, catalogue=tmp_path))
    other = tmp_path / "notes.db"
    other.write_text("whales seen today")
    with pytest.raises(BadCatalogue, match="not a flukeprint catalogue"):
        check_catalogue(_told(settings, catalogue=other))


def test_an_absent_checkpoint(
    settings: Settings, tmp_path: Path, catalogue_of: Callable[..., Path]
) -> None:
    told = _told(
        settings, catalogue=catalogue_of("ab" * 32), checkpoint=tmp_path / "no.safetensors"
    )
    with pytest.raises(BadCheckpoint, match="there is no checkpoint"):
        check_catalogue(told)


def test_another_checkpoints_catalogue_is_refused_with_the_command_that_mends_it(
    settings: Settings, checkpoint: Path, catalogue_of: Callable[..., Path]
) -> None:
    told = _told(settings, catalogue=catalogue_of("ab" * 32), checkpoint=checkpoint)
    mending = (
        rf"made by checkpoint abababababab.*index update --catalogue {told.catalogue} "
        rf"--checkpoint {checkpoint}"
    )
    with pytest.raises(WrongFingerprint, match=mending):
        check_catalogue(told)
    with pytest.raises(WrongFingerprint, match=mending):
        load_serving(told)


def test_what_belongs_together_is_served(
    settings: Settings,
    checkpoint: Path,
    catalogue_of: Callable[..., Path],
    photo: Callable[..., bytes],
) -> None:
    told = _told(
        settings,
        catalogue=catalogue_of(fingerprint_of(checkpoint)),
        checkpoint=checkpoint,
        device="cpu",
    )
    check_catalogue(told)
    serving = load_serving(told)
    assert serving.decode_px == 32
    served = serving.photos["a.jpg"]
    assert (Path(served.path), served.individual, served.year) == (
        told.catalogue.parent / "a.jpg",
        "w_1",
        2018,
    )
    (identification,) = serving.identifier.identify([read_photo(photo(30, (40, 40)))])
    assert (identification.revision, identification.matches[0].individual) == (2, "w_1")


def test_a_device_that_is_not_there(
    settings: Settings, checkpoint: Path, catalogue_of: Callable[..., Path]
) -> None:
    told = _told(
        settings,
        catalogue=catalogue_of(fingerprint_of(checkpoint)),
        checkpoint=checkpoint,
        device="abacus",
    )
    with pytest.raises(FlukeprintError, match="can't be loaded on abacus"):
        load_serving(told)


def test_a_catalogue_that_was_brought_to_another_checkpoint_is_served_with_that(
    settings: Settings, checkpoint: Path, tmp_path: Path, catalogue_of: Callable[..., Path]
) -> None:
    started_with = tmp_path / "before.safetensors"
    save_checkpoint(started_with, {}, CheckpointHeader({}, Preprocessing(8, 8), {}))
    told = _told(
        settings,
        catalogue=catalogue_of(fingerprint_of(checkpoint)),
        checkpoint=started_with,
        device="cpu",
    )
    with pytest.raises(WrongFingerprint):
        check_catalogue(told)
    found = _told(told, checkpoints=checkpoint.parent)
    check_catalogue(found)
    assert load_serving(found).identifier.embedder.fingerprint == fingerprint_of(checkpoint)
