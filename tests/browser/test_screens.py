"""Every screen: no serious accessibility violation, no sideways scrolling on a phone, an advice
where nothing is.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.steps import add, violations

SCREENS = {
    "#/review": ".comparison",
    "#/queue": ".card-row",
    "#/individuals": ".cards li",
    "#/individuals/w_0003": ".years",
    "#/unknowns": ".cluster, .empty",
    "#/lists/pairs": ".pair, .empty",
    "#/compare/whale_00_0.jpg/whale_11_1.jpg": ".pair-individuals .acts",
    "#/reports": ".report-kind",
    "#/history": ".changes li",
    "#/calibration": ".charts svg",
    "#/jobs": ".empty",
    "#/exchange": ".empty",
    "#/accounts": ".empty",
    "#/keys": ".empty",
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_every_screen_can_be_read_and_used_by_all(
    open_page: Callable[..., Page], site: Site, width: int, dark: bool
) -> None:
    page = open_page(width=width, height=740, dark=dark)
    add(page, site.photo(3, 5), site.photo(13, 1))
    found: dict[str, list[str]] = {}
    for screen, there in SCREENS.items():
        page.goto(f"{site.url}/{screen}")
        current = "/".join(screen.split("/")[:2]).replace("compare", "lists")
        expect(page.locator("nav a[aria-current=page]")).to_have_attribute(
            "href", current
        )  # not the screen before
        expect(page.locator(there).first).to_be_visible()
        expect(page.locator("main [aria-busy]")).to_have_count(0)
        found[screen] = violations(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found[screen].append(f"{wide} px wide")
    assert found == {screen: [] for screen in SCREENS}


def test_a_dialog_can_be_read_and_used_by_all(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page("#/individuals/w_0003", width=360)
    page.get_by_role("button", name="Edit", exact=True).first.click()
    expect(page.get_by_label("Display name")).to_be_focused()
    assert violations(page) == []


def test_axe_is_heard(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page("#/history")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [each.partition(":")[0] for each in violations(page)] == ["button-name"]


def test_what_is_empty_says_what_to_do_first(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    expect(page.locator(".empty")).to_contain_text("Add photos above")
    page.goto(f"{site.url}/#/individuals")
    page.get_by_label("Search").fill("nobody at all")
    expect(page.locator(".empty")).to_contain_text("No individual found")
    page.goto(f"{site.url}/#/nowhere")
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()


def test_a_menu_on_the_phone_leads_everywhere(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(width=360)
    expect(page.locator("#nav")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("heading", name="History")).to_be_focused()
    expect(page.locator("#nav")).to_be_hidden()


def test_the_manage_menu_opens_and_closes_by_keyboard(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page("#/history", width=1024)
    manage, links = page.get_by_role("button", name="Manage"), page.locator("#manage a")
    top = page.locator("header").bounding_box()
    assert top is not None
    assert top["height"] < 64, "the screens stand in one line"
    manage.focus()
    page.keyboard.press("Enter")
    expect(manage).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(links.first).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(manage).to_be_focused()
    expect(links.first).to_be_hidden()
    manage.click()
    links.filter(has_text="Jobs").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_focused()
    expect(links.first).to_be_hidden()


def test_the_page_asks_nobody_but_its_own_service(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    add(page, site.photo(3, 5))
    expect(page.locator(".viewer")).to_have_attribute("data-ready", "2")
    assert len(asked) > 30
    assert [url for url in asked if not url.startswith((site.url, "blob:"))] == []
