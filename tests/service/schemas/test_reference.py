"""The OpenAPI document is whole, and the pages made from it load nothing from elsewhere."""

from __future__ import annotations

import html.parser
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.http.problems import KINDS
from service.schemas.identify import IdentifyAnswer
from service.schemas.reference import Code, Heading, Table, Text, reference_html, reference_markdown


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


class _Page(html.parser.HTMLParser):
    """Collects ids, links and whatever a browser would fetch; complains of tags that are not
    closed.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.fetched += (
            [tag] if tag in {"script", "link", "img", "iframe", "object"} or "src" in given else []
        )
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_docs_load_nothing(client: TestClient) -> None:
    response = client.get("/docs")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    page = _Page(response.text)
    assert page.fetched == []
    assert page.open == []
    assert "curl -F photos=@fluke.jpg http://127.0.0.1:8000/v1/identify" in response.text
    assert "import httpx" in response.text


def test_every_problem_type_leads_to_its_place_on_the_page(client: TestClient) -> None:
    page = _Page(client.get("/docs").text)
    assert {kind.type.removeprefix("/docs#") for kind in KINDS} <= page.ids


def test_what_a_client_sends_as_host_is_escaped(client: TestClient) -> None:
    page = reference_html(client.get("/openapi.json").json(), "http://<script>alert(1)</script>")
    assert "<script>" not in page


def test_every_reference_in_the_document_resolves(document: dict[str, Any]) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if "$ref" in part else []
            return own + [each for value in part.values() for each in references(value)]
        return (
            [each for value in part for each in references(value)] if isinstance(part, list) else []
        )

    found = set(references(document))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found
    assert found <= known


def test_identify_is_documented_with_fields_example_and_problems(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/identify"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    narrowing = ["individuals", "exclude", "species", "years", "regions"]
    fields = ["photos", "max_fpir", "threshold", "k", "encounter", *narrowing, "new_share", "as_of"]
    fields += ["animal_threshold", "box"]
    assert list(form["properties"]) == fields
    assert form["required"] == ["photos"]
    assert form["additionalProperties"] is False
    assert (form["properties"]["k"]["minimum"], form["properties"]["k"]["maximum"]) == (1, 50)
    statuses = {"200", "400", "401", "403", "413", "415", "422", "429", "500", "503"}
    assert set(operation["responses"]) == statuses
    examples = operation["responses"]["422"]["content"]["application/problem+json"]["examples"]
    assert set(examples) == {"invalid", "bad-photos"}
    assert all(
        "X-Request-Id" in response["headers"] for response in operation["responses"].values()
    )


def test_the_example_is_what_the_service_would_answer(document: dict[str, Any]) -> None:
    example = document["components"]["schemas"]["IdentifyAnswer"]["example"]
    assert IdentifyAnswer.model_validate(example).model_dump() == example


def test_the_markdown_has_every_path_field_and_problem(document: dict[str, Any]) -> None:
    text = reference_markdown(document)
    assert text.startswith('<a id="top"></a>\n# flukeprint over HTTP\n')
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"\n## {method.upper()} {path}\n" in text
    for field in ("`photos`", "`max_fpir`", "`size_px`", "`catalogue_revision`", "`is_calibrated`"):
        assert f"\n| {field} | " in text
    for kind in KINDS:
        assert f'<a id="problem-{kind.slug}"></a>' in text


def test_a_bar_in_a_cell_does_not_break_its_row() -> None:
    from service.schemas.reference import _markdown

    assert _markdown(Table(("a",), [("x|y",)])) == "| a |\n| --- |\n| x\\|y |"
    assert _markdown(Heading(2, "T", "t")) == '<a id="t"></a>\n## T'
    assert _markdown(Code("sh", "ls")) == "```sh\nls\n```"
    assert _markdown(Text("plain")) == "plain"
