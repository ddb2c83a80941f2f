"""A service whose originals lie in a real S3 server: it fetches what its folder lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from index.exchange.backup.backup import make_backup
from index.exchange.backup.verify import verify_catalogue
from index.objects.photo_store import choose_store
from index.storage.originals import media_folder
from service.catalogue.thumbnails import thumbnails_folder
from tests.index.objects.object_server import needs_s3, running_s3

pytestmark = [pytest.mark.heavy, needs_s3]


@pytest.mark.usefixtures("place")
def test_a_service_and_commands_fetch_what_the_folder_lacks(
    curated: Any, photo: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, address = curated.client, curated.path
    folder = media_folder(address)
    with running_s3("whales") as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        choose_store(folder, f"s3://whales/{tmp_path.name}")
        client.post("/v1/queue", files=[("photos", ("new.png", photo(140)))]).raise_for_status()
        (kept,) = folder.rglob("*.png")
        confirmed = client.post("/v1/queue/new.png/confirm", json={"individual": "w_140"})
        assert confirmed.status_code == 200
        kept.unlink()
        assert client.get("/v1/photos/new.png").status_code == 200
        assert kept.is_file()
        kept.unlink()
        lost = {fault.photo for fault in verify_catalogue(address).faults}
        assert "new.png" not in lost
        kept.unlink()
        assert "new.png" not in dict(make_backup(address, tmp_path / "backup").left_out)
    kept.unlink()
    for made in thumbnails_folder(address).rglob("*.jpg"):
        made.unlink()
    away = client.get("/v1/photos/new.png")
    assert (away.status_code, away.json()["type"].rpartition("#")[2]) == (
        503,
        "problem-not-writable",
    )
