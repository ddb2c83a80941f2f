"""A check as one HTML page: each finding with its advice and the first cases as thumbnails."""

from __future__ import annotations

from html import escape
from pathlib import Path

from embedding.photos.photo import BadPhoto, read_photo, thumbnail
from index.labels.photo_files import file_of
from training.data.check import CheckReport
from training.data.check_tables import fact_lines, summary
from training.data.findings import Case, Finding
from training.data.html import data_picture, html_page, html_table, jpeg_bytes, name_of, paragraph

_MOST_CASES, _MOST_IN_CASE, _MOST_THUMBNAILS = 40, 6, 300  # some 2 MB a page, however much is wrong
_THUMBNAIL_PX = 160


def check_page(report: CheckReport) -> bytes:
    """The page as a file's content; thumbnails are read from the photos again."""
    thumbnails = _Thumbnails(report.folder)
    parts = [
        paragraph(f"Labels {report.source}, photos {report.folder}", "soft"),
        paragraph(summary(report), "good" if report.is_clean else "bad"),
        html_table((), fact_lines(report.facts)),
        *(paragraph(f"note: {warning}", "soft") for warning in report.warnings),
    ]
    if report.findings:
        rows = [f"<tr>{_contents_cells(finding)}</tr>" for finding in report.findings]
        parts += [
            "<h2>What was found</h2>",
            f'<div class="wide"><table>{"".join(rows)}</table></div>',
        ]
    parts += [thumbnails.section(finding) for finding in report.findings]
    return html_page(f"flukeprint data check: {name_of(report.source)}", parts)


def _contents_cells(finding: Finding) -> str:
    kind = "bad" if finding.is_wrong else "note"
    text = "wrong" if finding.is_wrong else "no fault"
    return (
        f'<td class="number">{len(finding.cases):,}</td><td><a '
        f'href="#{finding.kind}">{escape(finding.title)}</a></td>'
        f'<td class="{kind}">{text}</td>'
    )


class _Thumbnails:
    """Thumbnails of a folder's photos, no more than a page has room for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left = _MOST_THUMBNAILS

    def section(self, finding: Finding) -> str:
        shown = finding.cases[:_MOST_CASES]
        more = len(finding.cases) - len(shown)
        rest = paragraph(f"and {more:,} more: --json lists all", "soft") if more else ""
        heading = f'<h2 id="{finding.kind}">{len(finding.cases):,} {escape(finding.title)}</h2>'
        cases = "".join(self._case(case) for case in shown)
        return f'{heading}{paragraph(finding.advice)}<ul class="cases">{cases}</ul>{rest}'

    def _case(self, case: Case) -> str:
        labels = case.labels or (None,) * len(case.photos)
        pairs = list(zip(case.photos, labels, strict=True))[:_MOST_IN_CASE] if case.photos else []
        figures = "".join(self._figure(name, label) for name, label in pairs)
        more = len(case.photos) - len(pairs)
        text = "; ".join(
            part for part in (case.detail, f"and {more:,} more photos" if more else "") if part
        )
        return (
            f'<li class="case"><div>{figures}</div>{paragraph(text, "soft") if text else ""}</li>'
        )

    def _figure(self, name: str, label: str | None) -> str:
        caption = escape(name) + ("" if label is None else f"<br><b>{escape(label)}</b>")
        return f"<figure>{self._thumbnail(name)}<figcaption>{caption}</figcaption></figure>"

    def _thumbnail(self, name: str) -> str:
        if self._left <= 0:
            return ""
        try:
            image = thumbnail(
                read_photo(file_of(self._folder, name), at_least_px=_THUMBNAIL_PX), _THUMBNAIL_PX
            )
        except BadPhoto:
            return ""
        self._left -= 1
        return data_picture(jpeg_bytes(image), name, kind="jpeg")
