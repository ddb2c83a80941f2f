"""The page's texts: whole in each language, all of them used, and none left in the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.http.problems import KINDS
from tests.house.page_texts import (
    LANGUAGES,
    Text,
    forms,
    places,
    read_texts,
    scripts,
    texts_in_code,
    texts_in_html,
    used_keys,
)

PAGE = Path(__file__).resolve().parents[2] / "service" / "pages"
TEXTS = {language: read_texts(PAGE / "texts" / f"{language}.js") for language in LANGUAGES}
ENGLISH = TEXTS["en"]
OTHERS = [language for language in LANGUAGES if language != "en"]
LEAST_WORDS = 6  # of a text that can't be the same in two languages


def test_every_key_that_the_code_names_has_a_text() -> None:
    whole, begun = used_keys(PAGE, set(ENGLISH))
    assert len(whole) > 500
    assert sorted(whole - set(ENGLISH)) == []
    assert [start for start in begun if not any(key.startswith(start) for key in ENGLISH)] == []


def test_no_text_is_unused() -> None:
    whole, begun = used_keys(PAGE, set(ENGLISH))
    assert [
        key
        for key in ENGLISH
        if key not in whole and not any(key.startswith(each) for each in begun)
    ] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_every_text_in_the_same_order(language: str) -> None:
    assert list(TEXTS[language]) == list(ENGLISH)


@pytest.mark.parametrize("language", OTHERS)
def test_a_text_has_the_same_places_and_numbers_in_each_language(language: str) -> None:
    other = TEXTS[language]
    assert {key for key in ENGLISH if places(ENGLISH[key]) != places(other[key])} == set()
    assert {key for key in ENGLISH if numbers(ENGLISH[key]) != numbers(other[key])} == set()


def numbers(text: Text) -> set[str]:
    """The grammatical numbers that a text tells apart."""
    return set() if isinstance(text, str) else set(text)


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_is_left_in_english(language: str) -> None:
    other = TEXTS[language]
    assert {
        key
        for key, text in ENGLISH.items()
        if text == other[key] and len(" ".join(forms(text)).split()) >= LEAST_WORDS
    } == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_stand_by_themselves_and_end_alike(language: str) -> None:
    texts = {(key, form) for key, text in TEXTS[language].items() for form in forms(text)}
    assert {key for key, form in texts if form != form.strip() or "  " in form or not form} == set()
    end = re.compile(r"[.:?!…]?$")
    ends = {key: end.findall(forms(text)[-1])[0] for key, text in TEXTS[language].items()}
    assert {
        key for key, text in ENGLISH.items() if ends[key] != end.findall(forms(text)[-1])[0]
    } == (set())


def test_counted_nouns_have_both_numbers() -> None:
    code = "\n".join(path.read_text("utf-8") for path in scripts(PAGE))
    nouns = set(re.findall(r'\bcount\([^;]*?, "([a-z]+)"\)', code))
    assert len(nouns) > 5
    for language in LANGUAGES:
        assert {noun for noun in nouns if not numbers(TEXTS[language][f"count.{noun}"])} == set()


def test_problems_with_a_text_are_kinds_of_the_service() -> None:
    slugs = {key.removeprefix("problem.of.") for key in ENGLISH if key.startswith("problem.of.")}
    assert slugs
    assert slugs - {kind.slug for kind in KINDS} == set()


@pytest.mark.parametrize("path", scripts(PAGE), ids=lambda path: path.stem)
def test_no_text_is_left_in_the_code(path: Path) -> None:
    assert texts_in_code(path) == []


def test_no_text_is_left_in_the_html() -> None:
    shown = texts_in_html((PAGE / "index.html").read_text("utf-8"))
    assert [text for text in shown if text != "flukeprint" and "JavaScript" not in text] == []


def test_texts_left_in_code_are_seen(tmp_path: Path) -> None:
    planted = tmp_path / "planted.js"
    planted.write_text(
        'import { el } from "./Not a text.js";\n'
        "// A comment isn't one either.\n"
        'const key = "review.confirm";\n'
        'el("p", { class: "quiet small" }, "Nothing to review");\n'
        'el("p", { title: "Close" }, "undone", t("review.left", { count }));\n'
        "put(place, `${many} of ${all.map((one) => `${one}`)} left`);\n"
        'notify("añadida");\n'
        'document.querySelector(".menu > button"); if (event.key === "ArrowLeft") go(1);\n',
        encoding="utf-8",
    )
    found = [line.partition(": ")[2] for line in texts_in_code(planted)]
    assert found == ["Nothing to review", "Close", "undone", "{} of {} left", "añadida"]
    assert texts_in_html("<p>Loading <b>now</b></p><i aria-label='Menu' title='a'></i>") == [
        "Loading",
        "now",
        "Menu",
        "a",
    ]


def test_keys_are_seen_in_code_and_html(tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text(
        'put(t("a.b"), t(is ? "a.c" : "b.d"), t(`a.kind.${kind}`), "c.unknown", "./a.js");\n'
    )
    (tmp_path / "index.html").write_text('<p data-text="b.e"></p>')
    whole, begun = used_keys(tmp_path, {"a.x", "b.x"})
    assert (whole, begun) == ({"a.b", "a.c", "b.d", "b.e"}, {"a.kind."})


def test_a_file_of_texts_is_read(tmp_path: Path) -> None:
    path = tmp_path / "en.js"
    path.write_text(
        '// A file.\n\nexport default {\n  "a.b": "One, {two}",\n'
        '  "a.c":\n    "long " +\n    "text",\n'
        '  "a.d": { one: "{count} photo", other: "{count} photos" },\n};\n'
    )
    assert read_texts(path) == {
        "a.b": "One, {two}",
        "a.c": "long text",
        "a.d": {"one": "{count} photo", "other": "{count} photos"},
    }
    assert places(read_texts(path)["a.d"]) == {"count"}
