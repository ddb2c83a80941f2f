"""A season as one HTML file that needs nothing else: figures, curve, map and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from index.places.coordinates import Position
from index.reports.pictures import curve_svg, map_svg
from index.sightings.disclosure import Places, disclose
from index.sightings.season import Season

_STYLE = """
body{font:16px/1.5 system-ui,"Segoe UI","Noto Sans",sans-serif;margin:2rem auto;max-width:60rem;
padding:0 1rem;color:#12252d;background:#fff}
h1,h2{line-height:1.2}h2{margin-top:2rem}
.figures{display:flex;flex-wrap:wrap;gap:.5rem 2rem;padding:0}
.figures div{display:grid}.figures dd{margin:0;font-size:1.6rem;font-weight:600}
.figures dt{order:2;font-size:.85rem;color:#4c616b}
svg{width:100%;height:auto;border:1px solid #cfdade}
.sea{fill:#dff0f2}.land{fill:#e9eff1;stroke:#7a8f98}
.met circle{fill:#0b6573;stroke:#fff;stroke-width:1.5}
.curve{fill:none;stroke:#0b6573;stroke-width:3}.axis{fill:none;stroke:#7a8f98}
text{font-size:13px;fill:#4c616b}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #cfdade;vertical-align:top}
.note{color:#4c616b;font-size:.9rem}
@media print{body{margin:0}h2{break-after:avoid}tr{break-inside:avoid}}
"""


def season_page(season: Season, places: Places, *, title: str, created: str) -> str:
    """Make the page; every text of the catalogue is escaped."""
    shown = [(one, disclose(one, places)) for one in season.sightings]
    positions = [where.position for _, where in shown if where.position is not None]
    unknown = len(season.sightings) - season.known
    figures = (
        ("photos", season.photos),
        ("sightings", len(season.sightings)),
        ("of known individuals", season.known),
        ("of unknown animals", unknown),
        ("individuals", len(season.individuals)),
        ("new", season.new),
        ("seen before", len(season.individuals) - season.new),
    )
    boxes = "".join(f"<div><dt>{name}</dt><dd>{value:,}</dd></div>" for name, value in figures)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(_span(season))}</p>",
        f'<dl class="figures">{boxes}</dl>',
        _section("Discovery", curve_svg(season.discovery)),
        _section("Map", _map(positions, len(season.sightings), places)),
        _section("Individuals", _individuals(season)),
        _section(
            "Sightings",
            _table(
                ("When", "Individual", "Region", "Where", "Observer", "Photos"),
                (
                    (
                        one.at or "no date",
                        one.individual or "unknown",
                        one.region or "",
                        where.place or "",
                        one.observer or "",
                        str(len(one.photos)),
                    )
                    for one, where in shown
                ),
            ),
        ),
        f'<p class="note">Made by flukeprint on {escape(created)} from catalogue revision '
        f"{season.revision}. Coastline: Natural Earth.</p>",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body>\n</html>\n"
    )


def _span(season: Season) -> str:
    times = [one.at for one in season.sightings if one.at]
    if not times:
        return "No sighting is selected." if not season.sightings else "No sighting has a date."
    chosen = season.selection
    first, last = chosen.since or times[0][:10], chosen.until or max(times)[:10]
    limits = [text for text in (chosen.species, chosen.region, chosen.individual) if text]
    return f"{first} to {last}" + "".join(f" · {text.replace('_', ' ')}" for text in limits)


def _individuals(season: Season) -> str:
    return _table(
        ("Individual", "Sightings", "Photos", "First", "Last", "Before", "Days between"),
        (
            (
                one.individual,
                str(one.sightings),
                str(one.photos),
                (one.first_at or "")[:10],
                (one.last_at or "")[:10],
                "new" if one.is_new else (one.before_at or "")[:10],
                "" if one.days_between is None else f"{one.days_between:,}",
            )
            for one in season.individuals
        ),
    )


def _map(positions: Sequence[Position], sightings: int, places: Places) -> str:
    drawn = map_svg(positions)
    if not drawn:
        return ""
    coarse = " Positions are moved to the middle of a grid cell." if places == "coarse" else ""
    without = sightings - len(positions)
    note = f"{without:,} sightings have no position here.{coarse}" if without else coarse.strip()
    return drawn + (f'<p class="note">{note}</p>' if note else "")


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    if not body:
        return ""
    return (
        f'<div class="wide"><table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )
