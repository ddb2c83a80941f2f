"""Photos that are sent from the review: refused ones, duplicates, and those of one encounter."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, add, queued


def test_a_bad_photo_stops_none_of_the_others(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    broken = site.folder / "notes.jpg"
    broken.write_text("no photo at all")
    add(page, broken, site.photo(4, 6))
    expect(page.locator(".uploads .failed")).to_have_count(1)
    expect(page.locator(".uploads .failed")).to_contain_text("notes.jpg")
    expect(page.locator(".uploads .failed .progress-text")).to_contain_text("not a photo")
    expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")


def test_a_busy_service_is_sent_the_photo_again(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    keys: list[str | None] = []

    def busy_at_first(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) > 1:
            route.fallback()
        else:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"detail": "Busy."})

    page.route(re.compile("/v1/queue$"), busy_at_first)
    add(page, site.photo(4, 6))
    expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")
    assert len(keys) >= 2
    assert keys[0] == keys[1] is not None


def test_the_same_photo_again_is_told(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(4, 6))
    again = site.folder / "again.jpg"
    again.write_bytes(site.photo(4, 6).read_bytes())
    add(page, again)
    expect(page.locator(".uploads .failed")).to_contain_text("again.jpg")
    expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")


def test_photos_of_one_encounter_are_noted_so(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    page.get_by_label("All photos are from one encounter").check()
    page.locator("details details > summary").click()
    page.get_by_label("Encounter", exact=True).fill("morning in the bay")
    page.get_by_label("Date").fill("2026-06-12")
    sent = site.photo(2, 6), site.photo(2, 7)
    add(page, *sent)
    cards = [card for card in site.directory.photos(limit=200) if card.name in queued(site, *sent)]
    assert {(card.encounter, card.taken_at) for card in cards} == {
        ("morning in the bay", "2026-06-12")
    }
    expect(page.locator(".present .facts")).to_contain_text("morning in the bay")
