"""Accounts: signed in to by name and password, changed by admins, never without an admin."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from index.access.accounts.accounts import Account, BadAccount, NoSuchAccount
from index.access.accounts.invitations import NoSuchInvitation
from index.access.accounts.rows import AccountRow
from index.access.keys import BadKey
from index.access.store import AccessStore
from index.access.tables import read, write_transaction

PASSWORD = "kelp tide lantern"


def made(access: AccessStore, name: str, role: str = "admin") -> Account:
    return access.invitations.accept(
        access.invitations.invite(role, made_by="a test").token, name, PASSWORD
    )


def test_a_catalogue_without_accounts_knows_nobody(access: AccessStore) -> None:
    assert (access.accounts.all(), access.accounts.has_any()) == ([], False)
    assert access.accounts.check("Ana", PASSWORD) is None
    assert access.sessions.find("1234_x") is None
    assert access.invitations.all() == []
    assert not access.has_anybody()
    access.keys.create("Ana", "admin")
    assert access.has_anybody()


def test_an_account_alone_is_somebody(access: AccessStore) -> None:
    made(access, "Ana")
    assert (access.keys.has_any(), access.accounts.has_any()) == (False, True)
    assert access.has_anybody()


def test_tables_of_an_older_flukeprint_are_completed(access: AccessStore) -> None:
    access.keys.create("Ana", "admin")
    engine = access.accounts._engine  # type: ignore[reportPrivateUsage]
    with write_transaction(engine) as connection:
        for table in ("accounts", "sessions", "invitations"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    assert (access.accounts.all(), access.sessions.find("1_x")) == ([], None)
    assert made(access, "Ben") in access.accounts.all()


def test_name_and_password_open_an_account_whatever_the_names_case(access: AccessStore) -> None:
    ana = made(access, "Ana María O'Neill")
    for name in ("Ana María O'Neill", "ana mari\u0301a o'neill", "ANA MARÍA O'NEILL"):
        found = access.accounts.check(name, PASSWORD)
        assert found is not None
        assert found.id == ana.id
    assert access.accounts.check(ana.name, PASSWORD + "s") is None
    assert access.accounts.check("Ben", PASSWORD) is None


def test_no_password_is_stored(access: AccessStore) -> None:
    ana = made(access, "Ana")
    (row,) = read(access.accounts._engine, select(*AccountRow.__table__.columns))  # type: ignore[reportPrivateUsage]
    assert row.id == ana.id
    assert row.password_hash.startswith("$argon2id$")
    assert not [cell for cell in row if cell is not None and PASSWORD in str(cell)]


def test_a_weak_hash_is_made_anew_at_the_next_signing_in(access: AccessStore) -> None:
    from argon2 import PasswordHasher

    made(access, "Ana")
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, salt_len=8).hash(PASSWORD)
    engine = access.accounts._engine  # type: ignore[reportPrivateUsage]
    with write_transaction(engine) as connection:
        connection.execute(update(AccountRow).values(password_hash=weak))
    assert access.accounts.check("Ana", PASSWORD) is not None
    (row,) = read(engine, select(AccountRow.password_hash))
    assert row.password_hash != weak
    assert access.accounts.check("Ana", PASSWORD) is not None


def test_a_change_of_password_needs_the_old_one_and_ends_other_sessions(
    access: AccessStore,
) -> None:
    ana = made(access, "Ana")
    here, there = access.sessions.begin(ana), access.sessions.begin(ana)
    change = access.accounts.change_password
    assert not change(ana.id, "another one at all", "moon over the reef")
    assert not change("unknown", PASSWORD, "moon over the reef")
    with pytest.raises(BadAccount, match="at least 15"):
        change(ana.id, PASSWORD, "short")
    assert access.sessions.find(there.token) is not None
    link = access.invitations.invite_again(ana.id, made_by="Ana")
    assert change(ana.id, PASSWORD, "moon over the reef", keep_session=here.session.id)
    with pytest.raises(NoSuchInvitation):  # it would let its holder in again
        access.invitations.find(link.token)
    assert access.sessions.find(here.token) is not None
    assert access.sessions.find(there.token) is None
    assert access.accounts.check("Ana", PASSWORD) is None
    assert access.accounts.check("Ana", "moon over the reef") is not None


def test_a_role_counts_for_sessions_at_once(access: AccessStore) -> None:
    made(access, "Ana")
    ben = made(access, "Ben", "read")
    token = access.sessions.begin(ben).token
    assert access.accounts.set_role("ben", "curate").role == "curate"
    found = access.sessions.find(token)
    assert found is not None
    assert found.account.role == "curate"
    with pytest.raises(BadAccount, match="'owner' is no role"):
        access.accounts.set_role("Ben", "owner")
    with pytest.raises(NoSuchAccount, match="'Cora'"):
        access.accounts.set_role("Cora", "read")
    with pytest.raises(NoSuchAccount):
        access.accounts.find("Cora")


def test_a_deactivated_account_opens_nothing_until_it_is_activated(access: AccessStore) -> None:
    made(access, "Ana")
    ben = made(access, "Ben", "admin")
    token = access.sessions.begin(ben).token
    link = access.invitations.invite_again("Ben", made_by="Ana").token
    own_link = access.invitations.invite("admin", made_by="Ben").token
    assert not access.accounts.deactivate("Ben").is_active
    assert access.sessions.find(token) is None
    assert access.accounts.check("Ben", PASSWORD) is None
    for one in (link, own_link):
        with pytest.raises(BadAccount, match="used or withdrawn"):
            access.invitations.accept(one, "Eve", PASSWORD)
    with pytest.raises(BadAccount, match="activate it first"):
        access.invitations.invite_again("Ben", made_by="Ana")
    assert access.accounts.activate(ben.id).is_active
    assert access.sessions.find(token) is None, "sessions that ended stay ended"
    assert access.accounts.check("Ben", PASSWORD) is not None


def test_the_last_admin_stays(access: AccessStore) -> None:
    ana, ben = made(access, "Ana"), made(access, "Ben")
    access.accounts.deactivate(ben.id)
    with pytest.raises(BadAccount, match="Ana is the last admin"):
        access.accounts.deactivate(ana.id)
    with pytest.raises(BadAccount, match="Ana is the last admin"):
        access.accounts.set_role(ana.id, "curate")
    assert access.accounts.set_role(ana.id, "admin").role == "admin"
    access.accounts.activate(ben.id)
    assert access.accounts.set_role(ana.id, "read").role == "read"
    assert access.accounts.deactivate(ana.id).role == "read"


def test_who_may_not_invite_any_more_has_no_link_left(access: AccessStore) -> None:
    made(access, "Ana")
    made(access, "Ben")
    key = access.keys.create("a program", "admin").key
    for maker in ("Ben", "a program"):
        access.invitations.invite("admin", made_by=maker)
    access.accounts.set_role("Ben", "curate")
    access.keys.revoke(key.id)
    assert access.invitations.all() == []


def test_a_key_and_an_account_in_use_never_share_a_name(access: AccessStore) -> None:
    made(access, "Ana")
    with pytest.raises(BadKey, match="'ANA script'"):
        access.keys.create("ANA", "read")
    access.keys.create("Ben", "read")
    token = access.invitations.invite("read", made_by="Ana").token
    with pytest.raises(BadAccount, match="a key in use is named 'ben'"):
        access.invitations.accept(token, "ben", PASSWORD)
    access.keys.revoke("Ben")
    assert access.invitations.accept(token, "ben", PASSWORD).name == "ben"
