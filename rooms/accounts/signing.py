"""Who is signed in where: sessions of browsers, and links that open one once.

Owns the rows; a secret leaves this file once, and only its digest stays. Does not own cookies, throttles or passwords' hashes.
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
    """A session that counts, and whose it is."""

    row: SignIn
    account: Account

    @property
    def needs_code(self) -> bool:
        """An application is set up, and this browser has not shown its code."""
        return self.account.totp_confirmed and self.row.factors < 2

    @property
    def must_change(self) -> bool:
        """A link opened this session: nothing but a new password is open to it. Of the session, not of the account: a link that
        somebody opens and leaves asks nothing of whoever knows the password.
        """
        return self.row.by_link


async def named(session: AsyncSession, name: str) -> Account | None:
    """The account that somebody types; capital letters and blanks around do not matter."""
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
    """The secret of a new session. The account's longest unseen one ends when there are too many."""
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
"""Built once: every request asks it."""


async def signed(session: AsyncSession, secret: str, now: datetime) -> Signed | None:
    """The session of this secret, unless it is over, was idle too long or its account is switched off."""
    given = {"digest": digest(secret), "now": now, "seen": now - limits.SESSION_IDLE}
    found = (await session.execute(_SIGNED, given)).first()
    return Signed(found[0], found[1]) if found else None


async def seen(session: AsyncSession, row_digest: str, now: datetime) -> None:
    """It was used."""
    await session.execute(update(SignIn).where(SignIn.digest == row_digest).values(seen_at=now))


async def upgrade(session: AsyncSession, signed_in: Signed, now: datetime) -> str:
    """The second factor was shown: a new secret with both factors takes the place of the old one, so that whoever had
    noted the old one has nothing (ASVS 7.2.4).
    """
    row = signed_in.row
    await session.execute(delete(SignIn).where(SignIn.digest == row.digest))
    return await start(
        session, signed_in.account, now, address=row.address, agent=row.agent, factors=2, by_link=row.by_link
    )


async def weaken(session: AsyncSession, row_digest: str) -> None:
    """The application is gone: this session counts as one with a password only."""
    await session.execute(update(SignIn).where(SignIn.digest == row_digest).values(factors=1))


async def end(session: AsyncSession, row_digest: str) -> None:
    await session.execute(delete(SignIn).where(SignIn.digest == row_digest))


async def end_all(session: AsyncSession, account_id: str, keep: str = "") -> None:
    """Sign out everywhere, but for the session with the digest `keep`."""
    await session.execute(delete(SignIn).where(SignIn.account_id == account_id, SignIn.digest != keep))


async def sessions(session: AsyncSession, account_id: str, now: datetime) -> Sequence[SignIn]:
    """Those that count, the last used first."""
    found = await session.scalars(
        select(SignIn)
        .where(SignIn.account_id == account_id, SignIn.ends_at > now, SignIn.seen_at > now - limits.SESSION_IDLE)
        .order_by(SignIn.seen_at.desc())
    )
    return found.all()


async def forget_ended(session: AsyncSession, now: datetime) -> None:
    """Rows that count for nothing any more."""
    await session.execute(delete(SignIn).where((SignIn.ends_at <= now) | (SignIn.seen_at <= now - limits.SESSION_IDLE)))
    await session.execute(delete(SignInLink).where(SignInLink.ends_at <= now))


async def new_link(session: AsyncSession, account: Account, actor: Actor, now: datetime) -> tuple[str, datetime]:
    """(secret, its end). Who may ask is checked by the caller."""
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
    """(account, secret of its session): counts once. Raises Refusal `link_dead`. That session is asked for a new password;
    the one so far stays until then.
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
            "this sign-in link was used or is too old: ask an administrator for a new one, "
            "or run `diemcau user link` on the server",
        )
    opened = await start(session, account, now, address=address, agent=agent, by_link=True)
    actor = Actor("account", account.id, account.person_id or "", address=address)
    await audit.record(session, now, actor, "session.link", "account", account.id)
    return account, opened


async def set_password(
    session: AsyncSession, account: Account, hashed: str, actor: Actor, now: datetime, keep: str = ""
) -> None:
    """`hashed`: argon2id. Everybody else who is signed in to this account is signed out, and open links close."""
    account.password = hashed
    await end_all(session, account.id, keep)
    if keep:
        await session.execute(update(SignIn).where(SignIn.digest == keep).values(by_link=False))
    await session.execute(delete(SignInLink).where(SignInLink.account_id == account.id))
    await audit.record(session, now, actor, "accounts.password", "account", account.id)


async def _keep_few(session: AsyncSession, account_id: str, now: datetime) -> None:
    """And room for one more."""
    kept = [row.digest for row in await sessions(session, account_id, now)][: limits.SESSIONS - 1]
    await session.execute(delete(SignIn).where(SignIn.account_id == account_id, SignIn.digest.not_in(kept)))
