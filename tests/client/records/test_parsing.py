"""JSON as records: what is new is ignored, and what is absent or wrong is named."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from client.errors import StrangeAnswer
from client.records.parsing import read_page, read_problem, read_record
from client.records.photos import Identification
from client.records.service import JobFault, Ready

ANSWER: dict[str, Any] = {
    "results": [
        {
            "photo": "a.jpg",
            "decision": "known",
            "probability": 1,
            "reason": "near",
            "matches": [
                {
                    "rank": 1,
                    "individual": "w_0",
                    "distance": 0,
                    "probability": 0.9,
                    "photo": "w_0_a.png",
                    "photo_url": "/v1/photos/w_0_a.png",
                }
            ],
        }
    ],
    "catalogue_revision": 4,
    "fingerprint": "f",
    "individuals_searched": 3,
    "photos_searched": 6,
    "thresholds": {"known": 0.1, "new_whale": 0.2},
    "timings_ms": {"decode": 1, "identify": 1, "total": 2},
}


def read(**changed: object) -> Identification:
    return read_record(Identification, json.dumps({**ANSWER, **changed}))


def result(**changed: object) -> list[dict[str, Any]]:
    return [{**ANSWER["results"][0], **changed}]


def test_nested_records_are_read_and_whole_numbers_are_numbers() -> None:
    (photo,) = read().results
    assert type(photo.probability) is float
    # Not sent by an older service.
    of_older = {"animal": None, "quarter_turns": 0, "quality": None, "animals": None}
    lacking = of_older | dict.fromkeys(
        ("matches", "species", "new_probability", "calibrated_on", "thresholds")
    )
    assert asdict(photo) | {"matches": None, "species": None} == {
        **ANSWER["results"][0],
        **lacking,
    }
    assert photo.matches[0].individual == "w_0"


def test_new_fields_and_new_words_of_a_newer_service_are_let_through() -> None:
    answer = read(something_new=[1], results=result(decision="perhaps", hint="new"))
    assert answer.results[0].decision == "perhaps"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fingerprint": 3}, r"^the answer\.fingerprint is 3, which is unexpected: is this"),
        ({"catalogue_revision": "4"}, r"the answer\.catalogue_revision is 4, which"),
        ({"catalogue_revision": True}, r"the answer\.catalogue_revision is True, which"),
        ({"catalogue_revision": None}, r"the answer\.catalogue_revision is None, which"),
        ({"thresholds": {"known": 0.1}}, r"the answer\.thresholds has no new_whale: "),
        ({"thresholds": [1]}, r"the answer\.thresholds is \[1\], not an object"),
        ({"results": {}}, r"the answer\.results is {}, which is unexpected"),
        ({"results": result(decision=3)}, r"the answer\.results\[0\]\.decision is 3, which"),
        ({"results": result(probability="1")}, r"results\[0\]\.probability is 1, which"),
        ({"results": result(matches=[{}])}, r"the answer\.results\[0\]\.matches\[0\] has no rank"),
        ({"fingerprint": list(range(999))}, r"is \[0, 1, .{190,200} \.\.\., which"),
    ],
)
def test_what_is_absent_or_wrong_is_named(changed: dict[str, object], message: str) -> None:
    with pytest.raises(StrangeAnswer, match=message):
        read(**changed)


def test_a_body_that_is_no_record_is_refused() -> None:
    with pytest.raises(StrangeAnswer, match=r"the answer is no JSON \(<html>\): "):
        read_record(Ready, b"<html>")
    with pytest.raises(StrangeAnswer, match=r"the event is \[1\], not an object"):
        read_record(Ready, b"[1]", "the event")


def test_a_page_has_rows_and_the_next_cursor() -> None:
    def read(**answer: object) -> Any:
        body = json.dumps(answer).encode()
        return read_page(JobFault, body, rows="errors", cursor="next")

    page = read(errors=[{"file": "a.jpg", "reason": "is empty"}], next="a", total=9)
    assert page.rows == (JobFault("a.jpg", "is empty"),)
    assert page.next_cursor == "a"
    assert (read().rows, read().next_cursor) == ((), None)
    with pytest.raises(StrangeAnswer, match=r"the answer\.errors\[0\] has no reason"):
        read(errors=[{"file": "a.jpg"}])
    with pytest.raises(StrangeAnswer, match=r"the answer\.next is 3, which is unexpected"):
        read(next=3)
    with pytest.raises(StrangeAnswer, match=r"the answer is no JSON"):
        read_page(JobFault, b"<html>", rows="errors", cursor="next")
    with pytest.raises(StrangeAnswer, match=r"the answer is \[\], not an object"):
        read_page(JobFault, b"[]", rows="errors", cursor="next")


def test_only_a_problem_document_is_a_problem() -> None:
    problem = {"type": "/docs#problem-busy", "title": "Busy", "status": 503, "detail": "Wait."}
    assert read_problem(json.dumps(problem).encode()) is not None
    for body in (b"<html>", b"[]", b"{}", json.dumps({**problem, "status": "503"}).encode()):
        assert read_problem(body) is None
