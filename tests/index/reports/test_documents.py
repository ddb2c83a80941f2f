"""Reports: escaped, as coarse as requested, and in the forms that other programs describe."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from xml.etree import ElementTree

import pytest

from index.catalogue.life_history import LifeHistories, LifeHistory
from index.reports.capture_histories import BadReport
from index.reports.darwin_core import TERMS
from index.reports.documents import Report, ReportOptions, make_report
from index.sightings.reading import Sighting, Sightings
from index.sightings.selection import Selection

COVE = "Secret Cove, 42.361, -70.312"


def met(individual: str | None, at: str | None, key: int, **more: object) -> Sighting:
    fields = {
        "encounter": f"e{key}",
        "place": COVE,
        "region": "Gulf of Maine",
        "observer": "Ana",
        "notes": None,
        "species": "humpback_whale",
        "sex": "f",
        "photos": (f"{key}_a.jpg", f"{key}_b.jpg"),
        **more,
    }
    return Sighting(individual=individual, encounter_key=key, at=at, **fields)


SIGHTINGS = Sightings(
    9,
    (
        met("w_1", "2019-07-01", 1),
        met("w_2", "2020", 2),
        met("w_1", "2021-05-01T09:30:00", 3),
        met("w_<3>", "2021-05-01", 4, observer="=cmd|' /C calc'!A1", encounter="e&<4>"),
        met(None, "2021-06-02", 5, place=None),
        met("w_1", "2021-07-03", 6),
        met("w_2", None, 7),
    ),
    LifeHistories({"w_1": LifeHistory(age_class="adult")}),
)


def made(kind: str, **options: object) -> Report:
    selection = options.pop("selection", Selection.checked(since="2021"))
    return make_report(kind, SIGHTINGS, ReportOptions(selection, "2026-12-01", **options))


def text(kind: str, **options: object) -> str:
    return made(kind, **options).data.decode("utf-8-sig")


def table(written: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written)))


def test_the_page_has_the_figures_and_needs_nothing_else() -> None:
    page = text("html", title="Season <2021>", places="exact")
    figures = dict(re.findall(r"<dt>([^<]+)</dt><dd>([\d,]+)</dd>", page))
    assert figures == {
        "photos": "8",
        "sightings": "4",
        "of known individuals": "3",
        "of unknown animals": "1",
        "individuals": "2",
        "new": "1",
        "seen before": "1",
    }
    assert "<h1>Season &lt;2021&gt;</h1>" in page
    assert "w_&lt;3&gt;" in page
    assert "<3>" not in page
    assert "2019-07-01</td><td>670" in page  # from 2019-07-01 to 2021-05-01
    assert page.count("<circle") == 3
    assert 'class="land"' in page
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)


@pytest.mark.parametrize("kind", ["html", "csv", "darwin-core"])
def test_places_are_as_coarse_as_requested(kind: str) -> None:
    def whole(places: str) -> str:
        report = made(kind, places=places)
        if kind != "darwin-core":
            return report.data.decode("utf-8-sig")
        with zipfile.ZipFile(io.BytesIO(report.data)) as archive:
            return "".join(archive.read(name).decode() for name in archive.namelist())

    assert "Secret Cove" in whole("exact")
    for places in ("regions", "coarse"):
        assert "Secret" not in whole(places)
        assert "42.361" not in whole(places)
        assert "Gulf of Maine" in whole(places)
    if kind != "html":
        assert "42.25,-70.25" in whole("coarse")
        assert "42.25" not in whole("regions")


def test_the_table_has_a_row_a_sighting_and_no_formula() -> None:
    rows = table(text("csv"))
    assert [(row["individual"], row["photos"], row["is_new"]) for row in rows] == [
        ("w_1", "2", "no"),
        ("w_<3>", "2", "yes"),
        ("", "2", ""),
        ("w_1", "2", ""),
    ]
    assert rows[0]["days_since_last_season"] == "670"
    assert rows[1]["observer"] == "'=cmd|' /C calc'!A1"


def test_the_darwin_core_archive_describes_its_columns() -> None:
    with zipfile.ZipFile(io.BytesIO(made("darwin-core", places="coarse").data)) as archive:
        assert archive.namelist() == ["occurrence.csv", "meta.xml", "eml.xml"]
        meta, eml = (ElementTree.fromstring(archive.read(name)) for name in ("meta.xml", "eml.xml"))
        rows = table(archive.read("occurrence.csv").decode())
    space = "{http://rs.tdwg.org/dwc/text/}"
    assert (meta.tag, meta.get("metadata")) == (f"{space}archive", "eml.xml")
    core = meta.find(f"{space}core")
    assert core is not None
    assert core.get("rowType") == "http://rs.tdwg.org/dwc/terms/Occurrence"
    assert (
        core.get("encoding"),
        core.get("fieldsTerminatedBy"),
        core.get("ignoreHeaderLines"),
    ) == (
        "UTF-8",
        ",",
        "1",
    )
    assert core.findtext(f"{space}files/{space}location") == "occurrence.csv"
    fields = [(one.get("index"), one.get("term")) for one in core.findall(f"{space}field")]
    assert fields == [
        (str(at), f"http://rs.tdwg.org/dwc/terms/{term}") for at, term in enumerate(TERMS)
    ]
    assert list(rows[0]) == list(TERMS)
    assert rows[0] | {"datasetName": ""} == {
        "occurrenceID": "flukeprint:encounter:3",
        "basisOfRecord": "HumanObservation",
        "occurrenceStatus": "present",
        "scientificName": "Megaptera novaeangliae",
        "vernacularName": "humpback whale",
        "organismID": "w_1",
        "individualCount": "1",
        "sex": "female",
        "lifeStage": "adult",
        "eventID": "e3",
        "eventDate": "2021-05-01T09:30:00",
        "higherGeography": "Gulf of Maine",
        "locality": "",
        "decimalLatitude": "42.25",
        "decimalLongitude": "-70.25",
        "geodeticDatum": "EPSG:4326",
        "coordinateUncertaintyInMeters": rows[0]["coordinateUncertaintyInMeters"],
        "dataGeneralizations": rows[0]["dataGeneralizations"],
        "recordedBy": "Ana",
        "samplingProtocol": "photo-identification",
        "datasetName": "",
    }
    assert 30_000 < int(rows[0]["coordinateUncertaintyInMeters"]) < 40_000
    assert len({row["occurrenceID"] for row in rows}) == len(rows) == 4
    assert (rows[2]["decimalLatitude"], rows[2]["geodeticDatum"]) == ("", "")
    assert eml.tag == "{eml://ecoinformatics.org/eml-2.1.1}eml"
    assert eml.findtext("dataset/title") == "Season report"
    begin = "dataset/coverage/temporalCoverage/rangeOfDates/beginDate/calendarDate"
    assert eml.findtext(begin) == "2021-05-01"


def test_the_file_for_mark_has_a_history_and_a_frequency_a_line() -> None:
    written = text("mark", selection=Selection())
    bare = re.sub(r"/\*.*?\*/", "", written)  # as every reader of it takes comments out
    assert bare.split() == ["101", "1;", "010", "1;", "001", "1;"]
    assert all(len(line) <= 240 for line in written.splitlines())
    assert "/* occasion 2: 2020 */" in written
    assert "/* w_<3> */ 001 1;" in written
    months = re.sub(r"/\*.*?\*/", "", text("mark", occasions="month"))
    assert months.split() == ["11", "1;", "10", "1;"]
    rows = table(text("histories", selection=Selection()))
    assert rows[0] == {
        "individual": "w_1",
        "2019": "1",
        "2020": "0",
        "2021": "1",
        "history": "h101",
    }


def test_what_mark_can_not_read_is_refused() -> None:
    many = Sightings(
        1,
        tuple(
            met("w_1", f"{year}-01-{day:02}", day)
            for year in range(2000, 2011)
            for day in range(1, 29)
        ),
        LifeHistories(),
    )
    options = ReportOptions(Selection(), "2026-12-01", occasions="day")
    with pytest.raises(BadReport, match=r"up to 240 characters, and 308 occasions need more"):
        make_report("mark", many, options)
    assert b"h1111" in make_report("histories", many, options).data
    with pytest.raises(BadReport, match="no sighting of a known individual has a time"):
        made("mark", selection=Selection.checked(since="2025"))


def test_nothing_selected_is_a_page_that_says_so() -> None:
    page = text("html", selection=Selection.checked(since="2030"))
    assert "No sighting is selected." in page
    assert "<svg" not in page


def test_the_same_input_gives_the_same_archive() -> None:
    assert made("darwin-core").data == made("darwin-core").data
