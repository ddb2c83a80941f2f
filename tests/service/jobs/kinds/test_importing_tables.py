"""A stranger's table over HTTP: its head is shown to curators, who say which column is what."""

from __future__ import annotations

from typing import Any

from index.catalogue.catalogue import Catalogue
from index.tables.workbooks import write_workbook
from tests.service.conftest import photo_of
from tests.service.jobs.kinds.season import Site, carry_out, ended, report, send_zip, zipped

HEADER = ["File", "Whale", "When", "Where", "Flank"]
ROWS = [["a.png", "007", "2021-04-03", "Secret Cove", "left"], ["b.png", None, None, None, None]]
COLUMNS = {
    "photo": "File",
    "individual": "Whale",
    "date": "When",
    "place": "Where",
    "side": "Flank",
}


def strangers_zip() -> bytes:
    table = write_workbook(HEADER, ROWS)
    return zipped({"season.xlsx": table, "a.png": photo_of(30), "b.png": photo_of(60)})


def check(client: Any, **parameters: Any) -> Any:
    return client.post("/v1/jobs", json={"kind": "import", "parameters": parameters})


def test_a_strangers_table_is_shown_said_and_imported(site: Site) -> None:
    client, path, _ = site
    first = ended(client, send_zip(client, strangers_zip(), "{}").json()["id"])
    assert (first["state"], first["result"]["table"]) == ("succeeded", "season.xlsx")
    assert "Secret" not in str(first)
    head = client.get(f"/v1/jobs/{first['id']}/table").json()
    assert (head["file"], head["columns"]) == ("season.xlsx", HEADER)
    assert head["rows"][0] == ROWS[0]
    assert head["fields"][:5] == ["photo", "individual", "date", "place", "side"]
    refused = check(client, dry_run=first["id"])
    assert refused.status_code == 422
    assert "columns aren't known; send `again`" in refused.text

    again = ended(client, check(client, again=first["id"], columns=COLUMNS).json()["id"])
    assert again["result"]["counts"] == {"added": 2}
    became = {one["column"]: one["became"] for one in again["result"]["columns"]}
    assert became == {column: field for field, column in COLUMNS.items()}
    done = carry_out(client, again["id"])
    assert done["state"] == "succeeded", done
    with Catalogue.open(path) as catalogue:
        photos = {photo.name: photo for photo in catalogue.photos()}
    assert (photos["a.png"].individual, photos["b.png"].individual) == ("007", None)
    assert (photos["a.png"].place, photos["a.png"].viewpoint) == ("Secret Cove", "left")
    assert "Secret" not in str(report(client, done["id"]))


def test_a_wrong_mapping_is_refused_with_what_is_allowed(site: Site) -> None:
    client, _, _ = site
    first = ended(client, send_zip(client, strangers_zip(), "{}").json()["id"])
    for columns, said in (
        ({"photo": "File"}, "which column is the individual isn't said"),
        ({**COLUMNS, "animal": "x"}, "a column can't be 'animal'; it can be photo, individual"),
    ):
        refused = check(client, again=first["id"], columns=columns)
        assert (refused.status_code, said in refused.text) == (422, True), refused.text
    wrong = check(client, again=first["id"], columns={**COLUMNS, "individual": "Name"})
    failed = ended(client, wrong.json()["id"])
    assert failed["state"] == "failed"
    assert "the column 'Name', which is to be the individual, is not there" in failed["reason"]
    for parameters in ({"again": 999}, {"again": first["id"], "dry_run": first["id"]}):
        assert check(client, **parameters).status_code == 422
    sent = send_zip(client, strangers_zip(), '{"again": 1}')
    assert "send either a zip for a dry run" in sent.text


def test_columns_may_come_with_the_zip(site: Site) -> None:
    client, _, _ = site
    columns = '{"columns": {"photo": "file", "individual": "whale"}}'
    job = ended(client, send_zip(client, strangers_zip(), columns).json()["id"])
    assert job["result"]["counts"] == {"added": 2}
    missing = client.get(f"/v1/jobs/{job['id']}/table")
    assert missing.status_code == 404
