"""People invited and their accounts changed by a client with a key."""

from __future__ import annotations

import pytest

from client import Client
from client.errors import Invalid, NotFound


def test_an_account_is_invited_listed_and_changed(keyed_url: str) -> None:
    with Client(keyed_url) as first:
        with pytest.raises(Invalid, match="give it the role admin"):
            first.invite("curate")
        admin = first.make_key("a program", "admin")
    with Client(keyed_url, admin.secret) as client:
        assert client.accounts() == ()
        made = client.invite("curate", name="Ana", days=2)
        assert made.path == f"/#/invitation/{made.token}"
        assert (made.made_by, made.token in repr(made)) == ("a program", False)
        for change in ({"role": "read"}, {"is_active": False}):
            with pytest.raises(NotFound):
                client.change_account("nobody", **change)
        with pytest.raises(NotFound):
            client.invite_again("nobody")
