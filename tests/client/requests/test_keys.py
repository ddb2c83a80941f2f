"""Keys made, listed and revoked by both clients."""

from __future__ import annotations

import asyncio

import pytest

from client import AsyncClient, Client
from client.errors import Invalid, NotAllowed, NotFound


def test_a_key_is_made_listed_and_revoked(keyed_url: str) -> None:
    with Client(keyed_url) as first:
        assert first.keys() == ()
        with pytest.raises(Invalid, match="the first key locks the service"):
            first.make_key("Ana", "curate")
        admin = first.make_key("Ada", "admin")
        assert admin.secret.startswith(f"flk_{admin.id}_")
        assert admin.secret not in repr(admin)
        with pytest.raises(NotAllowed):
            first.keys()
    with Client(keyed_url, admin.secret) as client:
        reader = client.make_key("Ana", "read")
        listed = client.keys()
        assert [(key.name, key.role, key.revoked_at) for key in listed] == [
            ("Ada", "admin", None),
            ("Ana", "read", None),
        ]
        with Client(keyed_url, reader.secret) as reading:
            assert reading.stats().individuals == 3
            assert client.revoke_key(reader.id).revoked_at is not None
            with pytest.raises(NotAllowed):
                reading.stats()
        with pytest.raises(NotFound):
            client.revoke_key(reader.id)


def test_the_same_awaited(keyed_url: str) -> None:
    async def scenario() -> None:
        async with AsyncClient(keyed_url) as first:
            admin = await first.make_key("Ada", "admin")
        async with AsyncClient(keyed_url, admin.secret) as client:
            made = await client.make_key("Ana", "curate")
            assert [key.id for key in await client.keys()] == [admin.id, made.id]
            assert (await client.revoke_key(made.id)).id == made.id

    asyncio.run(scenario())


def test_checkpoints_are_listed_for_an_admin(keyed_url: str) -> None:
    with Client(keyed_url) as client:
        assert client.checkpoints() == ()
