"""Another model for the whole catalogue, from the form on the page to the answers, and back by the
history.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, expect

from embedding.checkpoint import CheckpointHeader, fingerprint_of, save_checkpoint
from embedding.photos.preprocessing import Preprocessing
from index.catalogue.catalogue import Catalogue
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from service.server import listen, url_of
from service.settings import Settings
from tests.browser.conftest import Site, serving_on
from tests.browser.drawn_whales import CornerEmbedder
from tests.browser.steps import add, present, violations


class RolledEmbedder(CornerEmbedder):
    """The same animals at the same distances, in vectors that none of another `roll` compares
    with.
    """

    def __init__(self, path: Path, roll: int) -> None:
        self.fingerprint = fingerprint_of(path)
        self._roll = roll
        self.reached, self.released = threading.Event(), threading.Event()
        self.embedded = 0

    def embed(
        self, images: Sequence[Image.Image], boxes: Sequence[object] | None = None
    ) -> np.ndarray:
        self.reached.set()
        assert self.released.wait(60)
        self.embedded += len(images)
        return np.roll(super().embed(images, boxes), self._roll, axis=1)


@dataclass(frozen=True)
class TwoModels(Site):
    """A service with the checkpoints `first` and `second` in its folder; the second waits until it
    is let go.
    """

    first: RolledEmbedder
    second: RolledEmbedder

    @property
    def fingerprint(self) -> str | None:
        """Of the checkpoint that the catalogue is searched by."""
        with Catalogue.open(self.catalogue) as opened:
            return opened.fingerprint


def _checkpoint(path: Path) -> Path:
    header = CheckpointHeader({}, Preprocessing(8, 8), {"name": path.stem})
    save_checkpoint(path, {"a": torch.zeros(1)}, header)
    return path


@pytest.fixture
def site(season: Path, tmp_path: Path) -> Generator[TwoModels]:
    catalogue, models = tmp_path / "catalogue.db", tmp_path / "models"
    models.mkdir()
    paths = [_checkpoint(models / f"{name}.safetensors") for name in ("first", "second")]
    (models / "torn.safetensors").write_bytes(b"torn")
    first, second = (RolledEmbedder(path, roll) for roll, path in enumerate(paths))
    first.released.set()
    build_catalogue(catalogue, read_labels(season / "labels.csv", season / "photos"), first)
    own: dict[str, Any] = {"catalogue": catalogue, "checkpoint": paths[0], "checkpoints": models}
    settings = Settings(**own, port=0)
    embedders = {path.name: each for path, each in zip(paths, (first, second), strict=True)}
    with listen(settings.host, 0) as listening, serving_on(settings, listening, embedders):
        yield TwoModels(url_of(listening), tmp_path, catalogue, first, second)
        second.released.set()


def test_the_model_is_changed_by_its_form_and_taken_back_in_the_history(
    open_page: Callable[..., Page], site: TwoModels
) -> None:
    page = open_page("#/jobs")
    page.get_by_role("button", name="Change the model").click()
    form = page.locator("dialog")
    expect(form.get_by_label("Checkpoint")).to_be_focused()
    assert form.locator("option").all_inner_texts() == [
        "second.safetensors"
    ]  # not the one that answers now
    expect(form).to_contain_text("torn.safetensors")  # and why another can't be chosen
    assert violations(page) == []
    form.get_by_label("Checkpoint").select_option("second.safetensors")
    form.get_by_role("button", name="Start").click()
    expect(form).to_have_count(0)
    job = page.locator(".job").first
    expect(job.get_by_role("heading")).to_contain_text("Change the model to second.safetensors")

    # While the new model is at work the old one answers, and people confirm.
    assert site.second.reached.wait(60)
    expect(job.locator(".state")).to_have_text("Running")
    page.goto(f"{site.url}/#/")
    add(page, site.photo(3, 5))
    expect(page.locator(".candidates .card-name").first).to_have_text("w_0003")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    assert (site.fingerprint, site.second.embedded) == (site.first.fingerprint, 0)

    page.goto(f"{site.url}/#/jobs")
    expect(job.locator(".state")).to_have_text("Running")
    site.second.released.set()
    expect(job.locator(".state")).to_have_text("Done")
    assert site.fingerprint == site.second.fingerprint
    assert _answers(page, site, (7, 5)) == ("w_0007", site.second.fingerprint)

    page.goto(f"{site.url}/#/history")
    swap = page.locator("li", has_text="Changed the model to second").first
    expect(swap).to_contain_text("to second.safetensors")
    expect(swap).to_contain_text(f"{site.first.fingerprint[:8]} → {site.second.fingerprint[:8]}")
    made = site.second.embedded
    swap.get_by_role("button", name=re.compile("Undo revision")).click()
    expect(swap).to_contain_text("1 photos that came since have no vector of the checkpoint")
    came = page.locator("li", has_text="Added sent_07_05").first
    came.get_by_role("button", name=re.compile("Undo revision")).click()
    expect(came).to_contain_text("undone")
    swap.get_by_role("button", name=re.compile("Undo revision")).click()
    expect(swap).to_contain_text("undone")
    assert site.fingerprint == site.first.fingerprint
    assert _answers(page, site, (8, 5)) == ("w_0008", site.first.fingerprint)

    # Once more costs nothing but what has come meanwhile: the vectors are still there.
    page.goto(f"{site.url}/#/jobs")
    page.get_by_role("button", name="Change the model").click()
    form.get_by_role("button", name="Start").click()
    expect(page.locator(".job")).to_have_count(2)
    expect(job.locator(".state")).to_have_text("Done")
    assert (site.fingerprint, site.second.embedded - made) == (
        site.second.fingerprint,
        1,
    )  # the photo of w_0008


def test_a_service_without_other_models_says_who_puts_them_there(
    open_page: Callable[..., Page], site: TwoModels
) -> None:
    (site.folder / "models/second.safetensors").unlink()
    page = open_page("#/jobs")
    page.get_by_role("button", name="Change the model").click()
    told = page.locator("dialog")
    expect(told).to_contain_text("holds only the present model")
    expect(told).to_contain_text("torn.safetensors")
    told.get_by_role("button", name="Close").click()
    expect(told).to_have_count(0)


def _answers(page: Page, site: TwoModels, photo: tuple[int, int]) -> tuple[str, str]:
    """Whom a new photo shows first, by the review, and whose checkpoint said it; the photo is then
    waiting.
    """
    page.goto(f"{site.url}/#/")
    add(page, site.photo(*photo))
    name = page.locator(".candidates .card-name").first
    expect(present(page)).to_be_visible()
    while present(page).inner_text() != f"sent_{photo[0]:02}_{photo[1]:02}.jpg":
        page.keyboard.press("s")
    (answer,) = (
        card.answer
        for card in site.directory.waiting(limit=9)
        if f"sent_{photo[0]:02}" in card.name
    )
    assert answer is not None
    return name.inner_text(), answer["fingerprint"]
