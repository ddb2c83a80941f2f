"""Two photos side by side: moved as one, with another candidate, and with flukes of one size."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, add, with_boxes


def test_both_photos_are_zoomed_turned_and_mirrored_as_one(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    expect(page.locator(".viewer")).to_have_attribute("data-ready", "2")

    def shapes() -> list[list[float]]:
        found = page.locator(".frame").evaluate_all(
            "all => all.map(one => { const m = new DOMMatrix(one.style.transform); return [m.a, "
            "m.b, m.c, m.d]; })"
        )
        return [[round(number, 4) for number in one] for one in found]

    assert shapes() == [[1, 0, 0, 1]] * 2
    page.keyboard.press("f")
    assert shapes() == [[-1, 0, 0, 1]] * 2
    page.keyboard.press("+")
    assert shapes() == [[-1.4, 0, 0, 1.4]] * 2
    page.keyboard.press("r")
    one, other = shapes()
    assert one == other
    assert one[1] != 0
    page.keyboard.press("0")
    assert shapes() == [[1, 0, 0, 1]] * 2


def test_another_candidate_is_compared_with_all_its_photos(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(0, 5))
    expect(page.locator(".candidates .is-compared .card-name")).to_have_text("w_0000")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".candidates .is-compared .card-name")).to_have_text("w_0011")
    expect(page.locator(".all-photos h3")).to_have_text("All photos of w_0011")
    expect(page.locator(".all-photos .strip-photo")).to_have_count(3)
    page.locator(".all-photos .strip-photo").nth(1).click()
    expect(page.locator(".pane figcaption").nth(1)).to_contain_text("whale_11_1.jpg")


def test_flukes_with_boxes_are_shown_at_the_same_width(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    page.route(re.compile(r"/v1/(queue/encounters/|catalogue/photos\?)"), with_boxes)
    page.reload()
    marks = page.locator(".frame .box")
    expect(marks).to_have_count(2)
    expect(page.locator(".viewer")).to_have_attribute("data-ready", "2")

    def widths() -> list[float]:
        return [round(each.bounding_box()["width"]) for each in marks.all()]  # type: ignore[index]

    one, other = widths()
    assert abs(one - other) <= 1
    page.keyboard.press("e")
    one, other = widths()
    assert abs(2 * one - other) <= 3
    page.keyboard.press("b")
    expect(marks.first).to_be_hidden()
