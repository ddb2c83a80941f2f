"""Whatever is sent, the answer is one of the documented problems, never a failure of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from service.http.paging import encode_cursor
from service.http.problems import ProblemError
from service.schemas.curation_requests import (
    EncounterEdit,
    IndividualEdit,
    PhotoEdit,
    QueueForm,
    number_after,
    text_after,
)


def test_what_is_not_sent_stays_and_what_is_empty_says_nothing() -> None:
    assert IndividualEdit.model_validate({"sex": " ", "notes": "x "}).columns == {
        "sex": None,
        "notes": "x",
    }
    assert EncounterEdit.model_validate({"at": "2018:06:01 12:30:00"}).columns == {
        "at": "2018-06-01T12:30:00"
    }
    assert QueueForm(encounter="", taken_at="2018-06").taken_at == "2018-06"
    with pytest.raises(ValueError, match="nothing to change; give one of display_name, species"):
        IndividualEdit.model_validate({})


def test_cursors_of_one_s_own_making_are_bounded() -> None:
    assert text_after(None, "l") == ""
    assert number_after(None, "l") is None
    assert number_after(encode_cursor((2**80,), listing="l"), "l") == 2**31 - 1
    assert number_after(encode_cursor((-5,), listing="l"), "l") == 0
    assert text_after(encode_cursor(("\ud800",), listing="l"), "l") == "?"
    assert text_after(encode_cursor((None,), listing="l"), "l") == ""
    with pytest.raises(ProblemError):
        number_after(encode_cursor(("a",), listing="l"), "l")


def test_odd_requests_are_refused_not_failed(curated: Any, photo: Callable[..., bytes]) -> None:
    client = curated.client
    odd = ["%00", "%FF%FE", "a%0Ab", "%F0%9F%90%B3", "x" * 3000, "%2e%2e", "'", "%22;--"]
    for word in odd:
        for method, path, body in [
            ("GET", f"/v1/individuals/{word}", None),
            ("GET", f"/v1/individuals?search={word[:200]}&species={word[:200]}", None),
            ("GET", f"/v1/catalogue/photos?individual={word[:200]}", None),
            ("GET", f"/v1/changes?subject={word[:900]}", None),
            ("GET", f"/v1/individuals/next-id?pattern={word[:200]}", None),
            ("GET", f"/v1/queue?cursor={word}", None),
            ("DELETE", f"/v1/catalogue/photos/{word}", None),
            ("PATCH", f"/v1/individuals/{word}", {"notes": word}),
            ("POST", f"/v1/queue/{word}/confirm", {"individual": word[:200]}),
            ("POST", "/v1/individuals/w_0/rename", {"new": "\udc80"}),
        ]:
            content = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"}
            response = client.request(method, path, content=content, headers=headers)
            assert response.status_code in (200, 404, 409, 422), (method, path, response.text)
    for path in ("changes/99999999999999999999/undo", "changes/-1/undo"):
        assert client.post(f"/v1/{path}").status_code == 422
    assert (
        client.patch("/v1/encounters/99999999999999999999", json={"at": "2016"}).status_code == 422
    )
    assert client.get("/v1/catalogue/photos?encounter=99999999999999999999").status_code == 422


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("20210403", "2021-04-03"),
        ("2021-W13-6", "2021-04-03"),
        ("2021-04-03T14:05:00 +02:00", "2021-04-03T14:05:00+02:00"),
        ("2021-04-03T14:05:00,5", "2021-04-03T14:05:00.5"),
    ],
)
def test_times_come_to_one_form(sent: str, stored: str) -> None:
    assert QueueForm(taken_at=sent).taken_at == stored
    assert PhotoEdit(taken_at=sent).columns == {"taken_at": stored}
    assert EncounterEdit(at=sent).columns == {"at": stored}
