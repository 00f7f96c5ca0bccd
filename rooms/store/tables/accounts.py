"""Accounts, their roles and their sessions, as rows. Passwords are stored as argon2id, and session secrets only as digests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row


class Account(Row):
    """An account that can sign in. `person_id` is the person behind it."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    """The name to type at the sign-in, in lower case."""
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), unique=True)
    password: Mapped[str] = mapped_column(String(200), default="")
    """An argon2id hash. Empty: the account has no password."""
    must_change: Mapped[bool] = mapped_column(default=False)
    """A column of earlier releases, which required a new password in every session after a link was opened. No code reads it
    now.
    """
    totp_secret: Mapped[str] = mapped_column(String(200), default="")
    """Encrypted with the key of the installation."""
    totp_confirmed: Mapped[bool] = mapped_column(default=False)
    totp_last_step: Mapped[int] = mapped_column(default=0)
    """The last accepted TOTP step: a code is accepted only once."""
    recovery: Mapped[list[str]] = mapped_column(default=list)
    """Digests of one-time codes."""
    issuer: Mapped[str | None] = mapped_column(String(300))
    subject: Mapped[str | None] = mapped_column(String(300))
    """The OIDC issuer and subject of the account."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    language: Mapped[str] = mapped_column(String(2), default="vi")
    version: Mapped[int] = mapped_column(default=1)


class RoleGrant(Row):
    """A role in a unit and in all units below it, between two dates."""

    __tablename__ = "role_grant"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    granted_by: Mapped[str] = mapped_column(String(32))


class DeputyRole(Row):
    """A grant that a deputyship passes on. The person had the role when the deputyship was given."""

    __tablename__ = "deputy_role"

    deputy_id: Mapped[str] = mapped_column(ForeignKey("deputy.id", ondelete="CASCADE"), primary_key=True)
    """The deputyship."""
    grant_id: Mapped[str] = mapped_column(ForeignKey("role_grant.id", ondelete="CASCADE"), primary_key=True, index=True)


class SignIn(Row):
    """A session of a browser. The cookie holds the secret, and this row holds its digest."""

    __tablename__ = "sign_in"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")
    factors: Mapped[int] = mapped_column(default=1)
    """2: signed in with a second factor, here or at the issuer."""
    by_link: Mapped[bool] = mapped_column(default=False)
    """The user came by a link, and must choose a new password before anything else. The old password is not required."""


class SignInLink(Row):
    """A link that signs in once, for a new installation, a forgotten password or an invited account."""

    __tablename__ = "sign_in_link"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Client(Row):
    """Another system with its own key, for example the document system or the one-stop shop."""

    __tablename__ = "client"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    roles: Mapped[list[str]]
    key_digest: Mapped[str] = mapped_column(String(64), unique=True)
    webhook_secret: Mapped[str] = mapped_column(String(200), default="")
    """The encrypted secret for incoming webhooks."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    """The time from which the key is refused."""


class Preference(Row):
    """The settings that an account keeps for its screens."""

    __tablename__ = "preference"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    value: Mapped[dict[str, Any]]
