"""Cards of review through the client, against the real service over a real socket."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from client import Client
from client.errors import Conflict, NotFound

Photo = Callable[..., bytes]


def test_cards_are_listed_joined_split_confirmed_and_rejected(client: Client, photo: Photo) -> None:
    client.send_photos([photo(31), photo(33)], encounter="e9")
    client.send_photos(photo(140))
    first, alone = client.cards()
    assert (first.encounter, len(first.photos), first.individual) == ("e9", 2, "w_30")
    opened = client.card(first.key, k=2)
    assert opened.answer is not None
    assert [match["individual"] for match in opened.answer["matches"]] == ["w_30", "w_0"]
    joined = client.join_cards(first.key, alone.key)
    assert joined.encounters == (first.key,)
    (only,) = client.cards(filters={"individual": "w_90"}, sort="size", descending=True)
    names = [each.name for each in only.photos]
    (own,) = client.split_card(only.key, names[-1:]).encounters
    with pytest.raises(Conflict):
        client.confirm_card(own, "w_9", photos=names)
    assert client.confirm_card(own, "w_9", photos=names[-1:]).photos == tuple(names[-1:])
    with pytest.raises(NotFound):
        client.card(own)
    with pytest.raises(Conflict, match="look at the list again"):
        client.confirm_many({}, revision=opened.revision or 0, count=1)
    assert len(client.reject_card(first.key, reason="blurred").photos) == 2
    assert list(client.cards()) == []


def test_another_animal_of_a_photo_gets_a_card(client: Client, photo: Photo) -> None:
    (sent,) = client.send_photos(photo(31)).photos
    left, right = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
    client.edit_photo(sent.name, {"box": left})
    added = client.add_animal(sent.name, right)
    card = client.card(added.encounter)
    assert [each.name for each in card.photos] == [added.photo]
    (other,) = card.same_pictures
    assert (other.name, other.of, other.box, other.state) == (
        sent.name,
        added.photo,
        left,
        "waiting",
    )
