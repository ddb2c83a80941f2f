"""`flukeprint submit` as a user sees it."""

from __future__ import annotations

import csv
import json
import re

import pytest

from index.identification.submission import BadSubmission


def submission_rows(path):
    with path.open(newline="") as file:
        return {row["Image"]: row["Id"].split() for row in csv.DictReader(file)}


@pytest.fixture
def competition(built, make_season, tmp_path):
    season = make_season(tmp_path / "test")
    for animal in range(6):
        season.draw(f"q{animal}.png", f"w_{animal:02}", take=50)
    season.draw("unknown.png", "somebody else")
    return season


def test_submit_writes_five_labels_a_photo(run, competition, tmp_path):
    out = tmp_path / "submission.csv"
    result = run("submit", "--photos", competition.folder, "--out", out, "--threshold", "0.35")
    assert result.exit_code == 0
    rows = submission_rows(out)
    assert list(rows) == sorted(competition.rows)
    for animal in range(6):
        labels = rows[f"q{animal}.png"]
        assert labels[:2] == [f"w_{animal:02}", "new_whale"]
        assert len(set(labels)) == 5
    assert rows["unknown.png"][0] == "new_whale"
    assert (
        run("submit", "--photos", competition.folder, "--out", out, "--score", "blend").exit_code
        == 0
    )


def test_submit_agrees_with_identify(run, competition, tmp_path):
    out = tmp_path / "submission.csv"
    run("submit", "--photos", competition.folder, "--out", out, "--threshold", "0")
    answer = json.loads(run("identify", competition.folder, "--json").stdout)
    ranked = [[match["individual"] for match in each["matches"][:4]] for each in answer["results"]]
    assert list(submission_rows(out).values()) == [["new_whale", *each] for each in ranked]


def test_submit_gives_unread_photos_a_row(run, competition, tmp_path):
    (competition.folder / "q0.png").write_bytes(b"")
    out = tmp_path / "submission.csv"
    result = run("submit", "--photos", competition.folder, "--out", out)
    assert result.exit_code == 1
    assert "1 of them unread" in result.stdout
    assert submission_rows(out)["q0.png"] == ["new_whale", "w_00", "w_01", "w_02", "w_03"]


def test_submit_is_checked_against_the_sample(run, competition, tmp_path):
    sample = tmp_path / "sample.csv"
    labels = "new_whale w_1 w_2 w_3 w_4"
    sample.write_text("Image,Id\n" + "".join(f"{name},{labels}\n" for name in competition.rows))
    arguments = (
        "submit",
        "--photos",
        competition.folder,
        "--out",
        tmp_path / "s.csv",
        "--sample",
        sample,
    )
    assert run(*arguments).exit_code == 0
    sample.write_text(sample.read_text() + f"another.png,{labels}\n")
    (tmp_path / "s.csv").unlink()
    with pytest.raises(BadSubmission, match=r"test lacks 1 of the photos, such as another\.png"):
        run(*arguments)
    assert not (tmp_path / "s.csv").exists()  # found out before anything was identified


def test_submit_in_happywhales_form_with_a_threshold_for_each_species(
    run, competition, make_season, tmp_path
):
    season = make_season(tmp_path / "two species")
    lines = ["image,species,individual_id"]
    for animal in range(24):
        for take in range(3):
            season.draw(f"a{animal:02}_{take}.png", f"w_{animal:02}", take=take)
            lines.append(
                f"a{animal:02}_{take}.png,{'orca' if animal % 2 else 'beluga'},w_{animal:02}"
            )
    labels = tmp_path / "two.csv"
    labels.write_text("\n".join(lines))
    where = ("--catalogue", tmp_path / "two.db")
    assert run("index", "build", "--csv", labels, "--photos", season.folder, *where).exit_code == 0
    out = tmp_path / "submission.csv"
    result = run(
        "submit",
        "--photos",
        competition.folder,
        "--out",
        out,
        *where,
        "--form",
        "happywhale",
        "--per-species",
    )
    assert result.exit_code == 0
    assert "new_individual comes first beyond distance" in result.stderr
    assert re.findall(r"^  (\w+): beyond \d", result.stderr, re.MULTILINE) == ["beluga", "orca"]
    header, *rows = out.read_text().splitlines()
    assert header == "image,predictions"
    assert all("new_individual" in row and "new_whale" not in row for row in rows)


def test_submit_refuses_what_does_not_go_together(run, competition, tmp_path):
    arguments = ("submit", "--photos", competition.folder, "--out", tmp_path / "s.csv")
    with pytest.raises(BadSubmission, match="no individual of the catalogue has a species"):
        run(*arguments, "--per-species")
    assert run(*arguments, "--per-species", "--threshold", "0.3").exit_code == 2
    with pytest.raises(BadSubmission, match="the form is 'orca'"):
        run(*arguments, "--form", "orca")


def test_an_unreadable_sample_is_refused_before_the_catalogue_is_opened(run, competition, tmp_path):
    with pytest.raises(BadSubmission, match=r"absent\.csv cannot be read"):
        run(
            *("submit", "--photos", competition.folder, "--out", tmp_path / "s.csv"),
            *("--sample", tmp_path / "absent.csv", "--catalogue", tmp_path / "no.db"),
        )
