"""Answers that come late, in another order, or not at all: what is on the page is still of what was
asked last.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Site
from tests.browser.test_review import OpenPage, add, present, with_boxes

_A_WHILE_MS = 200  # in which the page would show a late answer that it has
_LONGEST_SECONDS = 30


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
        self._page.wait_for_timeout(_A_WHILE_MS)


def until(page: Page, is_so: Callable[[], object]) -> None:
    """Let the browser go on until something is so."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it never was so"
        page.wait_for_timeout(20)


def test_a_box_that_comes_after_its_photo_leaves_the_photo_there(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    cards, photo = (
        Late(page, r"/v1/catalogue/photos\?"),
        Late(page, r"/v1/photos/.*sent.*size_px=1024"),
    )
    page.route(re.compile(r"/v1/queue\?"), with_boxes)
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
    late = Late(page, r"/v1/explain$")
    page.keyboard.press("h")
    expect(page.locator(".heat .loading")).to_be_visible()
    late.wait()
    page.locator(chosen).first.click()
    expect(page.locator(".heat")).to_be_empty()
    late.let_go(
        lambda route: route.fulfill(
            headers={"Content-Type": "image/png", "X-Distance": "0.5"}, body=b""
        )
    )
    expect(page.locator(".heat")).to_be_empty()


def test_a_photo_can_be_decided_while_its_heat_map_is_made(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    expect(page.locator(".all-photos .strip-photo")).to_have_count(3)
    late = Late(page, r"/v1/explain$")
    for _ in range(3):
        page.keyboard.down("h")  # held down
    late.wait()
    page.keyboard.up("h")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".candidates .is-compared .card-name")).not_to_have_text("w_0003")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="All photos are done")).to_be_visible()
    assert len(late.held) == 1


def test_an_answer_about_the_animal_before_does_not_put_it_into_the_viewer(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    late = Late(page, r"/v1/catalogue/photos\?.*individual=w_0003")

    def turned(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["results"][0]["matches"].reverse()
        route.fulfill(response=answer, json=told)

    page.route("**/v1/identify", turned)
    page.reload()
    candidates, shown = (
        page.locator(".candidates .card-name"),
        page.locator(".pane figcaption").last,
    )
    expect(candidates.first).to_have_text("w_0003")
    late.wait()
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
    late = Late(page, r"/v1/queue\?")
    page.reload()
    late.wait()
    add(page, site.photo(3, 5))
    late.let_go(
        lambda route: route.fulfill(json={"photos": [], "next": None})
    )  # as it was when it was asked for
    expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")
    expect(present(page)).to_contain_text("sent_03_05")


def test_a_queue_that_cannot_be_had_is_told(open_page: OpenPage) -> None:
    page = open_page()
    detail = "The catalogue is being moved; try again in a minute."
    page.route(
        re.compile(r"/v1/queue\?"), lambda route: route.fulfill(status=503, json={"detail": detail})
    )
    page.reload()
    expect(page.locator(".work")).to_contain_text(detail)
    expect(page.locator(".work")).not_to_contain_text("No photo waits")


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


def _job(number: int, **more: Any) -> dict[str, Any]:
    told = {
        "id": number,
        "kind": "reindex",
        "state": "queued",
        "parameters": {},
        "done": 0,
        "total": 10,
        "error_count": 0,
        "is_cancel_requested": False,
        "rate": None,
        "eta_seconds": None,
        "asked_at": "2026-07-01T10:00:00Z",
        "started_at": None,
        "ended_at": None,
        "asked_by": None,
        "reason": None,
        "result": None,
    }
    return told | more


def _list_of(page: Page, jobs: list[dict[str, Any]]) -> Late:
    """Show a list of jobs, whose events are kept back."""
    page.route(
        re.compile(r"/v1/jobs\?"),
        lambda route: route.fulfill(json={"jobs": jobs, "next_cursor": None}),
    )
    late = Late(page, r"/v1/jobs/\d+/events")
    page.goto(page.url.split("#")[0] + "#/jobs")
    return late


def test_a_button_of_a_job_stays_the_same_while_it_goes_on(open_page: OpenPage) -> None:
    page = open_page()
    late = _list_of(page, [_job(1)])
    cancel = page.get_by_role("button", name="Cancel job 1")
    cancel.focus()
    late.wait()
    _tell(late.held[0], _job(1), *(_job(1, state="running", done=done) for done in (2, 5, 7)))
    expect(page.locator(".job .facts")).to_contain_text("7 of 10 files")
    expect(cancel).to_be_focused()


def test_many_jobs_that_wait_leave_connections_for_the_rest(open_page: OpenPage) -> None:
    page = open_page()
    late = _list_of(
        page, [_job(8), _job(7, state="running"), *(_job(number) for number in (5, 4, 3, 2, 1))]
    )

    def followed() -> list[int]:
        return [int(route.request.url.split("/")[-2]) for route in late.held]

    expect(page.locator(".job")).to_have_count(7)
    until(page, lambda: len(late.held) >= 3)
    page.wait_for_timeout(_A_WHILE_MS)
    assert sorted(followed()) == [1, 2, 7]  # the one that runs, and those that come first
    cancel = page.get_by_role("button", name="Cancel job 5")
    cancel.focus()
    _tell(late.held[followed().index(1)], _job(1, state="succeeded", done=10))
    until(page, lambda: 3 in followed())
    expect(cancel).to_be_focused()  # the list is the same one
    assert sorted(followed()) == [1, 2, 3, 7]


def test_a_waiting_job_that_is_cancelled_is_told(open_page: OpenPage) -> None:
    page = open_page()
    jobs = [_job(1)]

    def cancel(route: Route) -> None:
        jobs[0] = _job(1, state="cancelled")
        route.fulfill(json=jobs[0])

    page.route("**/v1/jobs/1/cancel", cancel)
    _list_of(page, jobs)
    page.get_by_role("button", name="Cancel job 1").click()
    expect(page.locator("#notice")).to_contain_text("Job 1: cancelled.")
    expect(page.get_by_role("button", name="Resume job 1")).to_be_visible()


def test_a_stream_that_breaks_off_is_taken_up_again(open_page: OpenPage) -> None:
    page = open_page()
    late = _list_of(page, [_job(1)])
    late.wait()
    _tell(late.held[0], _job(1, state="running", done=4))
    until(page, lambda: len(late.held) == 2)
    _tell(late.held[1], _job(1, state="succeeded", done=10))
    expect(page.locator(".job .state")).to_have_text("Done")


def test_two_presses_open_one_dialog(open_page: OpenPage) -> None:
    page = open_page("#/keys")
    expect(page.locator(".empty")).to_be_visible()
    late = Late(page, r"/v1/keys$")
    for _ in range(2):
        page.get_by_role("button", name="Make a key").dispatch_event("click")
    late.let_go()
    expect(page.locator("dialog")).to_have_count(1)
    expect(page.get_by_label("What it may do")).to_have_value("admin")


def test_photos_taken_in_are_looked_at_though_the_queue_cannot_be_had(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    late = Late(page, r"/v1/queue\?")
    page.reload()
    late.wait()
    add(page, site.photo(3, 5))
    late.let_go(
        lambda route: route.fulfill(status=503, json={"detail": "The catalogue is being moved."})
    )
    expect(page.locator("#alarm")).to_contain_text("The catalogue is being moved.")
    expect(present(page)).to_contain_text("sent_03_05")
    expect(page.locator(".viewer")).to_be_visible()


def _tell(route: Route, *jobs: dict[str, Any]) -> None:
    events = [f"event: job\ndata: {json.dumps(job)}\n\n" for job in jobs]
    route.fulfill(content_type="text/event-stream", body="".join(events))
