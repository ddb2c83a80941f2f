"""Jobs whose events come late, break off, or are many: buttons stay, and connections stay free."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.steps import A_WHILE_MS, Late, OpenPage, until


def _job(number: int, **more: Any) -> dict[str, Any]:
    job = {
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
    return job | more


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
    _send_events(
        late.held[0], _job(1), *(_job(1, state="running", done=done) for done in (2, 5, 7))
    )
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
    page.wait_for_timeout(A_WHILE_MS)
    assert sorted(followed()) == [1, 2, 7]  # the one that runs, and those that come first
    cancel = page.get_by_role("button", name="Cancel job 5")
    cancel.focus()
    _send_events(late.held[followed().index(1)], _job(1, state="succeeded", done=10))
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
    _send_events(late.held[0], _job(1, state="running", done=4))
    until(page, lambda: len(late.held) == 2)
    _send_events(late.held[1], _job(1, state="succeeded", done=10))
    expect(page.locator(".job .state")).to_have_text("Done")


def _send_events(route: Route, *jobs: dict[str, Any]) -> None:
    events = [f"event: job\ndata: {json.dumps(job)}\n\n" for job in jobs]
    route.fulfill(content_type="text/event-stream", body="".join(events))
