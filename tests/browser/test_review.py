"""The review, end to end in a real browser: photos in, a word about each by keyboard, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Site

OpenPage = Callable[..., Page]


def add(page: Page, *photos: Path) -> None:
    """Pick photos and wait until all of them are dealt with."""
    if not page.locator("details.taking").get_attribute("open") is not None:
        page.locator("details.taking > summary").click()
    page.locator("#pick").set_input_files(photos)
    expect(page.locator(".uploads-all")).to_contain_text(f"of {len(photos)} taken in")


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
            expect(page.get_by_label("Its id")).to_have_value("w_0012")
            expect(page.get_by_label("Its id")).to_be_focused()
            page.keyboard.press("Enter")
        if left:
            expect(present(page)).not_to_have_text(name)
            expect(present(page)).to_be_focused()
    expect(page.get_by_role("heading", name="All photos are done")).to_be_visible()
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
    expect(page.locator("#notice")).to_contain_text("Nothing of this visit to undo")


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
        found["results"][0]["species"] = answers.pop(0)
        route.fulfill(response=answer, json=found)

    def with_several(route: Route) -> None:
        answer = route.fetch()
        counts = [
            {"species": name, "individuals": 6, "photos": 18}
            for name in ("fin_whale", "humpback_whale")
        ]
        route.fulfill(response=answer, json=answer.json() | {"species": counts})

    page.route(re.compile("/v1/identify$"), of_several)
    page.keyboard.press("a")
    expect(told).to_have_text("Species: fin whale, 93\u00a0%")
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
    expect(told).to_be_visible()
    page.keyboard.press("a")
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
        "Ask again",
        "Zoom in",
        "Mirror",
    ):
        expect(page.get_by_role("button", name=label, exact=False).first).to_be_visible()
    page.get_by_role("button", name=re.compile("Confirm w_0005")).click()
    expect(page.get_by_role("heading", name="All photos are done")).to_be_visible()
    (name,) = queued(site, sent)
    assert states(site, name) == {name: ("catalogued", "w_0005")}
    page.get_by_role("button", name="Undo").first.click()
    expect(present(page)).to_be_visible()
    assert states(site, name) == {name: ("waiting", None)}


def test_the_next_request_knows_who_was_confirmed(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(13, 1))
    expect(page.locator(".decision")).to_contain_text("Nobody known")
    page.keyboard.press("n")
    page.get_by_label("Its id").fill("Nova")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="All photos are done")).to_be_visible()
    add(page, site.photo(13, 2))
    expect(page.locator(".candidates .card-name").first).to_have_text("Nova")


def test_an_id_that_is_taken_is_refused_in_the_dialog(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(13, 1))
    page.keyboard.press("n")
    page.get_by_label("Its id").fill("w_0003")
    page.keyboard.press("Enter")
    expect(page.locator("dialog .problem")).to_contain_text("w_0003 is an individual already")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")


def test_a_bad_photo_stops_none_of_the_others(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    broken = site.folder / "notes.jpg"
    broken.write_text("no photo at all")
    add(page, broken, site.photo(4, 6))
    expect(page.locator(".uploads .failed")).to_have_count(1)
    expect(page.locator(".uploads .failed")).to_contain_text("notes.jpg")
    expect(page.locator(".uploads .failed .progress-text")).to_contain_text("not a photo")
    expect(page.locator(".heading .heading-note")).to_have_text("1 photo left")


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
    page.get_by_label("They are of one encounter").check()
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
    expect(page.get_by_role("heading", name="All photos are done")).to_be_visible()
    changes = [act.kind for act in site.directory.history(limit=3)]
    assert changes.count("reject") == 1


BOXES = {"sent": [0.3, 0.3, 0.7, 0.8], "whale": [0.1, 0.2, 0.9, 0.9]}


def with_boxes(route: Route) -> None:
    """Answer as the service does, with a box for each photo."""
    answer = route.fetch()
    told = answer.json()
    for card in told["photos"]:
        card["box"] = next(box for start, box in BOXES.items() if start in card["name"])
    route.fulfill(response=answer, json=told)


def test_flukes_with_boxes_are_shown_at_the_same_width(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    add(page, site.photo(3, 5))
    page.route(re.compile(r"/v1/(queue|catalogue/photos)\?"), with_boxes)
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
