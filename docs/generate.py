"""Write the pages of docs/ that are made from the code: `make docs`.

A test compares them with what is on disk.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from flukeprint import build_app
from service.app import http_api_text
from service.settings import settings_table

DOCS = Path(__file__).parent
WINGS = ("embedding", "client", "index", "training", "service", "demo")
CHART = DOCS.parent / "deploy" / "helm" / "flukeprint"
_VALUES_BEGIN, _VALUES_END = "<!-- values: made by make docs -->", "<!-- end of values -->"
_ROOMS_BEGIN, _ROOMS_END = "<!-- folders: made by make docs -->", "<!-- end of folders -->"

_COMMANDS_HEADING = """\
# Commands

Generated from the commands themselves; `flukeprint COMMAND --help` says the same. An option with a
variable may be
given in the environment instead; the option wins. Errors of the user's making end with exit code 2
and one line that
says what to do, Ctrl-C with 130, and with 1 what was done only in part.
"""


def pages() -> dict[str, str]:
    """Name of the page to its text."""
    return {
        "architecture.md": architecture_text(),
        "commands.md": commands_text(),
        "http-api.md": http_api_text(),
        "kubernetes.md": kubernetes_text(),
        "settings.md": settings_table(),
    }


def architecture_text() -> str:
    """The text of docs/architecture.md with its table of folders made anew."""
    before, begin, rest = (DOCS / "architecture.md").read_text("utf-8").partition(_ROOMS_BEGIN)
    _, end, after = rest.partition(_ROOMS_END)
    return "".join((before, begin, "\n\n", rooms_table(DOCS.parent), "\n", end, after))


def kubernetes_text() -> str:
    """The text of docs/kubernetes.md with its table of the chart's values made anew."""
    before, begin, rest = (DOCS / "kubernetes.md").read_text("utf-8").partition(_VALUES_BEGIN)
    _, end, after = rest.partition(_VALUES_END)
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    rows = ["| value | default | what it does |", "| --- | --- | --- |", *value_rows(schema)]
    return "".join((before, begin, "\n\n", "\n".join(rows), "\n\n", end, after))


def value_rows(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """One row a value of the chart: those with a default, and not the objects around them."""
    for name, each in schema["properties"].items():
        if "default" in each:
            default = json.dumps(each["default"]) if each["default"] != "" else ""
            cell = f"`{default}`" if default else ""
            yield f"| `{path}{name}` | {cell} | {each['description']} |"
        elif "properties" in each:
            yield from value_rows(each, f"{path}{name}.")


def rooms_table(root: Path) -> str:
    """One row a package, in the order of its floors: what it is for, by its docstring."""
    rows = ["| folder | what it is for | modules |", "| --- | --- | --- |"]
    for wing in WINGS:
        for package in sorted((root / wing).rglob("__init__.py")):
            words = ast.get_docstring(ast.parse(package.read_text("utf-8"))) or ""
            modules = sorted(
                path.stem for path in package.parent.glob("*.py") if path.stem != "__init__"
            )
            names = ", ".join(f"`{name}`" for name in modules)
            folder = package.parent.relative_to(root).as_posix()
            rows.append(f"| `{folder}/` | {' '.join(words.split())} | {names} |")
    return "\n".join(rows) + "\n"


def commands_text() -> str:
    """The text of docs/commands.md."""
    sections = [
        _section(path, command)
        for path, command in commands_of(get_command(build_app()), "flukeprint")
    ]
    return "\n".join([_COMMANDS_HEADING, *sections])


def commands_of(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it, in the order of the help
    page.
    """
    members: dict[str, Any] | None = getattr(command, "commands", None)
    if members is None:
        yield path, command
        return
    for name, member in members.items():
        yield from commands_of(member, f"{path} {name}")


def _section(path: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = " ".join([path, *(_argument(one) for one in arguments), "[OPTIONS]"])
    rows = [_row(f"`{_argument(one)}`", one) for one in arguments]
    rows += [_row(", ".join(f"`{name}`" for name in one.opts), one) for one in options]
    lines = [
        f"## {path}",
        "",
        f"    {usage}",
        "",
        " ".join(_text(command.help).split("\n\n")[0].split()),
    ]
    lines += [
        line
        for part in _text(command.help).split("\n\n")[1:]
        for line in ("", " ".join(part.split()))
    ]
    lines += [
        "",
        "| option | variable | default | what it does |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _argument(argument: Any) -> str:
    return f"{argument.name.upper()}{'...' if argument.nargs != 1 else ''}"


def _row(name: str, parameter: Any) -> str:
    cells = (
        name,
        f"`{parameter.envvar}`" if parameter.envvar else "",
        _default(parameter),
        _text(parameter.help),
    )
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    return "" if default is None or default is False or callable(default) else f"`{default}`"


def _text(words: str | None) -> str:
    return (words or "").strip()


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}")
