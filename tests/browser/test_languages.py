"""The page in Spanish and Portuguese, chosen by the browser or by the person."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.steps import OpenPage, violations
from tests.browser.test_accounts import invite, make_first
from tests.browser.test_screens import SCREENS
from tests.cheap_passwords import hash_cheaply

ADD = "details.taking > summary"


def add(page: Page, site: Site, *takes: tuple[int, int]) -> None:
    """Pick photos, whatever the language, and wait until they are in the queue."""
    if page.locator("details.taking").get_attribute("open") is None:
        page.locator(ADD).click()
    page.locator("#pick").set_input_files([site.photo(*take) for take in takes])
    expect(page.locator(".uploads-all")).to_contain_text(str(len(takes)))
    expect(page.locator("#present")).to_be_visible()


def test_spanish_comes_by_the_browser_with_its_numbers(open_page: OpenPage, site: Site) -> None:
    page = open_page(locale="es-MX")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("heading", name="Revisión")).to_be_visible()
    add(page, site, (3, 5))
    expect(page.locator(".heading-note").first).to_have_text("Queda 1 foto")
    expect(page.locator(".uploads-all")).to_have_text("Añadidas: 1 de 1 foto.")
    add(page, site, (13, 1))
    expect(page.locator(".heading-note").first).to_have_text("Quedan 2 fotos")
    page.goto(f"{site.url}/#/individuals/w_0003")
    expect(page.locator(".resighting")).to_have_text(
        "Visto 3 veces en 3 años, la última el 12 ago 2022, 1,128 días después de la vez anterior."
    )


def test_a_country_writes_its_numbers(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/individuals/w_0003", locale="pt-BR")
    expect(page.locator("html")).to_have_attribute("lang", "pt")
    expect(page.locator(".resighting")).to_contain_text("1.128 dias depois da vez anterior")


def test_another_language_is_english(open_page: OpenPage, site: Site) -> None:
    page = open_page(locale="fr-FR")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()


def test_a_choice_in_the_menu_is_remembered(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/history")
    page.get_by_role("button", name="Manage").click()
    page.get_by_label("Language").select_option("pt")
    expect(page.get_by_role("heading", name="Histórico")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Histórico")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "pt")
    assert page.title() == "Histórico · flukeprint"
    page.get_by_role("button", name="Gestão").click()
    page.get_by_label("Idioma").select_option("en")
    expect(page.get_by_role("heading", name="History")).to_be_visible()


def test_who_signs_in_chooses_first_and_reads_what_is_wrong(
    open_page: OpenPage, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    make_first(page := open_page("#/accounts"))
    link = invite(page, "Ben", "read")
    other = open_page(link.removeprefix(site.url + "/"))
    other.locator("main").get_by_label("Language").select_option("es")
    expect(other.get_by_role("button", name="Crear mi cuenta")).to_be_visible()
    other.get_by_label("Contraseña").fill("corta")
    other.get_by_role("button", name="Crear mi cuenta").click()
    expect(other.locator(".problem")).to_contain_text("al menos 15 caracteres")
    other.get_by_label("Contraseña").fill("algas y marea alta")
    other.get_by_role("button", name="Crear mi cuenta").click()
    expect(other.get_by_role("button", name="Ben", exact=True)).to_be_visible()
    expect(other.locator("#manage li.for-admins").first).to_be_hidden()
    expect(page.locator("#manage li.for-admins[hidden]")).to_have_count(0)
    other.goto(f"{site.url}/#/keys")
    expect(other.locator(".problem")).to_contain_text("Esto requiere el rol admin.")

    third = open_page("#/history")
    third.locator("dialog").get_by_label("Language").select_option("es")
    third.locator("dialog").get_by_label("Nombre").fill("Ben")
    third.locator("dialog").get_by_label("Contraseña").fill("otra cosa distinta")
    third.locator("dialog").get_by_role("button", name="Iniciar sesión").click()
    expect(third.locator("dialog .problem")).to_contain_text("no corresponden")
    assert violations(third) == []


@pytest.mark.parametrize("width", [1024, 390])
@pytest.mark.parametrize("locale", ["es-MX", "pt-BR"])
def test_every_screen_can_be_read_in_each_language(
    open_page: OpenPage, site: Site, locale: str, width: int
) -> None:
    page = open_page(width=width, height=844, locale=locale)
    add(page, site, (3, 5), (13, 1))
    found: dict[str, list[str]] = {}
    for screen, there in SCREENS.items():
        page.goto(f"{site.url}/{screen}")
        current = "/".join(screen.split("/")[:2]).replace("compare", "lists")
        expect(page.locator("nav a[aria-current=page]")).to_have_attribute("href", current)
        expect(page.locator(there).first).to_be_visible()
        expect(page.locator("main [aria-busy]")).to_have_count(0)
        found[screen] = violations(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found[screen].append(f"{wide} px wide")
    top = page.locator("header").bounding_box()
    assert top is not None
    assert top["height"] < 64
    assert found == {screen: [] for screen in SCREENS}
