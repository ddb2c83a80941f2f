"""Individuals, work lists, history, calibration, jobs and keys in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, dialog


def photos_of(site: Site, individual: str) -> list[str]:
    return [card.name for card in site.directory.photos(individual=individual, state="catalogued")]


def test_an_individual_is_found_edited_and_renamed(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/individuals")
    page.get_by_label("Search").fill("0007")
    expect(page.locator(".card")).to_have_count(1)
    page.locator(".card a").click()
    page.get_by_role("button", name="Edit", exact=True).first.click()
    dialog(page, "Display name", "Scarlet", "Save")
    expect(page.get_by_role("heading", name="Scarlet")).to_be_visible()
    page.get_by_role("button", name="Rename").click()
    dialog(page, "New id", "w_scarlet", "Rename")
    expect(page.locator(".heading .heading-note")).to_have_text("w_scarlet")
    one = site.directory.individual("w_scarlet")
    assert one is not None
    assert (one.display_name, one.other_names, one.photos) == ("Scarlet", ("w_0007",), 3)


def test_photos_are_split_off_and_the_toast_takes_it_back(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/individuals/w_0002")
    page.get_by_label("Select whale_02_0.jpg").check()
    page.get_by_role("button", name="Split off …").click()
    expect(page.get_by_label("Id of the new individual")).to_have_value("w_0012")
    page.locator("dialog").get_by_role("button", name="Split off").click()
    expect(page.locator(".tile")).to_have_count(2)
    assert photos_of(site, "w_0012") == ["whale_02_0.jpg"]
    expect(page.locator("#notice > *")).to_have_count(2)
    grounds = page.locator("#notice > *").evaluate_all(
        "parts => parts.map(part => getComputedStyle(part).backgroundColor)"
    )
    assert grounds[0] == grounds[1]  # what is told, and its button, in one colour on one ground
    page.locator("#notice").get_by_role("button", name="Undo").click()
    expect(page.locator(".tile")).to_have_count(3)
    assert len(photos_of(site, "w_0002")) == 3


def test_photos_are_moved(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/individuals/w_0002")
    page.get_by_role("button", name="Select all").click()
    page.get_by_label("Select whale_02_1.jpg").uncheck()
    page.get_by_role("button", name="Move to …").click()
    dialog(page, "Id of the individual", "w_0003", "Move")
    expect(page.locator(".tile")).to_have_count(1)
    assert len(photos_of(site, "w_0003")) == 5


def test_a_merge_leads_to_who_is_kept(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/individuals/w_0011")
    page.get_by_role("button", name="Merge into …").click()
    page.get_by_label("Id of the other individual").fill("nobody_here")
    page.locator("dialog").get_by_role("button", name="Merge").click()
    expect(page.locator("dialog .problem")).to_contain_text("nobody_here")
    dialog(page, "Id of the other individual", "w_0000", "Merge")
    expect(page.get_by_role("heading", name="w_0000")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(6)
    page.goto(f"{site.url}/#/individuals/w_0011")
    expect(page.locator(".note")).to_contain_text("This individual was merged into w_0000")


def test_who_looks_alike_is_merged_from_the_work_list(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/lists/pairs")
    pair = page.locator(".pair").filter(has_text="w_0011").first
    expect(pair).to_contain_text("w_0000")
    pair.get_by_role("button", name="Merge").click()
    page.get_by_label("Id to keep").select_option("w_0000")
    page.locator("dialog").get_by_role("button", name="Merge").click()
    expect(page.locator(".pair").filter(has_text="w_0011")).to_have_count(0)
    assert len(photos_of(site, "w_0000")) == 6


def test_who_is_told_apart_is_not_shown_again_until_that_is_undone(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/lists/pairs")
    pair = page.locator(".pair").filter(has_text="w_0011").filter(has_text="w_0000")
    pair.get_by_role("button", name="are different animals").click()
    expect(pair).to_have_count(0)
    expect(page.locator("#notice")).to_contain_text("w_0000 and w_0011 are marked as different")
    page.reload()
    expect(page.locator(".pair, .empty").first).to_be_visible()
    expect(pair).to_have_count(0)
    page.goto(f"{site.url}/#/history")
    page.locator(".changes > li").filter(has_text="Marked as different: w_").get_by_role(
        "button", name="Undo"
    ).click()
    expect(
        page.locator(".changes > li.is-undone").filter(has_text="Marked as different: w_")
    ).to_have_count(1)
    page.goto(f"{site.url}/#/lists/pairs")
    expect(pair).to_have_count(1)


def test_pairs_are_told_apart_and_taken_back_by_keyboard(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/lists/pairs")
    pair = page.locator(".pair").filter(has_text="w_0011").filter(has_text="w_0000")
    expect(pair).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".pair").first).to_be_focused()
    page.keyboard.press("x")
    expect(pair).to_have_count(0)
    assert [act.kind for act in site.directory.history(limit=1)] == ["tell apart"]
    page.keyboard.press("u")
    expect(pair).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("m")
    expect(page.locator("dialog")).to_be_visible()


def test_unknown_photos_that_look_alike_become_an_individual(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/unknowns")
    cluster = page.locator(".cluster").filter(has_text="stranger_0.jpg")
    expect(cluster).to_contain_text("stranger_1.jpg")
    cluster.get_by_role("button", name="New individual").click()
    dialog(page, "Id of the new individual", "w_0012", "Create")
    expect(cluster).to_have_count(0)
    assert photos_of(site, "w_0012") == ["stranger_0.jpg", "stranger_1.jpg"]
    page.locator("#notice").get_by_role("button", name="Undo").click()
    expect(cluster).to_have_count(1)
    assert photos_of(site, "w_0012") == []


def test_the_history_undoes_or_says_why_not(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/individuals/w_0011")
    page.get_by_role("button", name="Merge into …").click()
    dialog(page, "Id of the other individual", "w_0000", "Merge")
    expect(page.get_by_role("heading", name="w_0000")).to_be_visible()
    page.get_by_role("button", name="Rename").click()
    dialog(page, "New id", "w_first", "Rename")
    expect(page.get_by_role("heading", name="w_first")).to_be_visible()
    page.goto(f"{site.url}/#/history")
    merge = page.locator(".changes > li").filter(has_text="Merged w_")
    merge.get_by_role("button", name="Undo").click()
    expect(merge.locator(".problem")).to_contain_text("3")
    rename = page.locator(".changes > li").filter(has_text="Renamed w_")
    rename.get_by_role("button", name="Undo").click()
    expect(rename).to_contain_text("undone")
    merge.get_by_role("button", name="Undo").click()
    expect(merge).to_contain_text("undone")
    assert len(photos_of(site, "w_0011")) == 3


def test_the_slider_shows_the_threshold_for_a_rate(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/calibration")
    expect(page.locator(".charts svg")).to_have_count(2)
    before = page.locator(".rate-text b").last.inner_text()
    page.get_by_label("How many unknown animals").fill("95")
    expect(page.locator(".rate-text")).to_contain_text("At most")
    after = page.locator(".rate-text b").last.inner_text()
    assert float(after) > float(before)


def test_a_job_is_watched_to_its_end(open_page: OpenPage, site: Site) -> None:
    sent = site.folder / "found"
    sent.mkdir()
    (sent / "one.jpg").write_bytes(site.photo(3, 6).read_bytes())
    (sent / "broken.jpg").write_text("no photo")
    page = open_page("#/jobs")
    page.get_by_role("button", name="Identify a folder").click()
    dialog(page, "Folder", "found", "Start")
    job = page.locator(".job")
    expect(job.locator(".state")).to_have_text("Done")
    job.get_by_role("button", name="1 file not used").click()
    expect(job.locator(".faults")).to_contain_text("broken.jpg")
    with page.expect_download() as download:
        job.get_by_role("button", name="Save the answers").click()
    assert "one.jpg" in download.value.path().read_text("utf-8")


def test_the_first_key_locks_the_service_and_the_page_asks_for_one(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/keys")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name of the user").fill("Ana")
    page.get_by_role("button", name="Make the key").click()
    secret = page.get_by_label("Secret").input_value()
    page.locator("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("row", name=re.compile("Ana"))).to_contain_text("admin")

    stranger = page.context.browser.new_page()  # type: ignore[union-attr]
    stranger.goto(f"{site.url}/#/individuals")
    expect(stranger.get_by_role("heading", name="Enter your key")).to_be_visible()
    stranger.get_by_label("API key").fill("wrong")
    stranger.keyboard.press("Enter")
    expect(stranger.locator("dialog")).to_contain_text("key")
    stranger.get_by_label("API key").fill(secret)
    stranger.keyboard.press("Enter")
    expect(stranger.locator(".card")).to_have_count(12)
    # <img> can't send a key: photos come another way, and come all the same.
    expect(stranger.locator(".card img").first).not_to_have_js_property(
        "naturalWidth", 0
    )  # it comes when it comes
    stranger.close()
