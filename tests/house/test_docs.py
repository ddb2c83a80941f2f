"""The docs say what the code does: generated pages are current, links lead somewhere, words are
explained.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stale(pages: dict[str, str], folder: Path) -> list[str]:
    """Names of the pages that are not on disk as they would be written now."""
    return [
        name
        for name, text in pages.items()
        if not (folder / name).exists() or (folder / name).read_text("utf-8") != text
    ]


def dead_links(page: Path) -> list[str]:
    """Relative links of a page that lead to no file, or to no heading of one."""
    dead: list[str] = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(f"{page.name}: {target}")
    return dead


def anchors(page: Path) -> set[str]:
    """What can be linked to within a page: its headings, and anchors written out."""
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    } | set(re.findall(r'<a id="([^"]+)">', text))


def test_the_generated_pages_are_current() -> None:
    pages = generator().pages()
    assert set(pages) == {
        *("architecture.md", "commands.md", "http-api.md", "kubernetes.md", "settings.md")
    }
    assert stale(pages, ROOT / "docs") == [], "run `make docs`"


def test_a_stale_page_is_seen(tmp_path: Path) -> None:
    (tmp_path / "same.md").write_text("one\n", encoding="utf-8")
    (tmp_path / "other.md").write_text("two\n", encoding="utf-8")
    assert stale({"same.md": "one\n", "other.md": "three\n", "absent.md": ""}, tmp_path) == [
        "other.md",
        "absent.md",
    ]


def test_the_commands_page_tells_arguments_variables_and_defaults() -> None:
    text = generator().commands_text()
    assert "\n## flukeprint index build\n" in text
    assert "\n    flukeprint identify PHOTOS... [OPTIONS]\n" in text
    assert "\n| `--catalogue` | `FLUKEPRINT_CATALOGUE` | `catalogue.db` | " in text
    assert "\n| `RECIPE` |  | required | " in text


def test_every_link_leads_somewhere() -> None:
    assert len(PAGES) > 8
    assert [link for page in PAGES for link in dead_links(page)] == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One thing\n[a](#one-thing) [b](page.md#no) [c](gone.md) [d](https://example.org)",
        encoding="utf-8",
    )
    assert dead_links(page) == ["page.md: page.md#no", "page.md: gone.md"]


def test_the_architecture_page_has_a_row_for_every_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    folders = [
        path.parent.relative_to(ROOT).as_posix()
        for wing in generator().WINGS
        for path in sorted((ROOT / wing).rglob("__init__.py"))
    ]
    assert len(folders) > 40
    assert [line.split("`")[1].rstrip("/") for line in rows if "/` |" in line] == folders


def test_a_new_folder_gets_its_row(tmp_path: Path) -> None:
    folder = tmp_path / "index" / "maps"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Maps,\nas coarse as a role may see."""\n')
    (folder / "tiles.py").write_text("")
    row = "| `index/maps/` | Maps, as coarse as a role may see. | `tiles` |"
    assert generator().rooms_table(tmp_path).splitlines()[2:] == [row]


def flow_files(text: str) -> list[str]:
    """The files that the flows name, and those of "Before and after the move" as they are now."""
    flows = text.partition("\n## Flows\n")[2].partition("\n## Where truth lives\n")[0]
    lists, _, tables = flows.partition("\n## Before and after the move\n")
    now = [row.split(" | ")[-1] for row in tables.splitlines() if row.startswith("|")]
    return re.findall(r"`([\w/]+\.py)`", "\n".join([lists, *now]))


def test_every_file_of_the_flows_is_there() -> None:
    named = flow_files((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    assert len(named) > 70
    assert [file for file in named if not (ROOT / file).is_file()] == []


def test_a_file_of_before_may_be_gone() -> None:
    text = (
        "`no.py`\n## Flows\n1. `a/b.py` reads.\n\n## Before and after the move\n"
        "| 1 | `old.py` | `new.py` |\n\n## Where truth lives\n`no.py`\n"
    )
    assert flow_files(text) == ["a/b.py", "new.py"]
