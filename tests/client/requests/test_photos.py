"""What can be asked is what the service takes: no field of its forms is missing, none is made
up.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from client.requests.catalogue import send_photos
from client.requests.photos import embed, explain, identify, locate, verify
from service.schemas.curation_requests import QueueForm
from service.schemas.identify import IdentifyForm
from service.schemas.verify import EmbedForm, ExplainForm, LocateForm, VerifyForm


@pytest.mark.parametrize(
    ("describe", "form", "files"),
    [
        (identify, IdentifyForm, {"photos"}),
        (verify, VerifyForm, {"photos", "reference"}),
        (locate, LocateForm, {"photos"}),
        (embed, EmbedForm, {"photos"}),
        (explain, ExplainForm, {"photo", "reference"}),
        (send_photos, QueueForm, {"photos"}),
    ],
)
def test_every_field_of_a_form_can_be_given(
    describe: Callable[..., Any], form: Any, files: set[str]
) -> None:
    assert set(inspect.signature(describe).parameters) == {*form.model_fields, *files}


def test_a_picture_comes_with_its_distance() -> None:
    import httpx

    from client.errors import StrangeAnswer

    request = explain(("a.jpg", b"1"), catalogue_photo="b.jpg")
    assert request.form == {"catalogue_photo": "b.jpg"}
    explanation = request.read(httpx.Response(200, content=b"png", headers={"X-Distance": "0.25"}))
    assert (explanation.png, explanation.distance) == (b"png", 0.25)
    with pytest.raises(StrangeAnswer, match="without a distance"):
        request.read(httpx.Response(200, content=b"png"))
