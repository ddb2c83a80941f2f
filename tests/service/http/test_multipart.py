"""What a form takes, and how it is described."""

from __future__ import annotations

import io

import pytest
from pydantic import Field
from starlette.datastructures import FormData, UploadFile

from service.http.multipart import (
    PHOTOS_FIELD,
    REFERENCE_FIELD,
    FileField,
    Form,
    read_form,
    request_body,
    uploads_in,
)
from service.http.problems import ProblemError


class Season(Form):
    whale: str = Field("w_1", description="Who.")
    years: tuple[int, ...] = Field((), description="When.")


def sent(*fields: tuple[str, str | bytes]) -> FormData:
    return FormData(
        [
            (
                name,
                value
                if isinstance(value, str)
                else UploadFile(io.BytesIO(value), filename=f"{name}.png"),
            )
            for name, value in fields
        ]
    )


def test_single_and_repeated_fields_are_read() -> None:
    form = read_form(
        sent(("whale", "w_2"), ("years", "2018"), ("years", "2016"), ("photos", b"x")),
        Season,
        PHOTOS_FIELD,
    )
    assert (form.whale, form.years) == ("w_2", (2018, 2016))
    assert read_form(sent(), Season) == Season()


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ([("whale", "a"), ("whale", "b")], {"whale": "given 2 times; give it once"}),
        ([("whale", b"a")], {"whale": "came as a file; send it as text"}),
        ([("years", "2018"), ("years", b"a")], {"years": "came as a file; send it as text"}),
        ([("wale", "a")], {"wale": "unknown; the fields are photos, whale, years"}),
        (
            [("wale", "a"), ("years", "x")],
            {"wale": "unknown; the fields are photos, whale, years", "years": "integer"},
        ),
    ],
)
def test_every_fault_is_named_at_once(
    fields: list[tuple[str, str | bytes]], faults: dict[str, str]
) -> None:
    with pytest.raises(ProblemError) as refused:
        read_form(sent(*fields), Season, PHOTOS_FIELD)
    assert [fault.field for fault in refused.value.errors] == list(faults)
    assert all(faults[fault.field or ""] in fault.reason for fault in refused.value.errors)


def test_photos_are_known_by_their_place_others_by_their_field() -> None:
    form = sent(("photos", b"a"), ("photos", b"b"), ("reference", b"c"))
    first, second = uploads_in(form, PHOTOS_FIELD, 5)
    (reference,) = uploads_in(form, REFERENCE_FIELD, 5)
    assert [first.field, second.field, reference.field] == [None, None, "reference"]
    assert (second.file.read(), reference.name) == (b"b", "reference.png")


@pytest.mark.parametrize(
    ("field", "fields", "said"),
    [
        (PHOTOS_FIELD, [], "no photo was sent"),
        (PHOTOS_FIELD, [("photos", b"a")] * 3, "at most 2"),
        (PHOTOS_FIELD, [("photos", "a.jpg")], "-F photos=@fluke.jpg"),
        (REFERENCE_FIELD, [("reference", b"a")] * 2, "at most 1"),
    ],
)
def test_files_that_are_too_few_too_many_or_none(
    field: FileField, fields: list[tuple[str, str | bytes]], said: str
) -> None:
    with pytest.raises(ProblemError, match=said):
        uploads_in(sent(*fields), field, 2)


def test_a_field_that_may_be_left_out_gives_no_file() -> None:
    assert uploads_in(sent(), REFERENCE_FIELD, 1) == []


def test_a_form_is_described_with_its_files_first() -> None:
    body = request_body("SeasonRequest", Season, PHOTOS_FIELD, REFERENCE_FIELD)["requestBody"]
    schema = body["content"]["multipart/form-data"]["schema"]
    assert (schema["title"], schema["required"], body["required"]) == (
        "SeasonRequest",
        ["photos"],
        True,
    )
    assert list(schema["properties"]) == ["photos", "reference", "whale", "years"]
    assert schema["properties"]["photos"]["items"] == {"type": "string", "format": "binary"}
    assert schema["properties"]["reference"]["format"] == "binary"
    assert schema["additionalProperties"] is False
