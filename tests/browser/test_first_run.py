"""The first visit in a real browser: what is dropped on the page fills an empty catalogue."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from index.catalogue.catalogue import Catalogue
from index.reindex.begin import begin_catalogue
from service.server import listen, url_of
from service.settings import Settings
from tests.browser.conftest import Site, serving_on
from tests.browser.drawn_whales import CornerEmbedder, painted
from tests.browser.steps import OpenPage, violations


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Site]:
    """A ready service over an empty catalogue."""
    for name in [name for name in os.environ if name.startswith("FLUKEPRINT_")]:
        monkeypatch.delenv(name)
    catalogue = tmp_path / "catalogue.db"
    begin_catalogue(catalogue, CornerEmbedder.fingerprint)
    settings = Settings(catalogue=catalogue, port=0)
    with listen(settings.host, 0) as listening, serving_on(settings, listening):
        yield Site(url_of(listening), tmp_path, catalogue)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A season: a sub-folder for each of three whales."""
    folder = tmp_path / "season"
    for whale in range(3):
        (folder / f"w_{whale}").mkdir(parents=True)
        for take in range(2):
            painted(whale, take).save(folder / f"w_{whale}" / f"{whale}_{take}.jpg", "JPEG")
    return folder


def photos(site: Site) -> list[str]:
    with Catalogue.open(site.catalogue) as catalogue:
        return [photo.name for photo in catalogue.photos()]


def test_a_folder_becomes_the_catalogue_after_its_report(
    open_page: OpenPage, site: Site, folder: Path
) -> None:
    page = open_page()
    expect(page.get_by_role("heading", name="Drop your catalogue here")).to_be_visible()
    assert page.url.endswith("#/start")
    assert violations(page) == []
    page.locator("#import-folder").set_input_files(folder)
    start = page.get_by_role("button", name="Import 6 photos of job 1")
    expect(start).to_be_visible()
    expect(page.get_by_role("button", name="6 new")).to_be_visible()
    assert photos(site) == [], "the report comes first"
    start.click()
    expect(page.get_by_role("heading", name="Your catalogue is ready")).to_be_visible()
    expect(page.locator("main")).to_contain_text("3 individuals and 6 photos")
    assert len(photos(site)) == 6
    page.get_by_role("link", name="Look at the individuals").click()
    expect(page.locator(".card")).to_have_count(3)
    page.goto(site.url)
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()


def test_photos_with_a_table_come_together_or_say_what_is_missing(
    open_page: OpenPage, site: Site, folder: Path, tmp_path: Path
) -> None:
    loose = [Path(shutil.copy(path, tmp_path)) for path in sorted(folder.rglob("*.jpg"))]
    table = tmp_path / "labels.csv"
    rows = [f"{path.name},w_{path.name[0]}" for path in loose]
    table.write_text("\n".join(["image,label", *rows]))
    page = open_page("#/start", width=390, height=844)
    refusal = page.locator(".zone .problem")
    page.locator("#import-zip").set_input_files(table)
    expect(refusal).to_contain_text("The table came without its photos")
    page.locator("#import-zip").set_input_files(loose)
    expect(refusal).to_contain_text("Put the photos of each animal into a folder")
    page.locator("#import-zip").set_input_files([*loose, table])
    expect(page.get_by_role("button", name=re.compile("Import 6 photos"))).to_be_visible()
    assert violations(page) == []


def test_whoever_begins_without_a_catalogue_names_the_first_animal(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    page.get_by_role("link", name="Begin without a catalogue").click()
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()
    page.goto(f"{site.url}/#/individuals")
    expect(page.get_by_role("link", name="Bring in your catalogue")).to_be_visible()
    page.goto(f"{site.url}/#/history")
    expect(page.locator(".changes li")).to_contain_text("Began the catalogue")
    expect(page.get_by_role("button", name=re.compile("Undo"))).to_have_count(0)
