"""Without a catalogue an empty one is begun; where it can't be served, nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding.checkpoint import DEFAULT_CHECKPOINT, BadCheckpoint, fingerprint_of
from index.catalogue.catalogue import BadCatalogue, Catalogue
from service.serving.loading import check_catalogue
from service.settings import Settings


def _told(settings: Settings, **changed: object) -> Settings:
    return Settings(**{**settings.model_dump(), **changed})


def test_without_a_catalogue_an_empty_one_of_the_checkpoint_is_begun(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "new.db"
    assert check_catalogue(_told(settings, catalogue=path))
    with Catalogue.open(path) as catalogue:
        assert catalogue.fingerprint == fingerprint_of(DEFAULT_CHECKPOINT, "float32")
        assert catalogue.photos() == []
        gallery, calibration = catalogue.searchable()
        assert (gallery.size, calibration.is_fitted) == (0, False)
    assert not check_catalogue(_told(settings, catalogue=path)), "the second time it is there"
    with Catalogue.open(path) as catalogue:
        assert catalogue.revision == 1


def test_a_catalogue_that_never_had_a_photo_is_begun(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    Catalogue.open(path, create=True).close()
    check_catalogue(_told(settings, catalogue=path))
    with Catalogue.open(path) as catalogue:
        assert [one.kind for one in catalogue.history()] == ["begin"]


def test_where_it_can_not_be_served_no_catalogue_is_left(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(BadCatalogue, match="there is no folder"):
        check_catalogue(_told(settings, catalogue=tmp_path / "no folder" / "new.db"))
    with pytest.raises(BadCheckpoint):
        check_catalogue(
            _told(settings, catalogue=tmp_path / "new.db", checkpoint=tmp_path / "no.safetensors")
        )
    assert list(tmp_path.iterdir()) == []
