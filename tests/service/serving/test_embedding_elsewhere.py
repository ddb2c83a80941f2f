"""What embeds for jobs: the service itself, or a cluster that its settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding.checkpoint import DEFAULT_CHECKPOINT, fingerprint_of
from index.nodes.embedder import RayEmbedder
from service.serving.checkpoints import Checkpoints, NoCheckpoint
from service.settings import BadSettings, Settings, read_settings

SHIPPED = fingerprint_of(DEFAULT_CHECKPOINT)


class Loaded:
    """An embedder of which only the fingerprint counts."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint


def checkpoints(folder: Path, **options: str) -> Checkpoints:
    return Checkpoints(Settings(catalogue=folder / "catalogue.db", **options))


def test_without_a_cluster_the_service_embeds_itself(tmp_path: Path) -> None:
    loaded = Loaded(SHIPPED)
    assert checkpoints(tmp_path).for_job(loaded) is loaded


def test_a_cluster_embeds_with_the_same_checkpoint(tmp_path: Path) -> None:
    found = checkpoints(tmp_path, embed_on="ray://head:10001").for_job(Loaded(SHIPPED))
    assert isinstance(found, RayEmbedder)
    assert found.fingerprint == SHIPPED


def test_a_checkpoint_whose_file_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoCheckpoint, match="the file of the checkpoint ffffffffffff is gone"):
        checkpoints(tmp_path, embed_on="ray://head").for_job(Loaded("f" * 64))


def test_places_of_photos_are_checked(tmp_path: Path) -> None:
    told = {"embed_on": "ray://head", "nodes_read": f"{tmp_path}=s3://whales"}
    assert isinstance(checkpoints(tmp_path, **told).for_job(Loaded(SHIPPED)), RayEmbedder)


@pytest.mark.parametrize(
    "option", [{"embed_on": "head:10001"}, {"embed_on": "ray://h", "nodes_read": "photos"}]
)
def test_bad_settings_are_refused_at_the_start(option: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match=r"--(embed-on|nodes-read)"):
        read_settings(option)
