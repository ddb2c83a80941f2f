"""A job that fills the queue: started on Jobs or by a dropped zip, followed, and found again."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.steps import violations


def test_a_folder_of_the_service_comes_into_the_queue(
    open_page: Callable[..., Page], site: Site
) -> None:
    folder = site.catalogue.parent / "may"
    folder.mkdir()
    shutil.copy(site.photo(3, 5, "09:40"), folder / "a.jpg")
    shutil.copy(site.photo(3, 6, "09:42"), folder / "b.jpg")
    (folder / "notes.txt").write_text("seen at noon")
    page = open_page("#/jobs", width=360)
    page.get_by_role("button", name="Identify a folder …").click()
    page.get_by_role("textbox", name="Folder").fill("may")
    page.get_by_label("Answers").select_option("queue")
    page.get_by_role("button", name="Start", exact=True).click()
    toast = page.locator(".upload-toast")
    expect(toast).to_contain_text("Done")
    expect(toast).to_contain_text("3 of 3 files")
    expect(page.locator(".job h2")).to_contain_text("Identify for review")
    page.get_by_role("link", name="Show the photos of job 1 in the queue").click()
    expect(page.locator(".card-row")).to_have_count(1)
    expect(page.locator(".card-row .facts")).to_contain_text("2 photos")
    expect(page.locator("main")).to_contain_text("Only photos of one upload.")
    assert violations(page) == []
    toast.get_by_role("link", name="Show in the queue").click()
    expect(toast).to_have_count(0)  # it is over
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("main")).not_to_contain_text("Only photos of one upload.")
    expect(page.locator(".card-row")).to_have_count(1)


def test_a_dropped_zip_becomes_a_job_that_fills_the_queue(
    open_page: Callable[..., Page], site: Site, tmp_path: Path
) -> None:
    archive = tmp_path / "may.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(site.photo(4, 5, "09:40"), "bay/a.jpg")
    page = open_page("#/review")
    page.locator("#pick").set_input_files(archive)
    toast = page.locator(".upload-toast")
    expect(toast).to_contain_text("Done")
    toast.get_by_role("link", name="Show in the queue").click()
    expect(page.locator(".card-row")).to_have_count(1)
