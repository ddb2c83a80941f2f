"""Invitations: good once, for some days, for one role."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from index.access.accounts.accounts import BadAccount, NoSuchAccount
from index.access.accounts.invitations import Invitations, NoSuchInvitation
from index.access.store import AccessStore

PASSWORD = "kelp tide lantern"


def test_a_link_makes_one_account_once(access: AccessStore) -> None:
    new = access.invitations.invite("admin", made_by="local", name="Ana")
    assert access.invitations.all() == [new.invitation]
    assert access.invitations.find(new.token) == new.invitation
    account = access.invitations.accept(new.token, "Ana B", PASSWORD)
    assert (account.name, account.role) == ("Ana B", "admin")
    assert access.invitations.all() == []
    with pytest.raises(NoSuchInvitation, match="ask an administrator for a new one"):
        access.invitations.accept(new.token, "Eve", PASSWORD)


def test_of_two_who_use_a_link_at_once_one_gets_an_account(access: AccessStore) -> None:
    token = access.invitations.invite("admin", made_by="local").token
    start = threading.Barrier(2)

    def accept(name: str) -> Any:
        start.wait()
        try:
            return access.invitations.accept(token, name, PASSWORD)
        except NoSuchInvitation as error:
            return error

    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(accept, ("Ana", "Eve")))
    assert sum(isinstance(one, NoSuchInvitation) for one in answers) == 1
    assert len(access.accounts.all()) == 1


@pytest.mark.parametrize(
    ("name", "password", "says"),
    [
        ("Ana", "short", "at least 15"),
        ("", PASSWORD, "1 to 64 letters"),
        ("local", PASSWORD, "choose another name"),
        ("the FIRST", PASSWORD, "an account is named 'The first' already"),
        (None, PASSWORD, "1 to 64 letters"),
    ],
)
def test_after_a_bad_name_or_password_the_link_stays_good(
    access: AccessStore, name: str | None, password: str, says: str
) -> None:
    first = access.invitations.invite("admin", made_by="local").token
    access.invitations.accept(first, "The first", PASSWORD)
    token = access.invitations.invite("read", made_by="The first").token
    with pytest.raises(BadAccount, match=says):
        access.invitations.accept(token, name, password)
    assert access.invitations.accept(token, "Ana", PASSWORD).name == "Ana"


def test_a_link_has_an_end_and_can_be_withdrawn(access: AccessStore) -> None:
    now = [datetime(2026, 6, 1, tzinfo=UTC)]
    engine = access.invitations._engine  # type: ignore[reportPrivateUsage]
    invitations = Invitations(engine, clock=lambda: now[0])
    late = invitations.invite("admin", made_by="local", days=2)
    withdrawn = invitations.invite("admin", made_by="local", days=3)
    assert invitations.withdraw(withdrawn.invitation.id) == withdrawn.invitation
    now[0] += timedelta(days=2)
    assert invitations.all() == []
    for token in (late.token, withdrawn.token, late.token[:-1], "x"):
        with pytest.raises(NoSuchInvitation):
            invitations.find(token)
        with pytest.raises(NoSuchInvitation):
            invitations.accept(token, "Eve", PASSWORD)
    with pytest.raises(NoSuchInvitation, match="no open invitation"):
        invitations.withdraw(withdrawn.invitation.id)


@pytest.mark.parametrize("days", [0, 31, -1])
def test_a_link_is_good_for_a_month_at_most(access: AccessStore, days: int) -> None:
    with pytest.raises(BadAccount, match="1 to 30 days"):
        access.invitations.invite("admin", made_by="local", days=days)


def test_the_first_account_is_an_admins(access: AccessStore) -> None:
    with pytest.raises(BadAccount, match="give it the role admin"):
        access.invitations.invite("curate", made_by="local")
    access.keys.create("Ana", "admin")
    assert access.invitations.invite("curate", made_by="Ana").invitation.role == "curate"
    with pytest.raises(BadAccount, match="no role"):
        access.invitations.invite("owner", made_by="Ana")


def test_a_link_for_an_account_sets_its_password_and_signs_its_devices_out(
    access: AccessStore,
) -> None:
    first = access.invitations.invite("admin", made_by="local").token
    ana = access.invitations.accept(first, "Ana", PASSWORD)
    session = access.sessions.begin(ana)
    earlier = access.invitations.invite_again("ana", made_by="Ana")
    new = access.invitations.invite_again(ana.id, made_by="Ana")
    assert (new.invitation.name, new.invitation.account_id) == ("Ana", ana.id)
    with pytest.raises(NoSuchInvitation):
        access.invitations.find(earlier.token)
    assert access.invitations.accept(new.token, "Eve", "moon over the reef").name == "Ana"
    assert access.sessions.find(session.token) is None
    assert access.accounts.check("Ana", PASSWORD) is None
    assert access.accounts.check("Ana", "moon over the reef") is not None
    with pytest.raises(NoSuchAccount, match="'Cora'"):
        access.invitations.invite_again("Cora", made_by="Ana")
