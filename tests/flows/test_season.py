"""A season of curating, over HTTP, against an account of it that is kept by hand: who is whose at
its end.

200 animals are imported, 50 encounters come in, 40 are known and 10 are new, two individuals turn
out to be one and one to be two, some of that is taken back, and all of it comes back from a backup.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from index.catalogue.catalogue import Catalogue
from index.curation.listings import Directory
from index.exchange.backup.backup import make_backup, restore_backup
from index.exchange.backup.verify import verify_catalogue
from index.exchange.importing.plan import ImportOptions
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source
from index.identification.identifier import Identifier
from index.snapshots.served_photo import ServedPhoto
from index.storage.address import CatalogueAddress
from service.app import create_app
from service.catalogue.writer import open_writer
from service.serving.service import Serving
from service.settings import Settings
from tests.service.local_client import local_client

ANIMALS, NEW = 200, 10
Place: TypeAlias = Callable[[Path], CatalogueAddress]


class CellEmbedder:
    """The mean colours of 8 x 4 cells about middle grey, as a unit vector."""

    fingerprint = "5e" * 32
    dimension = 96
    input_px = 8

    def embed(self, images: Sequence[Any], boxes: Sequence[object] | None = None) -> np.ndarray:
        cells = [
            np.asarray(image.resize((8, 4), Image.Resampling.BOX), np.float32).ravel() - 127.5
            for image in images
        ]
        rows = np.stack(cells) if cells else np.zeros((0, 96), np.float32)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def drawn(animal: int, take: int) -> bytes:
    """A PNG of an animal's own colours, a little different in each take."""
    own = np.random.default_rng([animal, 7]).integers(30, 226, (4, 8, 3))
    light = np.random.default_rng([animal, take]).integers(-25, 26, (4, 8, 3))
    data = io.BytesIO()
    image = Image.fromarray((own + light).clip(0, 255).astype(np.uint8))
    image.resize((64, 32), Image.Resampling.NEAREST).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def account(tmp_path: Path) -> dict[str, str]:
    """What is imported: two photos of each animal, by the photo's name."""
    folder = tmp_path / "given"
    folder.mkdir()
    told = {
        f"{animal:03}_{take}.png": f"w_{animal:04}"
        for animal in range(ANIMALS)
        for take in range(2)
    }
    for name in told:
        (folder / name).write_bytes(drawn(int(name[:3]), int(name[4])))
    rows = [f"{name},{individual}" for name, individual in told.items()]
    (folder / "labels.csv").write_text("\n".join(["image,label", *rows, ""]))
    return told


@pytest.fixture
def path(tmp_path: Path, account: dict[str, str], place: Place) -> CatalogueAddress:
    path = place(tmp_path / "catalogue.db")
    offer = read_source(tmp_path / "given", None, tmp_path)
    plan = plan_import(
        offer, known_photos(path), path, ImportOptions(duplicates="keep-near")
    )  # takes are alike when drawn so small
    apply_import(plan, path, CellEmbedder())
    shutil.rmtree(tmp_path / "given")  # the catalogue has its own copies
    return path


@pytest.fixture
def client(path: CatalogueAddress) -> Generator[TestClient]:
    settings = Settings(catalogue=path, requests_per_minute=0)

    def load() -> Serving:
        with Catalogue.open(path) as catalogue:
            gallery, calibration = catalogue.searchable()
            photos = {photo.name: ServedPhoto.of(photo) for photo in catalogue.photos()}
        return Serving(Identifier(CellEmbedder(), gallery, calibration), photos)

    app = create_app(settings, load, open_writer=lambda service: open_writer(settings, service))
    with local_client(app) as client:
        while client.get("/readyz").status_code != 200:
            pass
        yield client


def whose(path: CatalogueAddress) -> dict[str, str]:
    """The catalogue's own account: every searched photo, and whose it is."""
    with Catalogue.open(path) as catalogue:
        gallery = catalogue.gallery()
    return dict(zip(gallery.photo_names, gallery.individuals, strict=True))


def done(response: Any) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def test_a_season(
    client: TestClient,
    path: CatalogueAddress,
    account: dict[str, str],
    tmp_path: Path,
    place: Place,
) -> None:
    assert whose(path) == account
    seen = [*range(0, ANIMALS, 5), *range(ANIMALS, ANIMALS + NEW)]
    assert len(seen) == 50
    mistaken = 0
    for animal in seen:
        name = f"met_{animal:03}.png"
        taken = done(
            client.post(
                "/v1/queue",
                files=[("photos", (name, drawn(animal, 5)))],
                data={
                    "encounter": f"meeting {animal}",
                    "place": "a secret bay",
                    "taken_at": "2026-05-28",
                },
            )
        )
        answer = taken["photos"][0]["answer"]
        # The first candidate is right for every animal that is known.
        if animal < ANIMALS:
            assert answer["matches"][0]["individual"] == f"w_{animal:04}"
            account[name] = f"w_{animal:04}"
        else:
            mistaken += answer["decision"] == "known"
            account[name] = done(client.get("/v1/individuals/next-id"))["name"]
        done(client.post(f"/v1/queue/{name}/confirm", json={"individual": account[name]}))
        # Found by the very next request.
        again = done(client.post("/v1/identify", files={"photos": (name, drawn(animal, 5))}))
        assert again["results"][0]["matches"][0]["photo"] == name
    assert mistaken <= 1, "one stranger in twenty may pass as known"
    assert sorted(set(account.values()))[-1] == f"w_{ANIMALS + NEW - 1:04}"
    assert whose(path) == account
    revision, before = (
        done(client.get("/v1/changes?limit=1"))["changes"][0]["revision"],
        dict(account),
    )

    merged = done(client.post("/v1/individuals/w_0001/merge", json={"into": "w_0002"}))
    account |= {name: "w_0002" for name, owner in account.items() if owner == "w_0001"}
    split = done(
        client.post("/v1/individuals/w_0005/split", json={"photos": ["005_0.png"], "new": "w_0900"})
    )
    account["005_0.png"] = "w_0900"
    gone = done(client.delete("/v1/catalogue/photos/010_0.png"))
    del account["010_0.png"]
    assert whose(path) == account
    after = dict(account)

    for event in (merged, split, gone):  # in any order: none needs another
        done(client.post(f"/v1/changes/{event['revision']}/undo"))
    assert whose(path) == before
    needed = client.post(f"/v1/changes/{revision - 1}/undo")
    assert needed.status_code == 409, "the photo that it took in was confirmed since"
    for event in done(client.get("/v1/changes?limit=3"))["changes"]:
        done(client.post(f"/v1/changes/{event['revision']}/undo"))  # undoing the undoing
    assert whose(path) == after

    asked = {"photos": ("q.png", drawn(10, 0))}
    then = done(client.post("/v1/identify", files=asked, data={"as_of": str(revision)}))
    now = done(client.post("/v1/identify", files=asked))
    assert then["results"][0]["matches"][0]["photo"] == "010_0.png"
    assert now["results"][0]["matches"][0]["photo"] != "010_0.png"

    make_backup(path, tmp_path / "backup")  # while the service has it open
    done(client.post("/v1/individuals/w_0003/rename", json={"new": "Salt"}))
    (tmp_path / "back").mkdir()
    restored = place(tmp_path / "back" / "catalogue.db")
    restore_backup(tmp_path / "backup", restored)
    assert whose(restored) == after
    assert verify_catalogue(restored).faults == ()
    with Catalogue.open(restored) as catalogue:
        met = Directory(catalogue).encounters(individual="w_0000")
    assert [(one.name, one.place, one.at) for one in met] == [
        ("meeting 0", "a secret bay", "2026-05-28")
    ]
