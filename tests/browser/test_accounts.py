"""Accounts in a real browser: the first one, an invitation, signing in and out, a new password."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, violations
from tests.cheap_passwords import hash_cheaply

PASSWORD = "kelp tide lantern"
OTHER = "moon over the reef"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_cheaply(monkeypatch)


def make_first(page: Page, name: str = "Ana") -> None:
    """On the screen of accounts of an open service."""
    page.get_by_role("button", name="Make the first account").click()
    page.locator("dialog").get_by_label("Name").fill(name)
    page.locator("dialog").get_by_label("Password").fill("short")
    page.get_by_role("button", name="Make the account").click()
    expect(page.locator("dialog")).to_contain_text("needs at least 15")
    page.locator("dialog").get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    expect(page.locator("main table")).to_have_count(1)  # no invitation stays open


def invite(page: Page, name: str, role: str) -> str:
    """On the screen of accounts; the link that was shown."""
    page.get_by_role("button", name="Invite somebody").click()
    page.locator("dialog").get_by_label("Name").fill(name)
    page.locator("dialog").get_by_label("Role").select_option(role)
    page.get_by_role("button", name="Make the link").click()
    return link_shown(page)


def link_shown(page: Page) -> str:
    expect(page.get_by_role("textbox", name="Link")).to_have_value(re.compile("#/invitation/"))
    link = page.get_by_role("textbox", name="Link").input_value()
    page.locator("dialog").get_by_role("button", name="Close").click()
    return link


def sign_in(page: Page, name: str, password: str) -> None:
    page.locator("dialog").get_by_label("Name").fill(name)
    page.locator("dialog").get_by_label("Password").fill(password)
    page.locator("dialog").get_by_role("button", name="Sign in").click()


def choose(page: Page, name: str, act: str) -> None:
    """In the menu of who is signed in."""
    page.get_by_role("button", name=name, exact=True).click()
    page.locator(".account-menu").get_by_role("button", name=act, exact=True).click()


def test_from_the_first_account_to_a_person_who_was_invited(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/accounts")
    make_first(page)
    expect(page.locator("table")).to_contain_text("Ana")
    link = invite(page, "Ben", "curate")
    expect(page.get_by_role("heading", name="Open invitations")).to_be_visible()

    other = open_page(link.removeprefix(site.url + "/"), width=390, height=844)
    expect(other.locator("form")).to_contain_text("curate: also confirm, merge and undo")
    other.get_by_label("Password").fill("short")
    other.get_by_role("button", name="Make my account").click()
    expect(other.locator(".problem")).to_contain_text("at least 15")
    assert violations(other) == []
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Make my account").click()
    expect(other.get_by_role("heading", name="Review", exact=True)).to_be_visible()
    expect(other.get_by_role("button", name="Ben", exact=True)).to_be_visible()

    other.goto(f"{site.url}/#/accounts")
    expect(other.locator(".problem")).to_contain_text("This needs the role admin. Ask")
    other.goto(f"{site.url}/#/individuals/w_0003")
    other.get_by_role("button", name="Edit", exact=True).first.click()
    other.locator("dialog").get_by_label("Display name").fill("Salt")
    other.locator("dialog").get_by_role("button", name="Save").click()
    expect(other.locator("dialog")).to_have_count(0)
    assert site.directory.history(limit=1)[0].made_by == "Ben"

    used = open_page(link.removeprefix(site.url + "/"))
    expect(used.locator(".problem")).to_contain_text("ask an administrator for a new one")


def test_signing_out_and_in_again_with_a_wrong_password_first(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/accounts")
    make_first(page)
    choose(page, "Ana", "Sign out")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator(".problem")).to_contain_text("ask your administrator")
    page.locator("footer").get_by_role("button", name="Sign in").click()
    sign_in(page, "Ana", OTHER)
    expect(page.locator("dialog .problem")).to_contain_text("don't belong together")
    assert violations(page) == []
    sign_in(page, "ana", PASSWORD)
    expect(page.locator("table")).to_contain_text("Ana")
    assert [cookie["httpOnly"] for cookie in page.context.cookies()] == [True]
    page.reload()
    expect(page.locator("table")).to_contain_text("Ana")


def test_a_password_is_changed_and_the_menu_closes_by_escape(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/accounts")
    make_first(page)
    opener = page.get_by_role("button", name="Ana", exact=True)
    opener.click()
    page.keyboard.press("Tab")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    choose(page, "Ana", "Change password …")
    page.get_by_label("Present password").fill(OTHER)
    page.get_by_role("textbox", name="New password").fill(OTHER)
    page.get_by_role("button", name="Change it").click()
    expect(page.locator("dialog .problem")).to_contain_text("present password is another one")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Change it").click()
    expect(page.locator("#notice")).to_contain_text("password is changed")
    choose(page, "Ana", "Sign out on all devices")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, "Ana", OTHER)
    expect(page.locator("table")).to_contain_text("Ana")


def test_an_admin_changes_roles_deactivates_and_gives_a_new_password(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("#/accounts")
    make_first(page)
    other = open_page(invite(page, "Ben", "admin").removeprefix(site.url + "/"))
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Make my account").click()
    expect(other.get_by_role("button", name="Ben", exact=True)).to_be_visible()

    page.reload()
    ben = page.locator("main table").first.get_by_role("row", name="Ben")
    ben.get_by_role("button", name="Role").click()
    page.locator("dialog").get_by_label("Role").select_option("read")
    page.locator("dialog").get_by_role("button", name="Save").click()
    expect(ben).to_contain_text("read")
    ben.get_by_role("button", name="New password").click()
    page.get_by_role("button", name="Make the link").click()
    link = link_shown(page)
    other.goto(link)
    expect(other.locator("form")).to_contain_text("Choose a new password for Ben")
    other.get_by_label("Password").fill(OTHER)
    other.get_by_role("button", name="Set the password").click()
    expect(other.get_by_role("heading", name="Review", exact=True)).to_be_visible()

    ben.get_by_role("button", name="Deactivate").click()
    page.locator("dialog").get_by_role("button", name="Deactivate").click()
    expect(ben).to_contain_text("deactivated")
    other.goto(f"{site.url}/#/history")
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    ana = page.get_by_role("row", name="Ana")
    ana.get_by_role("button", name="Deactivate").click()
    page.locator("dialog").get_by_role("button", name="Deactivate").click()
    expect(page.locator("dialog .problem")).to_contain_text("Ana is the last admin")


def test_a_key_is_still_accepted_where_there_are_accounts(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/accounts")
    make_first(page)
    page.goto(f"{site.url}/#/keys")
    page.get_by_role("button", name="Make a key").click()
    page.locator("dialog").get_by_label("Name").fill("a script")
    page.get_by_role("button", name="Make the key").click()
    secret = page.get_by_role("textbox", name="Secret").input_value()

    other = open_page("#/history")
    other.get_by_role("button", name="Use an API key").click()
    other.get_by_label("API key").fill(secret)
    other.keyboard.press("Enter")
    expect(other.locator(".changes li").first).to_be_visible()
    expect(other.get_by_role("button", name="Forget the key")).to_be_visible()
