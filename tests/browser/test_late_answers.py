"""Answers that come late, in another order, or not at all: the page shows the latest request's."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Site
from tests.browser.steps import Late, OpenPage, add, heat_of, present, until, with_boxes


def test_a_box_that_comes_after_its_photo_leaves_the_photo_there(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    cards, photo = (
        Late(page, r"/v1/catalogue/photos\?"),
        Late(page, r"/v1/photos/.*sent.*size_px=1024"),
    )
    page.route(re.compile(r"/v1/queue/encounters/"), with_boxes)
    page.reload()
    viewer, marks = page.locator(".viewer"), page.locator(".frame .box")
    expect(viewer).to_have_attribute("data-ready", "1")  # the candidate
    cards.let_go(with_boxes)
    expect(marks).to_have_count(2)
    expect(viewer).to_have_attribute("data-ready", "1")
    photo.let_go()
    expect(viewer).to_have_attribute("data-ready", "2")


@pytest.mark.parametrize(
    "chosen",
    [".all-photos .strip-photo:not([aria-current])", ".candidates li:nth-child(2) .compare-button"],
)
def test_a_heat_map_of_what_was_compared_before_is_not_shown(
    open_page: OpenPage, site: Site, chosen: str
) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    expect(page.locator(".all-photos .strip-photo")).to_have_count(3)
    late = Late(page, r"/v1/pairs/heat")
    page.keyboard.press("h")
    expect(page.locator(".heat-note")).to_contain_text("is made")
    late.wait()
    page.locator(chosen).first.click()
    until(page, lambda: len(late.held) == 2)
    first = late.held[0].request.url
    late.let_go(
        lambda route: route.fulfill(json=heat_of(0.1 if route.request.url == first else 0.2))
    )
    layers = page.locator(".heat-layer")
    expect(layers).to_have_count(2)
    assert {each.evaluate("layer => layer.style.left") for each in layers.all()} == {"20%"}
    page.keyboard.press("h")
    expect(layers).to_have_count(0)


def test_a_photo_can_be_decided_while_its_heat_map_is_made(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    expect(page.locator(".all-photos .strip-photo")).to_have_count(3)
    late = Late(page, r"/v1/pairs/heat")
    for _ in range(3):
        page.keyboard.down("h")  # held down
    late.wait()
    page.keyboard.up("h")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".candidates .is-compared .card-name")).not_to_have_text("w_0003")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    assert len(late.held) == 2  # one for each candidate


def test_an_answer_about_the_animal_before_does_not_put_it_into_the_viewer(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    late = Late(page, r"/v1/catalogue/photos\?.*individual=w_0003")

    def turned(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["answer"]["matches"].reverse()
        route.fulfill(response=answer, json=told)

    page.reload()
    candidates, shown = (
        page.locator(".candidates .card-name"),
        page.locator(".pane figcaption").last,
    )
    expect(candidates.first).to_have_text("w_0003")
    late.wait()
    page.route(re.compile("/v1/queue/encounters/"), turned)
    page.keyboard.press("a")
    expect(candidates.first).not_to_have_text("w_0003")
    expect(shown).to_contain_text(candidates.first.inner_text())
    late.let_go()
    expect(shown).to_contain_text(candidates.first.inner_text())


def test_the_next_photo_is_compared_with_the_one_just_confirmed_too(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    add(page, site.photo(3, 5), site.photo(3, 6))
    photos = page.locator(".all-photos .strip-photo")
    expect(photos).to_have_count(3)
    name = present(page).inner_text()
    page.keyboard.press("1")
    expect(present(page)).not_to_have_text(name)
    expect(photos).to_have_count(4)


def test_photos_that_are_taken_in_while_the_queue_comes_wait_all_the_same(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    late = Late(page, r"/v1/queue/encounters\?")
    page.reload()
    late.wait()
    add(page, site.photo(3, 5))
    late.let_go(
        lambda route: route.fulfill(json={"encounters": [], "photos": 0, "next": None})
    )  # as it was when it was asked for
    expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")
    expect(present(page)).to_contain_text("sent_03_05")


def test_a_queue_that_cannot_be_had_is_told(open_page: OpenPage) -> None:
    page = open_page()
    detail = "The catalogue is being moved; try again in a minute."
    page.route(
        re.compile(r"/v1/queue/encounters\?"),
        lambda route: route.fulfill(status=503, json={"detail": detail}),
    )
    page.reload()
    expect(page.locator(".work")).to_contain_text(detail)
    expect(page.locator(".work")).not_to_contain_text("Nothing to review")


def test_the_slider_says_what_is_asked_now(open_page: OpenPage) -> None:
    page = open_page("#/calibration")
    said = page.locator(".rate-text b").first
    late = Late(page, r"/v1/calibration\?")
    page.get_by_label("How many unknown animals").fill("95")
    late.wait()
    page.route(re.compile(r"/v1/calibration\?"), Route.continue_)
    page.get_by_label("How many unknown animals").fill("50")
    expect(page.locator(".rate-text")).to_contain_text("At most")
    now = said.inner_text()
    late.let_go()
    expect(said).to_have_text(now)


def test_typing_goes_on_when_the_list_comes(open_page: OpenPage) -> None:
    page = open_page("#/history")
    expect(page.locator(".changes li").first).to_be_visible()
    late = Late(page, r"/v1/individuals\?")
    page.locator("nav a", has_text="Individuals").click()
    search = page.get_by_label("Search")
    search.focus()
    late.let_go()
    expect(page.locator(".card")).to_have_count(12)
    expect(search).to_be_focused()


def test_two_presses_open_one_dialog(open_page: OpenPage) -> None:
    page = open_page("#/keys")
    expect(page.locator(".empty")).to_be_visible()
    late = Late(page, r"/v1/session$")
    for _ in range(2):
        page.get_by_role("button", name="Make a key").dispatch_event("click")
    late.let_go()
    expect(page.locator("dialog")).to_have_count(1)
    expect(page.get_by_label("Role")).to_have_value("admin")


def test_photos_taken_in_are_looked_at_though_the_queue_cannot_be_had(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    late = Late(page, r"/v1/queue/encounters\?")
    page.reload()
    late.wait()
    add(page, site.photo(3, 5))
    late.let_go(
        lambda route: route.fulfill(status=503, json={"detail": "The catalogue is being moved."})
    )
    expect(page.locator("#alarm")).to_contain_text("The catalogue is being moved.")
    expect(present(page)).to_contain_text("sent_03_05")
    expect(page.locator(".viewer")).to_be_visible()
