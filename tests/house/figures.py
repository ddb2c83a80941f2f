"""Figures of the house, printed by `make house`: how full, how tied, how long, how wordy.

    python tests/house/figures.py [--before COMMIT]

With --before the same figures of an earlier commit stand beside today's. The texts of the commands
and of the page are read from the code, so that they count as what a person reads.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # as a script, only its own folder is on the path

from tests.house.prose import (  # noqa: E402
    Prose,
    code_files,
    documents,
    message_texts,
    page_texts,
    prose_of,
    python_files,
)

LINE_CHARACTERS = 100
# A directive can't be wrapped; ruff doesn't count it either.
_DIRECTIVE = re.compile(r"\s*# (pyright: ignore|noqa)\S*( .*)?$")


@dataclass(frozen=True, slots=True)
class Function:
    """A function with its lines and its parameters, `self` and `cls` not counted."""

    path: str
    name: str
    lines: int
    parameters: int


def modules_in_folders(root: Path) -> Counter[str]:
    """How many modules each folder holds."""
    return Counter(
        path.parent.relative_to(root).as_posix()
        for path in python_files(root)
        if path.name != "__init__.py"
    )


def import_graph(root: Path) -> dict[str, set[str]]:
    """Which of our modules each of them imports: at the top, within functions, and for types."""
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts): path for path in python_files(root)
    }
    names = {name.removesuffix(".__init__"): name for name in modules}
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                whole = {f"{node.module}.{each.name}" for each in node.names} & set(names)
                imported |= whole or {node.module}
            elif isinstance(node, ast.Import):
                imported |= {each.name for each in node.names}
        graph[name] = {names[each] for each in imported if each in names} - {name}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


def functions(root: Path) -> list[Function]:
    """Every function and method of the wings."""
    found: list[Function] = []
    for path in python_files(root):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
                own = names[1:] if names[:1] in (["self"], ["cls"]) else names
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                where = path.relative_to(root).as_posix()
                count = len(own) + len(node.args.kwonlyargs)
                found.append(Function(where, node.name, lines, count))
    return found


def long_lines(root: Path) -> list[str]:
    """Lines of code over 100 characters, and of documents outside tables, code and links."""
    found: list[str] = []
    for path in [*code_files(root), *documents(root)]:
        if "vendor" in path.parts:
            continue  # another house's file, unchanged
        is_document = path.suffix == ".md"
        fenced = False
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            fenced ^= is_document and line.lstrip().startswith("```")
            is_free = is_document and (fenced or _needs_its_width(line))
            if len(_DIRECTIVE.sub("", line)) > LINE_CHARACTERS and not is_free:
                found.append(f"{path.relative_to(root).as_posix()}:{number}")
    return found


def _needs_its_width(line: str) -> bool:
    """Whether a line of Markdown can't be wrapped: a table's row, indented code, one long link."""
    return line.lstrip().startswith(("|", "```", "![")) or line.startswith("    ") or "](" in line


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one checkout."""

    files: int
    lines: int
    fullest: tuple[str, int]
    circles: int
    long_lines: int
    longest: Function
    widest: Function
    over_six: int
    documents: Prose
    messages: Prose
    page: Prose

    def rows(self) -> list[tuple[str, str]]:
        """Each figure with its name, as a person reads it."""
        return [
            ("files and lines of code", f"{self.files}, {self.lines:,}"),
            ("fullest folder (at most 12)", f"{self.fullest[0]} {self.fullest[1]}"),
            ("import circles, in functions too (0)", f"{self.circles}"),
            ("lines over 100 characters, code and documents (0)", f"{self.long_lines:,}"),
            ("longest function", f"{self.longest.name} {self.longest.lines} lines"),
            ("most parameters", f"{self.widest.name} {self.widest.parameters}"),
            ("functions with more than six, commands aside", f"{self.over_six}"),
            *(
                (f"{name}: words a sentence (18); over 30 (under 5 %)", _prose_row(prose))
                for name, prose in (
                    ("documents", self.documents),
                    ("messages and help", self.messages),
                    ("page", self.page),
                )
            ),
        ]


def _prose_row(prose: Prose) -> str:
    return f"{prose.mean:.1f}; {prose.share_long:.1%} of {len(prose.words):,}"


def is_command(function: Function) -> bool:
    """Whether it stands with the commands, where a parameter is an option of the command line."""
    return "/commands/" in function.path or function.path.endswith("commands.py")


def measure(root: Path) -> Figures:
    """Measure one checkout."""
    paths, found = code_files(root), functions(root)
    return Figures(
        files=len(paths),
        lines=sum(len(path.read_text("utf-8").splitlines()) for path in paths),
        fullest=modules_in_folders(root).most_common(1)[0],
        circles=len(circles(import_graph(root))),
        long_lines=len(long_lines(root)),
        longest=max(found, key=lambda each: each.lines),
        widest=max(
            (each for each in found if not is_command(each)), key=lambda each: each.parameters
        ),
        over_six=sum(each.parameters > 6 and not is_command(each) for each in found),
        documents=prose_of(path.read_text("utf-8") for path in documents(root)),
        messages=prose_of(message_texts(root)),
        page=prose_of(page_texts(root)),
    )


def measure_commit(commit: str) -> Figures:
    """Measure an earlier commit of this repository."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        return measure(Path(folder))


def main() -> None:
    """Print the figures of the checkout, and of an earlier commit beside them."""
    parser = argparse.ArgumentParser(description="Print the figures of the house.")
    parser.add_argument("--before", metavar="COMMIT", help="an earlier commit to compare with")
    given = parser.parse_args()
    now = measure(ROOT).rows()
    before = [value for _, value in measure_commit(given.before).rows()] if given.before else []
    width = max(len(name) for name, _ in now)
    for row, (name, value) in enumerate(now):
        earlier = f"{before[row]:<32}" if before else ""
        sys.stdout.write(f"{name:<{width}}  {earlier}{value}\n")


if __name__ == "__main__":
    main()
