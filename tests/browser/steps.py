"""What a curator does on the page, what the page then shows, and answers that are held back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Site

OpenPage = Callable[..., Page]
A_WHILE_MS = 200  # in which the page would show a late answer that it has
_LONGEST_SECONDS = 30
BOXES = {"sent": [0.3, 0.3, 0.7, 0.8], "whale": [0.1, 0.2, 0.9, 0.9]}


def add(page: Page, *photos: Path) -> None:
    """Pick photos and wait until all of them are dealt with."""
    if not page.locator("details.taking").get_attribute("open") is not None:
        page.locator("details.taking > summary").click()
    page.locator("#pick").set_input_files(photos)
    expect(page.locator(".uploads-all")).to_contain_text(
        f"of {len(photos)} photo{'s' * (len(photos) > 1)} added"
    )
    expect(present(page)).to_be_visible()


def present(page: Page) -> Locator:
    """The name of the photo that is looked at."""
    return page.locator("#present")


def states(site: Site, *names: str) -> dict[str, tuple[str, str | None]]:
    """What the catalogue says of photos, without asking the service."""
    cards = {card.name: card for card in site.directory.photos(limit=200)}
    return {name: (cards[name].state, cards[name].individual) for name in names}


def queued(site: Site, *photos: Path) -> list[str]:
    """The catalogue's names of the photos that were sent, in their order."""
    names = [card.name for card in site.directory.photos(limit=200)]
    return [next(name for name in names if photo.stem in name) for photo in photos]


def with_boxes(route: Route) -> None:
    """Answer as the service does, with a box for each photo."""
    answer = route.fetch()
    told = answer.json()
    for card in told.get("cards", told["photos"]):
        card["box"] = next(box for start, box in BOXES.items() if start in card["name"])
    route.fulfill(response=answer, json=told)


def heat_of(left: float) -> dict[str, object]:
    """What the service answers of two photos' heat, from this share of their width on."""
    one = {"values": [[1.0, -0.5], [0.0, 0.25]], "region": [left, 0.1, 0.9, 0.9]}
    return {"one": one, "other": one, "distance": 0.25}


def dialog(page: Page, label: str, value: str, accept: str) -> None:
    """Fill the open dialog and send it."""
    page.locator("dialog").get_by_label(label).fill(value)
    page.locator("dialog").get_by_role("button", name=accept).click()
    expect(page.locator("dialog")).to_have_count(0)


def violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical, each with where it is."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {', '.join(str(node['target']) for node in each['nodes'][:3])}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


class Late:
    """Keeps the answers to some requests back until they are let go."""

    def __init__(self, page: Page, asked: str) -> None:
        self._page, self._asked = page, re.compile(asked)
        self.held: list[Route] = []
        page.route(self._asked, self._hold)

    def _hold(self, route: Route) -> None:
        self.held.append(route)

    def wait(self) -> None:
        """Wait until an answer is kept back."""
        until(self._page, lambda: self.held)

    def let_go(self, answer: Callable[[Route], None] = Route.continue_) -> None:
        """Answer what is held, and what is asked later; wait until the page has had the answers for
        a while.
        """
        self.wait()
        self._page.route(self._asked, answer)
        for route in self.held:
            answer(route)
            response = route.request.response()
            assert response is not None
            response.finished()
        self._page.wait_for_timeout(A_WHILE_MS)


def until(page: Page, is_so: Callable[[], object]) -> None:
    """Let the browser go on until something is so."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it never was so"
        page.wait_for_timeout(20)
