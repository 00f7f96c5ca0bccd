"""Loading of the demonstration into an empty installation: units and people, then accounts, then the month, event by event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import actors, roles, signing
from rooms.booking.changes import timers
from rooms.booking.rules import defaults
from rooms.demo.month import Month
from rooms.errors import Refusal
from rooms.fixtures import tayninh
from rooms.fixtures.draft import identifier, insert_all
from rooms.identifiers import new_id
from rooms.policy.actors import SYSTEM, Actor
from rooms.policy.roles import require_everywhere
from rooms.store import audit, locks
from rooms.store.tables.accounts import Account, RoleGrant
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Holding, Person, Post, Unit
from rooms.store.tables.records import Job

PEOPLE: Final = 400
LAST_RANK: Final = 100
STARTER: Final = "goc"
"""The unit of the first administrator in a new installation."""
ACCOUNTS: Final = (
    # name, role, unit of the role, unit of the person, title of the person's post (empty: as in the fixtures)
    ("vanthu", "secretary", "TN", "TN.VP", ""),
    ("lanhdao", "approver", "TN", "TN.VP", ""),
    ("vanhanh", "operator", "TN", "TN.KHCN", "Cán bộ kỹ thuật"),
    ("chuyenvien", "requester", "TN.KHCN", "TN.KHCN", "Chuyên viên"),
    ("vanthu.xa", "secretary", "TN.05", "TN.05", "Công chức Văn phòng HĐND và UBND"),
    ("kiemtoan", "auditor", "TN", "TN.VP", ""),
)


@dataclass
class Loaded:
    """The result. `links`: the secret of a sign-in link by account name. Each link is valid once."""

    counts: dict[str, int] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)


async def offered(session: AsyncSession) -> bool:
    """Report whether the installation has no meetings, and no units except the starter unit."""
    others = await session.scalar(select(func.count()).select_from(Unit).where(Unit.code != STARTER))
    meetings = await session.scalar(select(func.count()).select_from(Meeting))
    return not others and not meetings


async def unused(session: AsyncSession, actor: Actor, now: datetime) -> Loaded:
    """Return new links for the demonstration accounts that have no password yet, because the first links were shown only once.

    Only commands on the server itself use this function.
    """
    done = Loaded()
    for name, role, *_ in ACCOUNTS:
        account = await session.scalar(
            select(Account).where(
                Account.name == name, Account.active, Account.password == "", Account.issuer.is_(None)
            )
        )
        if account is not None:
            done.roles[name] = role
            done.links[name], _ = await signing.new_link(session, account, actor, now)
    return done


async def load(session: AsyncSession, actor: Actor, now: datetime) -> Loaded:
    """Load everything or nothing. Raise Refusal `denied`, `demo_not_empty`."""
    require_everywhere(actor, "org.write")
    await locks.take(session, locks.Lock.TREE)
    if not await offered(session):
        raise Refusal(
            "demo_not_empty",
            "Đã có đơn vị hoặc cuộc họp. Dữ liệu mẫu chỉ nạp được vào hệ thống trống.",
            "the database already has units or meetings: load the demonstration only into an empty installation",
        )
    province = tayninh.draft(PEOPLE)
    own = ["127.0.0.0/8", "::1/128"]  # users try the demonstration with a softphone on the server machine
    province.network("MAYTHU", "Thiết bị thử trên chính máy chủ", own, closed=False, terminals=True)
    await insert_all(session, province)
    await defaults.keep_types(session)
    await _take_over_starter(session)
    done = Loaded()
    people = {one[0]: await _account(session, *one, now, done) for one in ACCOUNTS}
    secretary, approver, operator = [
        await actors.of_account(session, people[one], now, factors=2) for one in ("vanthu", "lanhdao", "vanhanh")
    ]
    await Month(session, secretary, approver, operator, now).run()
    await _tidy(session, actor, now, done)
    return done


async def _take_over_starter(session: AsyncSession) -> None:
    """Give the administrators of the empty installation the same roles in the province."""
    starter = await session.scalar(select(Unit).where(Unit.code == STARTER))
    if starter is None:
        return
    root = identifier("unit", "TN")
    await session.execute(update(Person).where(Person.unit_id == starter.id).values(unit_id=root))
    await session.execute(update(RoleGrant).where(RoleGrant.unit_id == starter.id).values(unit_id=root))
    await session.delete(starter)
    await session.flush()


async def _account(
    session: AsyncSession, name: str, role: str, at: str, of: str, title: str, now: datetime, done: Loaded
) -> Account:
    """Create an account for the last person of a unit who has no account."""
    taken = select(Account.person_id).where(Account.person_id.is_not(None))
    person = await session.scalar(
        select(Person)
        .where(Person.unit_id == identifier("unit", of), Person.id.not_in(taken))
        .order_by(Person.code.desc())
        .limit(1)
    )
    assert person is not None, of
    if title:
        held = select(Holding.post_id).where(Holding.person_id == person.id)
        values = {"title": title, "rank": LAST_RANK, "signs_as": ""}
        await session.execute(update(Post).where(Post.id.in_(held)).values(values))
    account = Account(id=new_id(), name=name, person_id=person.id, recovery=[], created_at=now)
    session.add(account)
    await session.flush()
    await roles.grant(session, account, role, identifier("unit", at), SYSTEM, now)
    done.roles[name] = role
    done.links[name], _ = await signing.new_link(session, account, SYSTEM, now)
    return account


async def _tidy(session: AsyncSession, actor: Actor, now: datetime, done: Loaded) -> None:
    """Delete the jobs of the invented past, so that the server sends no mail about it. Future timers stay."""
    await session.execute(delete(Job).where(or_(Job.kind.not_in(tuple(timers.HANDLERS)), Job.due_at <= now)))
    for name, table in (("units", Unit), ("people", Person), ("meetings", Meeting), ("occurrences", Occurrence)):
        done.counts[name] = await session.scalar(select(func.count()).select_from(table)) or 0
    await audit.record(session, now, actor, "demo.load", "unit", identifier("unit", "TN"), detail=dict(done.counts))
    audit.date_all(session, now)
