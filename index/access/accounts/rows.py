"""The tables of accounts, sessions and invitations. Part of SQLAlchemy's door."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from index.storage.schema import Table


class AccountRow(Table):
    """A person who signs in: an Argon2id hash of the password, never the password.

    A deactivated one stays, so that its name keeps its meaning. `folded_name` is unique: names that
    differ in case alone are one.
    """

    __tablename__ = "accounts"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    folded_name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[str]
    last_signed_in_at: Mapped[str | None]
    deactivated_at: Mapped[str | None]


class SessionRow(Table):
    """One device that is signed in: the SHA-256 of its secret. Deleted when it ends."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    secret_hash: Mapped[str]
    created_at: Mapped[str]
    expires_at: Mapped[str]


class InvitationRow(Table):
    """A link that makes an account once, or gives one a new password (`account_id`).

    The SHA-256 of its secret. Deleted when it is used or withdrawn. `made_by` is a name.
    """

    __tablename__ = "invitations"
    id: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    name: Mapped[str | None]
    account_id: Mapped[str | None]
    secret_hash: Mapped[str]
    made_by: Mapped[str]
    created_at: Mapped[str]
    expires_at: Mapped[str]
