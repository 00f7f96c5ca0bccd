"""The sessions of browsers, and links that open one session once.

This module owns the rows. It returns a secret once and stores only its digest. It does not own cookies, rate limits or password
hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import limits
from rooms.errors import Refusal
from rooms.identifiers import digest, new_secret
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.accounts import Account, SignIn, SignInLink
from rooms.store.tables.columns import Utc


@dataclass(frozen=True)
class Signed:
    """A valid session and its account."""

    row: SignIn
    account: Account

    @property
    def needs_code(self) -> bool:
        """Report whether the account has an application and this browser has not given its code."""
        return self.account.totp_confirmed and self.row.factors < 2

    @property
    def must_change(self) -> bool:
        """Report whether a link opened this session. Such a session allows only one action: setting a new password.

        This is a property of the session, not of the account. If one user opens a link and stops there, a session with the
        password is not affected.
        """
        return self.row.by_link


async def named(session: AsyncSession, name: str) -> Account | None:
    """Return the account with the typed name. Capital letters, and blanks before and after the name, do not matter."""
    return await session.scalar(select(Account).where(Account.name == name.strip().lower()))


async def start(
    session: AsyncSession,
    account: Account,
    now: datetime,
    *,
    address: str = "",
    agent: str = "",
    factors: int = 1,
    by_link: bool = False,
) -> str:
    """Create a session and return its secret. At the limit, end the session that was unused for the longest time."""
    secret = new_secret()
    await _keep_few(session, account.id, now)
    session.add(
        SignIn(
            digest=digest(secret),
            account_id=account.id,
            created_at=now,
            seen_at=now,
            ends_at=now + limits.SESSION_LIFE,
            address=address[:64],
            agent=agent[:200],
            factors=factors,
            by_link=by_link,
        )
    )
    await session.flush()
    return secret


_SIGNED = (
    select(SignIn, Account)
    .join(Account, Account.id == SignIn.account_id)
    .where(SignIn.digest == bindparam("digest"), Account.active)
    .where(SignIn.ends_at > bindparam("now", type_=Utc), SignIn.seen_at > bindparam("seen", type_=Utc))
)
"""This query is built once, because every request runs it."""


async def signed(session: AsyncSession, secret: str, now: datetime) -> Signed | None:
    """Return the session of this secret. Return None if it ended, was idle for too long, or its account is locked."""
    given = {"digest": digest(secret), "now": now, "seen": now - limits.SESSION_IDLE}
    found = (await session.execute(_SIGNED, given)).first()
    return Signed(found[0], found[1]) if found else None


async def seen(session: AsyncSession, row_digest: str, now: datetime) -> None:
    """Store the time of the last use of the session."""
    await session.execute(update(SignIn).where(SignIn.digest == row_digest).values(seen_at=now))


async def upgrade(session: AsyncSession, signed_in: Signed, now: datetime) -> str:
    """Replace the session after a valid second factor. Return the secret of the new session, which has both factors.

    A copy of the old secret is no longer valid (ASVS 7.2.4).
    """
    row = signed_in.row
    await session.execute(delete(SignIn).where(SignIn.digest == row.digest))
    return await start(
        session, signed_in.account, now, address=row.address, agent=row.agent, factors=2, by_link=row.by_link
    )


async def weaken(session: AsyncSession, row_digest: str) -> None:
    """Set the session back to one factor, because the application was removed."""
    await session.execute(update(SignIn).where(SignIn.digest == row_digest).values(factors=1))


async def end(session: AsyncSession, row_digest: str) -> None:
    await session.execute(delete(SignIn).where(SignIn.digest == row_digest))


async def end_all(session: AsyncSession, account_id: str, keep: str = "") -> None:
    """End all sessions of the account, except the session with the digest `keep`."""
    await session.execute(delete(SignIn).where(SignIn.account_id == account_id, SignIn.digest != keep))


async def sessions(session: AsyncSession, account_id: str, now: datetime) -> Sequence[SignIn]:
    """Return the valid sessions, the last used first."""
    found = await session.scalars(
        select(SignIn)
        .where(SignIn.account_id == account_id, SignIn.ends_at > now, SignIn.seen_at > now - limits.SESSION_IDLE)
        .order_by(SignIn.seen_at.desc())
    )
    return found.all()


async def forget_ended(session: AsyncSession, now: datetime) -> None:
    """Delete the rows of ended sessions and links."""
    await session.execute(delete(SignIn).where((SignIn.ends_at <= now) | (SignIn.seen_at <= now - limits.SESSION_IDLE)))
    await session.execute(delete(SignInLink).where(SignInLink.ends_at <= now))


async def new_link(session: AsyncSession, account: Account, actor: Actor, now: datetime) -> tuple[str, datetime]:
    """Return (secret, end) of a new link. The caller checks the right to create the link."""
    open_ones = (
        await session.scalars(
            select(SignInLink.digest)
            .where(SignInLink.account_id == account.id, SignInLink.used_at.is_(None), SignInLink.ends_at > now)
            .order_by(SignInLink.ends_at.desc())
        )
    ).all()
    await session.execute(delete(SignInLink).where(SignInLink.digest.in_(open_ones[limits.LINKS - 1 :])))
    secret, ends_at = new_secret(), now + limits.LINK_LIFE
    session.add(SignInLink(digest=digest(secret), account_id=account.id, ends_at=ends_at))
    await session.flush()
    await audit.record(session, now, actor, "accounts.link", "account", account.id)
    return secret, ends_at


async def use_link(
    session: AsyncSession, secret: str, now: datetime, *, address: str = "", agent: str = ""
) -> tuple[Account, str]:
    """Use a link, which is valid once. Return (account, secret of its session). Raise Refusal `link_dead`.

    This session must set a new password. The old password stays valid until then.
    """
    taken = await session.execute(
        update(SignInLink)
        .where(SignInLink.digest == digest(secret), SignInLink.used_at.is_(None), SignInLink.ends_at > now)
        .values(used_at=now)
        .returning(SignInLink.account_id)
    )
    account_id = taken.scalar_one_or_none()
    account = await session.get(Account, account_id) if account_id else None
    if account is None or not account.active:
        raise Refusal(
            "link_dead",
            "Đường dẫn đăng nhập đã dùng rồi hoặc đã hết hạn. Hãy xin quản trị viên đường dẫn mới, "
            "hoặc chạy `diemcau user link` trên máy chủ.",
            "this sign-in link was used or has expired: ask an administrator for a new link, "
            "or run `diemcau user link` on the server",
        )
    opened = await start(session, account, now, address=address, agent=agent, by_link=True)
    actor = Actor("account", account.id, account.person_id or "", address=address)
    await audit.record(session, now, actor, "session.link", "account", account.id)
    return account, opened


async def set_password(
    session: AsyncSession, account: Account, hashed: str, actor: Actor, now: datetime, keep: str = ""
) -> None:
    """Set a new password. `hashed`: argon2id. End all sessions of this account except the session with the digest `keep`.
    Delete its open links.
    """
    account.password = hashed
    await end_all(session, account.id, keep)
    if keep:
        await session.execute(update(SignIn).where(SignIn.digest == keep).values(by_link=False))
    await session.execute(delete(SignInLink).where(SignInLink.account_id == account.id))
    await audit.record(session, now, actor, "accounts.password", "account", account.id)


async def _keep_few(session: AsyncSession, account_id: str, now: datetime) -> None:
    """Delete the sessions that were unused for the longest time, so that one more session fits."""
    kept = [row.digest for row in await sessions(session, account_id, now)][: limits.SESSIONS - 1]
    await session.execute(delete(SignIn).where(SignIn.account_id == account_id, SignIn.digest.not_in(kept)))
