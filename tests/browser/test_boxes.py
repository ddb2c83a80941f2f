"""The animal's box, drawn and dragged by mouse, touch and keys, and several animals in a photo."""

from __future__ import annotations

import math

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, add, until, violations

Point = tuple[float, float]
_IN_WINDOW = """async (share) => {
  const main = document.querySelector("script[type=module]").src;
  const geometry = await import(main.replace("main.js", "box_geometry.js"));
  const stage = document.querySelector(".stage");
  // What comes late (an answer, the tools of the box) moves the photo: until it stands still.
  const place = () => JSON.stringify([stage, stage.querySelector(".frame")].map(
    (one) => one.getBoundingClientRect()));
  for (let seen = "", still = 0; still < 20; still = seen === place() ? still + 1 : 0) {
    seen = place();
    await new Promise(requestAnimationFrame);
  }
  const view = geometry.viewOf(stage, stage.querySelector(".frame"));
  const point = geometry.pointAt(view, share);
  return [point.x, point.y];
}"""


def at(page: Page, x: float, y: float) -> Point:
    """Where in the window a point of the photo is, by shares of its width and height."""
    left, top = page.evaluate(_IN_WINDOW, {"x": x, "y": y})
    return left, top


def drag(page: Page, start: Point, end: Point) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def edited(page: Page) -> list[float]:
    """The box that is being changed, as shares."""
    style = page.locator(".box-edit").evaluate(
        "one => ['left', 'top', 'width', 'height'].map(side => parseFloat(one.style[side]) / 100)"
    )
    left, top, width, height = style
    return [left, top, left + width, top + height]


def stored(site: Site, name: str) -> list[float] | None:
    card = site.directory.photo(name)
    assert card is not None
    return None if card.box is None else [*card.box]


def nearest(page: Page) -> str:
    return page.locator(".candidates .card-name").first.inner_text()


def near(one: list[float] | None, other: list[float], by: float = 0.02) -> bool:
    return one is not None and all(
        math.isclose(a, b, abs_tol=by) for a, b in zip(one, other, strict=True)
    )


def test_a_box_is_drawn_by_mouse_and_asked_again_and_confirmed(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    add(page, site.wide_photo(3, 5))
    assert nearest(page) == "w_0003"
    page.keyboard.press("B")
    expect(page.locator(".box-edit")).to_be_focused()
    assert violations(page) == []
    drag(page, at(page, 0.25, 0.5), at(page, 0.75, 0.5))  # the whole box, to the other animal
    assert near(edited(page), [0.5, 0, 1, 1])
    drag(page, at(page, 0.5, 0.5), at(page, 0.6, 0.5))  # its left edge
    assert near(edited(page), [0.6, 0, 1, 1])
    drag(page, at(page, 0.5, 0), at(page, 1, 1))  # a new one, from an empty place
    assert near(edited(page), [0.5, 0, 1, 1], 0.005)
    page.get_by_role("button", name="Ask again with this box").click()
    expect(page.locator(".candidates .card-name").first).to_have_text("w_0005")
    expect(page.locator("#notice")).to_contain_text("is asked again with this box")
    assert near(stored(site, "wide_3_5.jpg"), [0.5, 0, 1, 1], 0.005)
    page.keyboard.press("u")
    expect(page.locator(".candidates .card-name").first).to_have_text("w_0003")
    assert stored(site, "wide_3_5.jpg") is None


@pytest.mark.parametrize(
    "presses", ["", "f", "rr", "frr+", "RRRRRR", "ff+"], ids=lambda each: each or "plain"
)
def test_a_box_follows_the_mouse_when_the_photo_is_zoomed_turned_and_mirrored(
    open_page: OpenPage, site: Site, presses: str
) -> None:
    page = open_page()
    add(page, site.wide_photo(3, 5))
    page.keyboard.press("B")
    expect(page.locator(".box-edit")).to_be_focused()  # its tools have moved the photo down
    for key in presses:
        page.keyboard.press(key)
    drag(page, at(page, 0.55, 0.3), at(page, 0.7, 0.7))
    assert near(edited(page), [0.55, 0.3, 0.7, 0.7], 0.01)
    drag(page, at(page, 0.6, 0.5), at(page, 0.55, 0.6))
    assert near(edited(page), [0.5, 0.4, 0.65, 0.8], 0.01)
    drag(page, at(page, 0.65, 0.8), at(page, 0.7, 0.7))  # the corner at the right, below
    assert near(edited(page), [0.5, 0.4, 0.7, 0.7], 0.01)
    x, y = at(page, 0.5, 0.4)
    page.keyboard.press("ArrowRight")
    left, top, *_ = edited(page)
    moved_x, moved_y = at(page, left, top)
    assert (round(moved_x - x), round(moved_y - y)) == (6, 0)
    before = page.locator(".box-edit").bounding_box()
    page.keyboard.press("Shift+ArrowRight")
    after = page.locator(".box-edit").bounding_box()
    assert before and after and after["x"] + after["width"] > before["x"] + before["width"] + 3
    page.keyboard.press("Escape")
    expect(page.locator(".box-edit")).to_have_count(0)
    assert stored(site, "wide_3_5.jpg") is None


def test_keys_alone_move_and_resize_a_box_and_ask_again(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.wide_photo(3, 5))
    page.keyboard.press("B")
    for _ in range(400):
        page.keyboard.press("ArrowRight")
        if edited(page)[2] >= 1:
            break
    assert near(edited(page), [0.5, 0, 1, 1], 0.001)
    page.keyboard.press("n")  # decides nothing while a box is changed
    expect(page.locator("dialog")).to_have_count(0)
    page.keyboard.press("Shift+ArrowUp")
    assert edited(page)[3] < 1
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".candidates .card-name").first).to_have_text("w_0005")
    expect(page.locator("#present")).to_be_focused()


def test_a_finger_draws_a_box_and_the_page_does_not_scroll(open_page: OpenPage, site: Site) -> None:
    page = open_page(width=390, height=844, has_touch=True, is_mobile=True)
    add(page, site.wide_photo(3, 5))
    page.get_by_role("button", name="Change the box").click()
    page.locator(".stage").first.scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    start, end = at(page, 0.98, 0.9), at(page, 0.6, 0.1)
    path = [
        (start[0] + (end[0] - start[0]) * step / 8, start[1] + (end[1] - start[1]) * step / 8)
        for step in range(9)
    ]
    for number, (x, y) in enumerate(path):
        kind = "touchStart" if number == 0 else "touchMove"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert near(edited(page), [0.6, 0.1, 0.98, 0.9])
    assert page.evaluate("scrollY") == scrolled
    handle = page.locator('.box-handle[data-handle="nw"]').bounding_box()
    assert handle and min(handle["width"], handle["height"]) >= 43
    assert violations(page) == []


def test_two_animals_have_two_answers_and_are_confirmed_one_by_one(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    add(page, site.wide_photo(3, 5))
    expect(page.locator(".animal-list")).to_contain_text("Animal 1 of 2 in this photo:")
    expect(page.locator(".frame .box > b")).to_have_text(["1", "2"])
    page.get_by_role("button", name="Review animal 2").click()
    expect(page.locator(".candidates .card-name").first).to_have_text("w_0005")
    expect(page.locator("#present")).to_have_text("wide_3_5#2.jpg")
    expect(page.locator(".animal-list")).to_contain_text("Animal 2 of 2 in this photo:")
    assert violations(page) == []
    page.keyboard.press("o")
    expect(page.locator("#present")).to_have_text("wide_3_5.jpg")
    page.keyboard.press("1")
    expect(page.locator("#present")).to_have_text("wide_3_5#2.jpg")
    expect(page.locator(".animal-list")).to_contain_text("1: w_0003")
    page.keyboard.press("1")
    expect(page.locator(".empty")).to_be_visible()

    def whose() -> list[tuple[str, str | None]]:
        return [
            (card.state, card.individual)
            for name in ("wide_3_5.jpg", "wide_3_5#2.jpg")
            if (card := site.directory.photo(name)) is not None
        ]

    assert whose() == [("catalogued", "w_0003"), ("catalogued", "w_0005")]
    page.keyboard.press("u")
    until(page, lambda: whose() == [("catalogued", "w_0003"), ("waiting", None)])
    expect(page.locator("#present")).to_have_text("wide_3_5#2.jpg")


def test_confirming_one_animal_leaves_the_other_in_the_queue(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    add(page, site.wide_photo(3, 5))
    page.keyboard.press("1")
    expect(page.locator("#present")).to_have_text("wide_3_5#2.jpg")
    expect(page.locator(".candidates .card-name").first).to_have_text("w_0005")


def test_the_boxes_of_a_turned_photo_are_on_its_animals(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.wide_photo(3, 5, is_turned=True))
    assert nearest(page) == "w_0003"
    page.keyboard.press("o")
    expect(page.locator(".candidates .card-name").first).to_have_text("w_0005")


def test_the_box_of_an_individual_s_photo_is_changed(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.wide_photo(3, 5))
    page.keyboard.press("1")
    expect(page.locator("#present")).to_have_text("wide_3_5#2.jpg")
    page.goto(f"{site.url}/#/individuals/w_0003")
    page.get_by_role("button", name="Enlarge wide_3_5.jpg").click()
    page.get_by_role("button", name="Change the box").click()
    editor = page.locator(".box-edit")
    expect(editor).to_be_focused()
    expect(page.locator("dialog .frame img")).to_have_js_property("complete", True)
    until(page, lambda: near(edited(page), [0, 0, 0.5, 1]))
    assert violations(page) == []
    page.keyboard.press("Shift+ArrowLeft")
    assert edited(page)[2] < 0.5
    narrowed = edited(page)
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("#notice")).to_contain_text("The box of wide_3_5.jpg is changed.")
    assert near(stored(site, "wide_3_5.jpg"), narrowed, 0.001)
    page.get_by_role("button", name="Undo").click()
    until(page, lambda: near(stored(site, "wide_3_5.jpg"), [0, 0, 0.5, 1], 0.001))
