"""Encounters on the page: one card each, split and joined; anybody confirmed, or all at once."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, add, present, queued, states


def test_an_encounter_is_one_card_and_one_key(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    sent = [site.photo(3, 5, "09:40"), site.photo(3, 6, "09:41"), site.photo(13, 1, "12:00")]
    add(page, *sent)
    page.reload()
    own = page.locator(".own-strip .strip-photo")
    expect(own).to_have_count(2)
    expect(page.locator(".decision .reason")).to_contain_text("2 photos together")
    expect(present(page)).to_have_text("sent_03_05.jpg")
    page.keyboard.press("]")
    expect(present(page)).to_have_text("sent_03_06.jpg")
    strong = page.locator(".actions .first")
    expect(strong).to_contain_text("Confirm w_0003")
    page.keyboard.press("1")
    expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")
    expect(strong).to_contain_text("New individual")
    names = queued(site, *sent[:2])
    assert states(site, *names) == dict.fromkeys(names, ("catalogued", "w_0003"))
    page.keyboard.press("u")
    expect(page.locator(".heading .heading-note")).to_have_text("3 photos left")
    assert states(site, *names) == dict.fromkeys(names, ("waiting", None))


def test_a_photo_is_taken_out_and_joined_again(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5, "09:40"), site.photo(3, 6, "09:41"))
    page.reload()
    own = page.locator(".own-strip .strip-photo")
    expect(own).to_have_count(2)
    page.keyboard.press("p")
    expect(page.locator(".queue-strip .strip-photo")).to_have_count(2)
    expect(own).to_have_count(0)
    alone = page.get_by_role("button", name="Take this photo out")
    expect(alone).to_have_attribute("aria-disabled", "true")
    expect(alone).to_have_attribute("title", "This is the only photo of its encounter.")
    page.keyboard.press("j")
    expect(own).to_have_count(2)
    for left in (0, 2):
        page.keyboard.press("u")
        expect(own).to_have_count(left)


def test_anybody_is_found_and_the_same_again(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    sent = [site.photo(13, 1, "09:00"), site.photo(13, 2, "12:00")]
    add(page, *sent)
    page.reload()
    expect(present(page)).to_have_text("sent_13_01.jpg")
    page.keyboard.press("/")
    expect(page.locator(".found li")).to_have_count(12)
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_be_visible()  # nobody was searched for, nobody is confirmed
    page.get_by_role("combobox", name="Individual").fill("w_0007")
    expect(page.locator(".found li")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(present(page)).to_have_text("sent_13_02.jpg")
    page.keyboard.press("=")
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    names = queued(site, *sent)
    assert states(site, *names) == dict.fromkeys(names, ("catalogued", "w_0007"))


def test_a_new_individual_takes_one_key_with_the_id_that_is_proposed(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    sent = [site.photo(13, 1, "09:00"), site.photo(13, 2, "09:01")]
    add(page, *sent)
    page.reload()
    expect(page.locator(".own-strip .strip-photo")).to_have_count(2)
    page.keyboard.press("N")
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    expect(page.locator("#notice")).to_contain_text("the first of w_0012.")
    names = queued(site, *sent)
    assert states(site, *names) == dict.fromkeys(names, ("catalogued", "w_0012"))
    page.keyboard.press("u")
    expect(page.locator(".heading .heading-note")).to_have_text("2 photos left")
    assert states(site, *names) == dict.fromkeys(names, ("waiting", None))


def test_candidates_go_on_beyond_five(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    expect(page.locator(".candidates li")).to_have_count(5)
    page.get_by_role("button", name="More candidates").click()
    expect(page.locator(".candidates li")).to_have_count(12)


def test_the_sure_ones_are_confirmed_from_the_queue(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    sent = [site.photo(3, 5, "09:40"), site.photo(3, 6, "09:41"), site.photo(5, 5, "12:00")]
    add(page, *sent, site.photo(13, 1, "15:00"))
    page.goto(f"{site.url}/#/queue")
    expect(page.locator(".card-row")).to_have_count(3)
    page.get_by_role("button", name="Confirm the 2 sure ones").click()
    expect(page.locator(".sample li")).to_have_count(2)
    # All photos of a card are shown: another animal may have come into an encounter.
    expect(page.locator(".sample .others img")).to_have_count(1)
    page.get_by_role("button", name="Confirm 2 encounters").click()
    expect(page.locator(".card-row")).to_have_count(1)
    names = queued(site, *sent)
    assert [whose for _, whose in states(site, *names).values()] == ["w_0003", "w_0003", "w_0005"]
    page.locator("#notice").get_by_role("button", name="Undo").click()
    expect(page.locator(".card-row")).to_have_count(3)
    assert {state for state, _ in states(site, *names).values()} == {"waiting"}
