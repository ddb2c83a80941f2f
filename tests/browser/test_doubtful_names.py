"""A name that only looks like a word for nobody: a dialog says so, and the curator decides."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, add, present, queued, states

DOUBT = "'unknown 3' looks like a word for an animal that nobody knows"


def asked(page: Page) -> Locator:
    """The dialog that asks whether the name stays."""
    found = page.get_by_role("dialog", name="Is this an animal's name?")
    expect(found).to_contain_text(DOUBT)
    return found


def make_new(page: Page, name: str) -> None:
    page.keyboard.press("n")
    page.get_by_label("Id of the new individual").fill(name)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("answer", ["Keep the name", "Undo"])
def test_a_new_individual_with_such_a_name(open_page: OpenPage, site: Site, answer: str) -> None:
    page = open_page()
    photo = site.photo(13, 1)
    add(page, photo)
    (name,) = queued(site, photo)
    expect(present(page)).to_be_visible()
    make_new(page, "unknown 3")
    asked(page).get_by_role("button", name=answer).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    if answer == "Undo":
        expect(page.locator("#notice")).to_contain_text("is undone")
        expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")
        assert states(site, name) == {name: ("waiting", None)}
    else:
        expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
        assert states(site, name) == {name: ("catalogued", "unknown 3")}


def test_confirming_one_that_has_such_a_name_is_told(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    first, second = site.photo(13, 1), site.photo(13, 2)
    add(page, first)
    make_new(page, "unknown 3")
    asked(page).get_by_role("button", name="Keep the name").click()
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    add(page, second)
    page.get_by_role("button", name="Confirm unknown 3 (key 1)").click()
    expect(page.locator("#notice")).to_contain_text(DOUBT)


def test_a_rename_and_a_split_ask_too(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/individuals/w_0007")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New id").fill("unknown 3")
    page.keyboard.press("Enter")
    asked(page).get_by_role("button", name="Undo").click()
    expect(page.locator("#notice")).to_contain_text("is undone")
    assert site.directory.individual("w_0007") is not None

    page.get_by_label("Select whale_07_0.jpg").check()
    page.get_by_role("button", name="Split off …").click()
    page.get_by_label("Id of the new individual").fill("unknown 3")
    page.locator("dialog").get_by_role("button", name="Split off").click()
    asked(page).get_by_role("button", name="Keep the name").click()
    expect(page.locator(".tile")).to_have_count(2)
    assert states(site, "whale_07_0.jpg") == {"whale_07_0.jpg": ("catalogued", "unknown 3")}


def test_an_ordinary_name_is_not_asked_about(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    photo = site.photo(13, 1)
    add(page, photo)
    make_new(page, "scar 3")
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
