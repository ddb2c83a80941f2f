"""Damaged photos are answered, and what is damaged is told beside the answer."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def jpeg_of(degrees: int, *, share: float = 1.0) -> bytes:
    """A JPEG that RedEmbedder sees at the angle, of whose file only a share is there."""
    file = io.BytesIO()
    Image.new("RGB", (900, 600), (degrees, 0, 0)).save(file, "JPEG", quality=95)
    data = file.getvalue()
    return data if share == 1 else data[: int(len(data) * share)] + b"\xff\xd9"


def test_identify_tells_what_is_damaged(client: Any) -> None:
    files = [("photos", (f"{share}.jpg", jpeg_of(30, share=share))) for share in (1.0, 0.7)]
    whole, cut = client.post("/v1/identify", files=files).json()["results"]
    assert (whole["decision"], cut["decision"]) == ("known", "known")
    assert "damaged" not in whole["reason"]
    assert cut["reason"].startswith(whole["reason"].partition(" (")[0])
    assert "The photo is damaged: pixels are missing or damaged (" in cut["reason"]


def test_a_photo_without_its_end_marker_is_answered(client: Any) -> None:
    sent = client.post("/v1/identify", files=[("photos", ("a.jpg", jpeg_of(30)[:-2]))])
    assert sent.status_code == 200, sent.text
    assert "damaged" not in sent.json()["results"][0]["reason"]


def test_verify_tells_which_of_the_two_is_damaged(client: Any) -> None:
    whole, cut = ("a.jpg", jpeg_of(30)), ("b.jpg", jpeg_of(30, share=0.7))
    for sent, reference, told in (
        (cut, whole, "The photo is damaged: "),
        (whole, cut, "The reference is damaged: "),
    ):
        answer = client.post("/v1/verify", files=[("photos", sent), ("reference", reference)])
        reason = answer.json()["results"][0]["reason"]
        assert told in reason and reason.count("is damaged") == 1
    fields = {"individual": "w_30"}
    answer = client.post("/v1/verify", files=[("photos", whole), ("photos", cut)], data=fields)
    reasons = [each["reason"] for each in answer.json()["results"]]
    assert ["is damaged" in reason for reason in reasons] == [False, True]


def test_a_raw_file_is_refused_with_what_to_do(client: Any) -> None:
    file = io.BytesIO()
    Image.new("RGB", (160, 80)).save(file, "TIFF")
    sent = client.post("/v1/identify", files=[("photos", ("a.NEF", file.getvalue()))])
    assert sent.json()["type"].endswith("bad-photos")
    assert "only a preview of 160 x 80 px could be read; export" in sent.text
