"""Comparing with a part of the catalogue: what is chosen, how many individuals that is, and back to
all of them.
"""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, add


def test_a_part_of_the_catalogue_is_compared_with_and_said(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    searched, first = page.locator(".searched"), page.locator(".candidates .card-name").first
    expect(searched).to_have_text("all 12 individuals")
    expect(first).to_have_text("w_0003")

    page.locator(".scope > summary").click()
    page.get_by_label("Leave out").fill("w_0003, w_0005")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(searched).to_have_text("10 of 12 individuals: without w_0003, w_0005")
    expect(first).not_to_have_text("w_0003")

    # Each whale has one photo of 2016 among its three, so that all of them are searched.
    page.get_by_label("Leave out").fill("")
    page.get_by_label("humpback whale").check()
    page.get_by_label("From year").fill("2016")
    page.get_by_label("To year").fill("2016")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(searched).to_have_text("12 of 12 individuals: humpback whale · 2016-2016")
    expect(first).to_have_text("w_0003")

    page.get_by_role("button", name="Use the whole catalogue").click()
    expect(searched).to_have_text("all 12 individuals")
    expect(page.get_by_label("From year")).to_have_value("")


def test_a_choice_that_holds_nobody_is_told_and_the_answer_before_stays(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    page.locator(".scope > summary").click()
    page.get_by_label("Leave out").fill("w_9999")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".scope .problem")).to_contain_text("the catalogue knows no 'w_9999'")
    expect(page.locator(".candidates .card-name").first).to_have_text("w_0003")


def test_the_next_photo_is_compared_with_the_same_part(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5), site.photo(5, 6))
    page.locator(".scope > summary").click()
    page.get_by_label("Leave out").fill("w_0003, w_0005")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".searched")).to_contain_text("10 of 12")
    page.keyboard.press("Escape")
    page.locator("#present").focus()
    first = page.locator("#present").inner_text()
    page.keyboard.press("s")
    expect(page.locator("#present")).not_to_have_text(first)
    names = page.locator(".candidates .card-name")
    expect(names).to_have_count(5)
    expect(names.filter(has_text="w_0003")).to_have_count(0)
    expect(names.filter(has_text="w_0005")).to_have_count(0)
