"""The reference of the HTTP API: /docs as HTML, docs/http-api.md as Markdown."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from service.http.problems import KINDS


class Heading(NamedTuple):
    level: int
    text: str
    anchor: str


class Text(NamedTuple):
    text: str


class Code(NamedTuple):
    language: str
    text: str


class Table(NamedTuple):
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


Block = Heading | Text | Code | Table

_LOCAL = "http://127.0.0.1:8000"


def reference_markdown(document: Mapping[str, Any]) -> str:
    """The text of docs/http-api.md."""
    note = Text(
        "Generated from the OpenAPI document (`/openapi.json`); a running service shows the same "
        "at `/docs`."
    )
    heading, *blocks = _blocks(document, _LOCAL)
    return "\n\n".join(_markdown(block) for block in (heading, note, *blocks)) + "\n"


def reference_html(document: Mapping[str, Any], base_url: str) -> str:
    """A page complete in itself, with examples for the service at `base_url`.

    Making it takes a while; `reference_at` puts another URL into one that is made.
    """
    body = "\n".join(_html(block) for block in _blocks(document, base_url))
    return _PAGE.format(title=html.escape(document["info"]["title"]), body=body)


def reference_at(page: str, made_for: str, base_url: str) -> str:
    """A page that was made for one URL, with examples for the service at another one."""
    return page.replace(html.escape(made_for), html.escape(base_url))


# -----------------------------------------------------------------------------------------------
# content


def _blocks(document: Mapping[str, Any], base_url: str) -> Iterator[Block]:
    yield Heading(1, f"{document['info']['title']} over HTTP", "top")
    yield from _paragraphs(document["info"]["description"])
    yield Heading(2, "Ask", "ask")
    yield Code("sh", _CURL.format(base_url=base_url))
    yield Code("python", _PYTHON.format(base_url=base_url))
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from _operation(method, path, operation, schemas)
    yield Heading(2, "Problems", "problems")
    for name in ("Problem", "Fault"):
        yield from _component_blocks(name, schemas[name])
    for kind in KINDS:
        yield Heading(3, f"{kind.slug} ({kind.status})", f"problem-{kind.slug}")
        yield Text(f"{kind.title}. {kind.meaning}")


def _operation(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[Block]:
    yield Heading(2, f"{method.upper()} {path}", _anchor(method, path))
    yield from _paragraphs(f"**{operation['summary']}** {operation['description']}")
    rows = [_parameter(each) for each in operation.get("parameters", ())]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        # A body that may be left out is one of two: its schema, or null.
        schema = next(
            (one for one in content["schema"].get("anyOf", ()) if "$ref" in one), content["schema"]
        )
        rows += _fields(schemas[_type(schema)] if "$ref" in schema else schema)
    if rows:
        yield Table(("field", "type", "default", "meaning"), rows)
    for status, response in operation["responses"].items():
        yield Text(f"**{status}** {response['description']}")
        if int(status) < 400:
            for content in response.get("content", {}).values():
                yield from _answer(content["schema"], schemas)


def _anchor(method: str, path: str) -> str:
    return "-".join([method, *re.findall(r"\w+", path)])


def _paragraphs(text: str) -> Iterator[Text]:
    for paragraph in text.split("\n\n"):
        yield Text(" ".join(paragraph.split()))


def _parameter(parameter: Mapping[str, Any]) -> tuple[str, str, str, str]:
    meaning = parameter.get(
        "description", "The photo's name as answers give it." if parameter["in"] == "path" else ""
    )
    return (f"`{parameter['name']}`", *_type_and_default(parameter["schema"]), meaning)


def _fields(schema: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (f"`{name}`", *_type_and_default(field), field.get("description", ""))
        for name, field in schema["properties"].items()
    ]


def _type_and_default(schema: Mapping[str, Any]) -> tuple[str, str]:
    default = schema.get("default")
    return _type(schema), "" if default in (None, []) else f"`{json.dumps(default).strip(chr(34))}`"


_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"] if each.get("type") != "null")
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("format") == "binary":
        return "file"
    bounds = [f"{sign} {schema[name]:g}" for name, sign in _BOUNDS.items() if name in schema]
    return " ".join([str(schema.get("type", "any")), ", ".join(bounds)]).strip()


def _answer(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Block]:
    """The answer's fields, those of the objects within it, and an example."""
    pending = _components_of(schema)
    shown: set[str] = set()
    while pending:
        name = pending.pop(0)
        if name in shown:
            continue
        shown.add(name)
        component = schemas[name]
        yield from _component_blocks(name, component)
        if "example" in component:
            yield Code("json", json.dumps(component["example"], indent=2))
        pending += [
            inner for field in component["properties"].values() for inner in _components_of(field)
        ]


def _component_blocks(name: str, component: Mapping[str, Any]) -> Iterator[Block]:
    yield from _paragraphs(f"`{name}`: {component['description']}")
    rows = [(field, type_, meaning) for field, type_, _, meaning in _fields(component)]
    yield Table(("field", "type", "meaning"), rows)


def _components_of(schema: Mapping[str, Any]) -> list[str]:
    """Names of the objects that a value may be, or hold a list of."""
    if "$ref" in schema:
        return [str(schema["$ref"]).rpartition("/")[2]]
    parts = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]
    return [name for part in parts for name in _components_of(part)]


_CURL = """\
curl -F photos=@fluke.jpg {base_url}/v1/identify
curl -F photos=@one.jpg -F photos=@two.jpg -F k=3 -F max_fpir=0.01 {base_url}/v1/identify
curl -F photos=@one.jpg -F photos=@two.jpg \\
    -F encounter=true -F years=2015-2018 {base_url}/v1/identify
curl -F photos=@fluke.jpg -F individual=w_1a2b3c4 {base_url}/v1/verify
curl -F photos=@fluke.jpg -F catalogue_photo=2018/0f3a.jpg -o heat.png {base_url}/v1/explain"""

_PYTHON = """\
import httpx

with open("fluke.jpg", "rb") as photo:
    files = [("photos", photo)]
    answer = httpx.post("{base_url}/v1/identify", files=files, data={{"k": 3}}, timeout=60)
answer.raise_for_status()
for result in answer.json()["results"]:
    print(result["photo"], result["decision"], result["reason"])
    for match in result["matches"]:
        print(match["rank"], match["individual"], match["distance"], match["probability"])"""


# ----------------------------------------------------------------------------------------------
# markdown


def _markdown(block: Block) -> str:
    match block:
        case Heading(level, text, anchor):
            return f'<a id="{anchor}"></a>\n{"#" * level} {text}'
        case Text(text):
            return text
        case Code(language, text):
            return f"```{language}\n{text}\n```"
        case Table(columns, rows):
            lines = [_markdown_row(columns), _markdown_row(["---"] * len(columns))]
            return "\n".join([*lines, *map(_markdown_row, rows)])


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


# --------------------------------------------------------------------------------------------------
# HTML


def _html(block: Block) -> str:
    match block:
        case Heading(level, text, anchor):
            return f'<h{level} id="{html.escape(anchor)}">{html.escape(text)}</h{level}>'
        case Text(text):
            return f"<p>{_inline(text)}</p>"
        case Code(_, text):
            return f"<pre><code>{html.escape(text)}</code></pre>"
        case Table(columns, rows):
            head = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in columns)
            body = "\n".join(
                "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>"
                for row in rows
            )
            return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _inline(text: str) -> str:
    """Escape a text, then turn its `code` and **strong** into elements."""
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", escaped)


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} over HTTP</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
}}
h2 {{ margin-top: 2.5rem; border-bottom: 1px solid #8886; }}
pre {{ background: #8882; padding: .8rem; overflow-x: auto; }}
code {{ font: .9em/1.4 ui-monospace, monospace; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; }}
th, td {{ border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top; }}
:target {{ background: #fd06; }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
