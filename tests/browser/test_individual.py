"""One individual's page: who it is, its sightings and map, its family, its photos one by one."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from tests.browser.conftest import Site
from tests.browser.steps import violations

OpenPage = Callable[..., Page]


def note(page: Page, field: str, value: str) -> None:
    page.locator("dialog").get_by_label(field, exact=True).fill(value)


def save(page: Page) -> None:
    page.locator("dialog").get_by_role("button", name="Save").click()
    expect(page.locator("dialog")).to_have_count(0)


def test_sightings_get_a_place_and_stand_on_the_map(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/individuals/w_0003")
    expect(page.locator(".resighting")).to_have_text(
        "Seen 3 times in 3 years, last on Aug 12, 2022, 1,128 days after the time before."
    )
    expect(page.locator("main")).to_contain_text("No positions to show")
    page.get_by_role("button", name="Edit the encounter meeting 3-2").click()
    note(page, "Where", "Stellwagen Bank, 42.36, -70.31")
    note(page, "Region", "Gulf of Maine")
    note(page, "Notes", "With a calf.")
    save(page)
    row = page.get_by_role("row").filter(has_text="meeting 3-2")
    expect(row).to_contain_text("With a calf. (local, ")
    expect(page.locator(".resighting")).to_contain_text("Aug 12, 2022 in Gulf of Maine")
    expect(page.locator(".map .met")).to_have_count(1)
    assert len(page.locator(".map .land").get_attribute("d") or "") > 500
    expect(page.locator(".map .met title")).to_contain_text("Stellwagen Bank")
    assert violations(page) == []


def test_family_age_and_notes_are_edited_in_one_form_and_one_undo(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/individuals/w_0003")
    page.get_by_role("button", name="Edit", exact=True).first.click()
    note(page, "Mother", "w_0001")
    note(page, "Born", "2012")
    page.locator("dialog").get_by_label("Age class").select_option("adult")
    note(page, "Notes", "A scar.")
    save(page)
    facts = page.locator(".profile")
    expect(facts).to_contain_text("2012")
    expect(facts).to_contain_text("A scar. (local, ")
    expect(page.locator("#notice")).to_contain_text("w_0003 is changed")
    page.locator("#notice").get_by_role("button", name="Undo").click()
    expect(page.locator(".facts-list")).not_to_contain_text("2012")
    one = site.directory.individual("w_0003")
    assert one is not None
    assert (one.mother, one.notes, one.age_class) == (None, None, None)


def test_mother_and_calf_lead_to_each_other(open_page: OpenPage, site: Site) -> None:
    with Catalogue.open(site.catalogue) as catalogue:
        Curator(catalogue, made_by="ada").edit("w_0003", {"mother": "w_0001"})
    page = open_page("#/individuals/w_0003")
    page.locator(".facts-list").get_by_role("link", name="w_0001").click()
    expect(page.get_by_role("heading", name="w_0001")).to_be_visible()
    page.locator(".facts-list").get_by_role("link", name="w_0003").click()
    expect(page.get_by_role("heading", name="w_0003")).to_be_visible()


def test_photos_are_seen_one_by_one_zoomed_and_edited(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/individuals/w_0003")
    page.get_by_role("button", name="Enlarge whale_03_1.jpg").click()
    words = page.locator("dialog .gallery-tools .heading-note")
    expect(words).to_have_text("2 of 3 · whale_03_1.jpg · Jul 11, 2019")
    assert violations(page) == []
    page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("3 of 3")
    page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("1 of 3")
    page.keyboard.press("+")
    expect(page.locator("dialog img")).to_have_class("is-zoomed")
    page.get_by_role("button", name="Previous").click()
    expect(words).to_contain_text("3 of 3")
    page.get_by_role("button", name="Edit photo").click()
    note(page, "Viewpoint", "left")
    save(page)
    (card,) = [each for each in site.directory.photos() if each.name == "whale_03_2.jpg"]
    assert card.viewpoint == "left"


def test_the_newest_place_is_marked_and_drawn_last(open_page: OpenPage, site: Site) -> None:
    with Catalogue.open(site.catalogue) as catalogue:
        curator = Curator(catalogue, made_by="ada")
        met = site.directory.encounters(individual="w_0003")
        for each, place in zip(met, ("42.3, -70.1", "42.9, -69.2", "nowhere"), strict=True):
            curator.edit_encounter(each.key, {"place": place})
    page = open_page("#/individuals/w_0003", width=360)
    expect(page.locator(".map .met")).to_have_count(2)
    expect(page.locator(".map .met").last).to_have_class("met last")
    expect(page.locator("main")).to_contain_text("1 sighting without a position.")
