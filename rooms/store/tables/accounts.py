"""Accounts, what they may do and where, and who is signed in, as rows. Passwords as argon2id, sessions as digests only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row


class Account(Row):
    """Somebody who can sign in; `person_id` is who he is."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    """Typed at the sign-in: lower case."""
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), unique=True)
    password: Mapped[str] = mapped_column(String(200), default="")
    """argon2id; empty: no password."""
    must_change: Mapped[bool] = mapped_column(default=False)
    """Of earlier releases, which asked every session of an account for a new password once a link was opened. Not read."""
    totp_secret: Mapped[str] = mapped_column(String(200), default="")
    """Sealed with the key of the installation."""
    totp_confirmed: Mapped[bool] = mapped_column(default=False)
    totp_last_step: Mapped[int] = mapped_column(default=0)
    """A code counts once."""
    recovery: Mapped[list[str]] = mapped_column(default=list)
    """Digests of one-time codes."""
    issuer: Mapped[str | None] = mapped_column(String(300))
    subject: Mapped[str | None] = mapped_column(String(300))
    """OIDC."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    language: Mapped[str] = mapped_column(String(2), default="vi")
    version: Mapped[int] = mapped_column(default=1)


class RoleGrant(Row):
    """A role in a unit and all that is below it, between two dates."""

    __tablename__ = "role_grant"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    granted_by: Mapped[str] = mapped_column(String(32))


class DeputyRole(Row):
    """A grant that a deputyship passes on: its person had the role when the deputyship was given."""

    __tablename__ = "deputy_role"

    deputy_id: Mapped[str] = mapped_column(ForeignKey("deputy.id", ondelete="CASCADE"), primary_key=True)
    """The deputyship."""
    grant_id: Mapped[str] = mapped_column(ForeignKey("role_grant.id", ondelete="CASCADE"), primary_key=True, index=True)


class SignIn(Row):
    """A session of a browser. The cookie holds the secret, this row its digest."""

    __tablename__ = "sign_in"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")
    factors: Mapped[int] = mapped_column(default=1)
    """2: with TOTP."""
    by_link: Mapped[bool] = mapped_column(default=False)
    """He chooses a password, without the old one, before anything else."""


class SignInLink(Row):
    """A link that signs in once: the first one of a new installation, a forgotten password, an invited account."""

    __tablename__ = "sign_in_link"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Client(Row):
    """Another system with a key of its own: the document system, the one-stop shop."""

    __tablename__ = "client"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    roles: Mapped[list[str]]
    key_digest: Mapped[str] = mapped_column(String(64), unique=True)
    webhook_secret: Mapped[str] = mapped_column(String(200), default="")
    """Sealed; for webhooks that come in."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    """Its key no longer opens anything."""


class Preference(Row):
    """What one account keeps for its screens."""

    __tablename__ = "preference"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    value: Mapped[dict[str, Any]]
