"""Sessions: found by their token, until they end or are ended."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from index.access.accounts.rows import SessionRow
from index.access.accounts.sessions import REMEMBERED_FOR, UNREMEMBERED_FOR, Sessions
from index.access.store import AccessStore
from index.access.tables import read

PASSWORD = "kelp tide lantern"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(access: AccessStore, clock: Clock) -> Sessions:
    return Sessions(access.sessions._engine, clock=clock)  # type: ignore[reportPrivateUsage]


@pytest.fixture
def account(access: AccessStore) -> object:
    token = access.invitations.invite("admin", made_by="a test").token
    return access.invitations.accept(token, "Ana", PASSWORD)


def test_a_session_is_found_by_its_token_alone(
    access: AccessStore, sessions: Sessions, account: object
) -> None:
    new = sessions.begin(account)
    found = sessions.find(new.token)
    assert found is not None
    assert (found.id, found.expires_at) == (new.session.id, "2026-06-02T00:00:00Z")
    (told,) = access.accounts.all()
    assert told.last_signed_in_at == "2026-06-01T12:00:00Z"
    other = sessions.begin(account)
    mixed = f"{new.session.id}_{other.token.partition('_')[2]}"
    for wrong in (new.token + "x", new.token.upper(), mixed, new.session.id, "", "é_é"):
        assert sessions.find(wrong) is None


def test_only_a_hash_of_the_token_is_stored(sessions: Sessions, account: object) -> None:
    secret = sessions.begin(account).token.partition("_")[2]
    (row,) = read(sessions._engine, select(*SessionRow.__table__.columns))  # type: ignore[reportPrivateUsage]
    assert row.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert len(secret) == 43, "256 bits in base64"


@pytest.mark.parametrize("is_remembered", [False, True])
def test_a_session_ends_by_itself(
    sessions: Sessions, account: object, clock: Clock, is_remembered: bool
) -> None:
    lasts = REMEMBERED_FOR if is_remembered else UNREMEMBERED_FOR
    new = sessions.begin(account, is_remembered=is_remembered)
    clock.now = NOON + lasts - timedelta(seconds=1)
    assert sessions.find(new.token) is not None
    clock.now = NOON + lasts
    assert sessions.find(new.token) is None
    kept = sessions.begin(account)
    (row,) = read(sessions._engine, select(SessionRow.id))  # type: ignore[reportPrivateUsage]
    assert row.id == kept.session.id, "those that ended are cleared away"


def test_one_or_all_sessions_are_ended(sessions: Sessions, account: object) -> None:
    one, two, three = (sessions.begin(account) for _ in range(3))
    sessions.end(one.session.id)
    assert [sessions.find(each.token) is None for each in (one, two, three)] == [True, False, False]
    assert sessions.end_all(two.session.account.id) == 2
    assert [sessions.find(each.token) for each in (two, three)] == [None, None]
