"""A new individual's name that is nearly another's: taken, and told at every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_a_new_name_that_is_nearly_anothers_is_taken_and_told(
    curated: Any, photo: Callable[..., bytes]
) -> None:
    client = curated.client
    colours = {"a": 140, "b": 31, "c": 50, "d": 70}
    sent = [("photos", (f"{name}.png", photo(each))) for name, each in colours.items()]
    client.post("/v1/queue", files=sent)
    cards = {
        one["photos"][0]["name"]: one["key"]
        for one in client.get("/v1/queue/encounters").json()["encounters"]
    }
    for path, body in [
        ("queue/a.png/confirm", {"individual": "W_0"}),
        (f"queue/encounters/{cards['b.png']}/confirm", {"individual": "w_0\u200b"}),
        ("individuals/W_0/rename", {"new": "w_00"}),
        ("individuals/w_0/split", {"photos": ["w_0_b.png"], "new": "ｗ_0"}),
    ]:
        answer = client.post(f"/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        (told,) = answer.json()["warnings"]
        assert "makes a new individual, and differs from" in told
        assert "'w_0'" in told
    for name, whose in (("c.png", "w_0"), ("d.png", "w_00")):  # who have these names already
        answer = client.post(f"/v1/queue/{name}/confirm", json={"individual": whose})
        assert "warnings" not in answer.json()
