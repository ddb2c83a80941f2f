"""One self-contained HTML page: no script, no other host, pictures within, readable on a phone."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from pathlib import Path

from embedding.photos.photo import Image

_STYLE = """
:root { color-scheme: light dark; --paper: #f4f7f8; --sheet: #fff; --line: #cfdade; --ink: #12252d;
--soft: #4c616b;
  --bad: #a3262a; --good: #1d6b3c; --note: #0b6573; }
@media (prefers-color-scheme: dark) { :root { --paper: #0e171b; --sheet: #16232a; --line: #2c4049;
--ink: #e4eef1;
  --soft: #a5bac2; --bad: #ff9d96; --good: #86d6a2; --note: #6cc6d2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin: 2rem 0 .3rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); } .bad { color: var(--bad); } .good { color:
var(--good); }
.note { color: var(--note); }
.wide { overflow-x: auto; } table { border-collapse: collapse; background: var(--sheet); width:
100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border: 1px solid
var(--line); }
td.number { text-align: right; white-space: nowrap; }
th { white-space: nowrap; } .cases { display: flex; flex-wrap: wrap; gap: .6rem; padding: 0;
list-style: none; }
.case { background: var(--sheet); border: 1px solid var(--line); border-radius: 8px; padding:
.5rem; max-width: 100%; }
.case > div { display: flex; flex-wrap: wrap; gap: .5rem; } figure { margin: 0; width: 9rem;
max-width: 38vw; }
.case figure img { width: 100%; }
figcaption { font-size: .8rem; line-height: 1.3; } img { max-width: 100%; height: auto;
border-radius: 4px; }
.plot { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: .3rem; }
a { color: var(--note); }
"""


def html_page(title: str, parts: Iterable[str]) -> bytes:
    """A whole page as a file's content; `parts` are HTML already."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    )
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    head += f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    body = "\n".join(parts)
    page = (
        "<!doctype html>\n<html "
        f'lang="en"><head>{head}<title>{escape(title)}</title><style>{_STYLE}</style></head>\n'
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )
    return page.encode("utf-8", "backslashreplace")  # names of files may be no text


def html_table(header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """A table; whole numbers stand on the right, all else is escaped.

    An empty header is left out.
    """
    above = f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in header)}</tr>" if header else ""
    return f'<div class="wide"><table>{above}{"".join(_row(row) for row in rows)}</table></div>'


def name_of(source: Path) -> str:
    """What a page calls a label file or folder: its name below its folder's, `bees/labels.csv`."""
    whole = source.resolve()
    return f"{whole.parent.name}/{whole.name}"


def _row(row: Sequence[str | int]) -> str:
    cells = (
        f'<td class="number">{cell:,}</td>' if isinstance(cell, int) else f"<td>{escape(cell)}</td>"
        for cell in row
    )
    return f"<tr>{''.join(cells)}</tr>"


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph; `kind`: soft, bad, good or note."""
    return f'<p class="{kind}">{escape(words)}</p>' if kind else f"<p>{escape(words)}</p>"


def data_picture(content: bytes, described: str, *, kind: str = "png", style: str = "") -> str:
    """A picture within the page."""
    drawn = b64encode(content).decode("ascii")
    own = f' class="{style}"' if style else ""
    return f'<img{own} alt="{escape(described)}" src="data:image/{kind};base64,{drawn}">'


def jpeg_bytes(image: Image, quality: int = 80) -> bytes:
    """An image as a JPEG file's content."""
    data = BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue()
