"""The review, end to end in a real browser: photos in, a decision about each, and undo."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, add, present, queued, states


def test_three_photos_by_keyboard_alone(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    known, new, bad = site.photo(3, 5), site.photo(13, 1), site.photo(7, 4)
    add(page, known, new, bad)
    expect(page.locator(".heading .heading-note")).to_have_text("3 photos left")
    of = dict(zip(queued(site, known, new, bad), "1nx", strict=True))
    for left in (2, 1, 0):
        name = present(page).inner_text()
        key = next(key for whole, key in of.items() if whole.endswith(name))
        page.keyboard.press(key)
        if key == "n":
            expect(page.get_by_label("Id of the new individual")).to_have_value("w_0012")
            expect(page.get_by_label("Id of the new individual")).to_be_focused()
            page.keyboard.press("Enter")
        if left:
            expect(present(page)).not_to_have_text(name)
            expect(present(page)).to_be_focused()
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    one, two, three = of
    done = {one: ("catalogued", "w_0003"), two: ("catalogued", "w_0012"), three: ("rejected", None)}
    assert states(site, *of) == done

    for left in (1, 2, 3):
        page.keyboard.press("u")
        expect(page.locator(".heading .heading-note")).to_have_text(
            f"{left} photo{'s' if left > 1 else ''} left"
        )
    assert set(states(site, *of).values()) == {("waiting", None)}
    gone = site.directory.individual("w_0012")
    assert gone is None or gone.photos == 0
    page.keyboard.press("u")
    expect(page.locator("#notice")).to_contain_text("Nothing to undo from this visit")


def test_the_species_is_named_beside_the_decision(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    told = page.locator(".decision .species")
    expect(told).to_have_text("Species: humpback whale")  # one species alone has no probability

    answers = [
        {"name": "fin_whale", "probability": 0.934, "reason": "w_0003 is near."},
        {
            "name": None,
            "probability": None,
            "reason": "None of the 20 nearest individuals has a species.",
        },
    ]

    def of_several(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        found["answer"]["species"] = answers.pop(0)
        route.fulfill(response=answer, json=found)

    def with_several(route: Route) -> None:
        answer = route.fetch()
        counts = [
            {"species": name, "individuals": 6, "photos": 18}
            for name in ("fin_whale", "humpback_whale")
        ]
        route.fulfill(response=answer, json=answer.json() | {"species": counts})

    page.route(re.compile("/v1/queue/encounters/"), of_several)
    page.keyboard.press("a")
    expect(told).to_have_text("Species: fin whale, 93%")
    page.keyboard.press("a")
    expect(page.locator(".searched")).to_have_text("all 12 individuals")
    expect(told).to_be_hidden()  # nothing is missed in a catalogue of one species

    answers.append(
        {
            "name": None,
            "probability": None,
            "reason": "None of the 20 nearest individuals has a species.",
        }
    )
    page.route(re.compile("/v1/stats$"), with_several)
    page.reload()
    expect(told).to_have_text(
        "Species: not known. None of the 20 nearest individuals has a species."
    )


def test_every_key_has_a_button(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    sent = site.photo(5, 6)
    add(page, sent)
    for label in (
        "New individual",
        "Reject",
        "Skip",
        "Undo",
        "Help",
        "Heat map",
        "Identify again",
        "Zoom in",
        "Mirror",
    ):
        expect(page.get_by_role("button", name=label, exact=False).first).to_be_visible()
    strong = page.locator(".actions").get_by_role("button", name="Confirm w_0005")
    expect(strong).to_have_class("first")
    strong.click()
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    (name,) = queued(site, sent)
    assert states(site, name) == {name: ("catalogued", "w_0005")}
    page.get_by_role("button", name="Undo").first.click()
    expect(present(page)).to_be_visible()
    assert states(site, name) == {name: ("waiting", None)}


def test_the_next_request_knows_who_was_confirmed(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(13, 1))
    expect(page.locator(".decision")).to_contain_text("New animal")
    page.keyboard.press("n")
    page.get_by_label("Id of the new individual").fill("Nova")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    add(page, site.photo(13, 2))
    expect(page.locator(".candidates .card-name").first).to_have_text("Nova")


def test_an_id_that_is_taken_is_refused_in_the_dialog(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(13, 1))
    page.keyboard.press("n")
    page.get_by_label("Id of the new individual").fill("w_0003")
    page.keyboard.press("Enter")
    expect(page.locator("dialog .problem")).to_contain_text("w_0003 already exists")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")


def test_skipped_photos_come_again_at_the_end(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(1, 5), site.photo(2, 5))
    first = present(page).inner_text()
    page.keyboard.press("s")
    expect(present(page)).not_to_have_text(first)
    page.keyboard.press("s")
    expect(present(page)).to_have_text(first)


def test_single_keys_can_be_switched_off(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(1, 5))
    page.keyboard.press("?")
    page.get_by_label("No single keys").check()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("heading", name="All photos are reviewed")).to_be_visible()
    changes = [act.kind for act in site.directory.history(limit=3)]
    assert changes.count("reject") == 1
