"""Any two photos compared: from suggestions, groups and individuals, at an address of their own."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, heat_of, violations

NEAR = "whale_00_0.jpg/whale_11_1.jpg"


def test_a_suggestion_is_compared_and_decided_and_the_next_one_comes(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/lists/pairs")
    expect(page.locator(".pair").first).to_be_visible()
    listed = page.locator(".pair").count()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Compare photos")).to_be_focused()
    expect(page.locator(".pair-individuals")).to_contain_text("at distance")
    expect(page.locator(".viewer")).to_have_attribute("data-ready", "2")
    first = page.url
    page.keyboard.press("x")
    expect(page.locator("#notice")).to_contain_text("are marked as different")
    page.wait_for_url(lambda url: url != first)
    assert [act.kind for act in site.directory.history(limit=1)] == ["tell apart"]
    is_last = listed == 1
    expect(page).to_have_url(re.compile("#/lists/pairs" if is_last else "#/compare/"))
    page.keyboard.press("u")
    expect(page.locator("#notice")).to_contain_text("undone")
    page.goto(first)
    expect(page.locator(".pair-individuals .acts button")).to_have_count(2)
    page.keyboard.press("m")
    expect(page.locator("dialog")).to_be_visible()


def test_an_address_shows_a_pair_to_whoever_opens_it(open_page: OpenPage, site: Site) -> None:
    page = open_page(f"#/compare/{NEAR}")
    facts = page.locator(".pair-individuals")
    expect(facts).to_contain_text("No probability: the catalogue has 12 individuals")
    captions = ["w_0000 · whale_00_0.jpg, Jun 10, 2016", "w_0011 · whale_11_1.jpg, Jul 11, 2019"]
    assert page.locator(".pane figcaption").all_inner_texts() == captions
    expect(page.locator(".pair-facts")).to_contain_text("at distance 0.")
    expect(page.locator(".all-photos .strip-photo")).to_have_count(6)
    page.locator(".all-photos").last.locator(".strip-photo").nth(2).click()
    expect(page).to_have_url(re.compile("#/compare/whale_00_0.jpg/whale_11_2.jpg$"))
    expect(page.locator(".pane figcaption").last).to_contain_text("whale_11_2.jpg")


def test_two_photos_of_one_individual_and_of_a_group_are_compared(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/individuals/w_0002")
    for name in ("whale_02_0.jpg", "whale_02_2.jpg"):
        page.get_by_label(f"Select {name}").check()
    page.get_by_role("button", name="Compare two").click()
    expect(page.locator(".pair-individuals")).to_have_text("Both photos are of w_0002.")
    page.goto(f"{site.url}/#/unknowns")
    group = page.locator(".cluster").filter(has_text="stranger_0.jpg")
    group.get_by_role("button", name="Compare two").click()
    expect(page.locator(".pane figcaption").first).to_have_text(
        re.compile("^nobody known · stranger_0.jpg")
    )
    expect(page.locator(".pair-individuals")).to_be_empty()
    page.go_back()
    group.get_by_label("Include stranger_0.jpg").uncheck()
    group.get_by_role("button", name="Compare two").click()
    expect(page.locator("#notice")).to_contain_text("Select two photos")


def test_heat_lies_over_both_and_moves_with_them(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    page.route("**/v1/pairs/heat?**", lambda route: route.fulfill(json=heat_of(0.1)))
    page.goto(f"{site.url}/#/compare/{NEAR}")
    expect(page.locator(".viewer")).to_have_attribute("data-ready", "2")
    page.keyboard.press("h")
    layers = page.locator(".frame .heat-layer")
    expect(layers).to_have_count(2)
    expect(page.locator(".heat-note")).to_contain_text("Red areas are similar")
    expect(page.get_by_role("button", name="Heat map")).to_have_attribute("aria-pressed", "true")
    before = layers.first.bounding_box()
    page.keyboard.press("+")
    after = layers.first.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 1.3 * before["width"]
    red, blue = (
        layers.first.evaluate(
            "(layer, at) => [...layer.getContext('2d').getImageData(at, 0, 1, 1).data]", at
        )
        for at in (0, 1)
    )
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert red[3] > blue[3] > 0
    page.keyboard.press("h")
    expect(layers).to_have_count(0)


def test_what_can_t_be_compared_says_why(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/compare/whale_00_0.jpg/none.jpg")
    expect(page.locator(".pair-facts")).to_contain_text("has no photo 'none.jpg'")
    page.keyboard.press("h")
    expect(page.locator(".heat-note")).to_contain_text("has no photo 'none.jpg'")


def test_a_phone_shows_both_photos(open_page: OpenPage, site: Site) -> None:
    page = open_page(f"#/compare/{NEAR}", width=390, height=844)
    expect(page.locator(".viewer")).to_have_attribute("data-ready", "2")
    expect(page.locator(".pair-individuals .acts button")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert violations(page) == []
    one, other = (each.bounding_box() for each in page.locator(".stage").all())
    assert one is not None
    assert other is not None
    assert other["y"] + other["height"] < 844
