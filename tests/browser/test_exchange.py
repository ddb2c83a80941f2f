"""Import and export on the page: a zip is looked at, its report read, then imported; an export is
saved.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from index.tables.workbooks import write_workbook
from tests.browser.conftest import Site
from tests.browser.steps import violations


def season_zip(site: Site, folder: Path) -> Path:
    """Two new photos of a new animal, a known one, one that is torn, and a file that is no
    photo.
    """
    path = folder / "season.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "labels.csv",
            "image,label\na.jpg,w_0013\nb.jpg,w_0013\nknown.jpg,w_0000\ntorn.jpg,w_0000\n",
        )
        for name, photo in (("a.jpg", (13, 1)), ("b.jpg", (13, 2)), ("known.jpg", (0, 0))):
            archive.writestr(name, site.photo(*photo).read_bytes())
        archive.writestr("torn.jpg", b"torn")
        archive.writestr("notes.txt", b"seen at noon")
    return path


@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (380, True)], ids=["light", "phone, dark"]
)
def test_a_zip_is_looked_at_imported_and_exported_again(
    open_page: Callable[..., Page], site: Site, tmp_path: Path, width: int, dark: bool
) -> None:
    page = open_page("#/exchange", width=width, dark=dark)
    expect(page.locator(".empty")).to_contain_text("No imports or exports yet")
    page.locator("#import-zip").set_input_files(season_zip(site, tmp_path))
    card = page.locator(".job").first
    expect(card).to_contain_text("Check a zip to import")
    expect(card).to_contain_text("Done")
    card.get_by_role("button", name="5 in total").click()
    rows = card.locator("tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.first).to_contain_text("a.jpg")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    card.get_by_role("button", name="1 duplicate").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("the same file as")
    card.get_by_role("button", name="Import 2 photos of job 1").click()
    first = page.locator(".job").first
    expect(first.get_by_role("heading")).to_contain_text("Import 2")
    expect(first).to_contain_text("Done")
    expect(page.get_by_role("button", name="Import 2 photos")).to_have_count(0)
    assert [card.name for card in site.directory.photos(individual="w_0013")] == ["a.jpg", "b.jpg"]

    page.get_by_label("Format").select_option("csv")
    page.get_by_role("button", name="Start the export").click()
    export = page.locator(".job").first
    expect(export.get_by_role("heading")).to_contain_text("Export as CSV 3")
    expect(export).to_contain_text("without places")
    with page.expect_download() as saved:
        export.get_by_role("button", name="Save the zip of job 3").click()
    names = zipfile.ZipFile(saved.value.path()).namelist()
    assert "labels.csv" in names
    assert "a.jpg" in names
    assert violations(page) == []
    export.get_by_role("button", name="Remove job 3").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator(".job")).to_have_count(2)


def test_what_cannot_be_sent_is_told(
    open_page: Callable[..., Page], site: Site, tmp_path: Path
) -> None:
    page = open_page("#/exchange")
    torn = tmp_path / "torn.zip"
    torn.write_bytes(b"no zip")
    page.locator("#import-zip").set_input_files(torn)
    card = page.locator(".job").first
    expect(card).to_contain_text("Failed")
    expect(card).to_contain_text("not a zip")


@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (380, True)], ids=["light", "phone, dark"]
)
def test_a_strangers_table_is_read_as_its_columns_are_said(
    open_page: Callable[..., Page], site: Site, tmp_path: Path, width: int, dark: bool
) -> None:
    path = tmp_path / "stranger.zip"
    rows = [["x.jpg", "w_0021", "2021-04-03", "Secret Cove", "left", "calm"]]
    columns = ["File name", "Whale", "Date", "Locality", "Flank", "Sea"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("season.xlsx", write_workbook(columns, rows))
        archive.writestr("x.jpg", site.photo(21, 1).read_bytes())
    page = open_page("#/exchange", width=width, dark=dark)
    page.locator("#import-zip").set_input_files(path)
    card = page.locator(".job").first
    expect(card).to_contain_text("season.xlsx has columns that aren't known")
    expect(card.locator("tbody tr")).to_have_count(1)
    expect(card.locator("tbody tr").first).to_contain_text("Secret Cove")
    # What the columns' names suggest is chosen already; the rest is for a person.
    chosen = {
        label: card.get_by_label(label, exact=label == "Animal").evaluate(
            "one => one.selectedOptions[0].text"
        )
        for label in ("Photo", "Animal", "Date", "Place", "Side", "Region")
    }
    assert chosen == {
        "Photo": "File name",
        "Animal": "Whale",
        "Date": "Date",
        "Place": "Locality",
        "Side": "Flank",
        "Region": "no column",
    }
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    card.get_by_label("Animal", exact=True).select_option("no column")
    card.get_by_role("button", name="Check the zip of job 1 with these columns").click()
    expect(card).to_contain_text("which column is the individual isn't said")
    card.get_by_label("Animal", exact=True).select_option("Whale")
    card.get_by_role("button", name="Check the zip of job 1 with these columns").click()
    again = page.locator(".job").first
    expect(again).to_contain_text("5 of 6 columns of the table are read")
    again.locator("summary").click()
    expect(again).to_contain_text("Sea: not read")
    assert violations(page) == []
    again.get_by_role("button", name="Import 1 photo of job 2").click()
    first = page.locator(".job").first
    expect(first.get_by_role("heading")).to_contain_text("Import 3")
    expect(first).to_contain_text("Done")
    expect(page.locator(".job").last).to_contain_text("The columns of season.xlsx have been chosen")
    (photo,) = site.directory.photos(individual="w_0021")
    assert (photo.name, photo.viewpoint, photo.taken_at) == ("x.jpg", "left", "2021-04-03")
