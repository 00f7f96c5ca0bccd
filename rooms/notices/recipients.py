"""The accounts that an event concerns. Only active accounts count. Each function returns at most `NOTICE_ACCOUNTS` accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.accounts import actors
from rooms.accounts.roles import in_force
from rooms.booking.changes import approval
from rooms.booking.meeting import attendees, leaders
from rooms.booking.rules.calendar import day_of
from rooms.meetings import invitations
from rooms.policy import roles
from rooms.store.tables.accounts import Account, RoleGrant
from rooms.store.tables.booking import Step
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Holding, Person, Post, Unit

Accounts = set[str]
STAFF = (*leaders.SECRETARIES, *leaders.OPERATORS)


async def staff(session: AsyncSession, meeting: Meeting, chair: bool = True) -> Accounts:
    """Return the accounts of the people who made and lead the meeting: who booked it, secretary, operator, deputies and chair."""
    people = leaders.people_of(meeting, leaders.LEADERS if chair else STAFF)
    return await _accounts(session, or_(Account.id == meeting.created_by, Account.person_id.in_(people)))


async def desk(session: AsyncSession, meeting: Meeting) -> Accounts:
    """Return the accounts of operator and secretary, or of the person who booked if the meeting has neither."""
    found = await of_people(session, leaders.people_of(meeting, STAFF))
    return found or await _accounts(session, Account.id == meeting.created_by)


async def of_people(session: AsyncSession, people: Collection[str]) -> Accounts:
    return await _accounts(session, Account.person_id.in_(people)) if people else set()


async def deciders(session: AsyncSession, meeting: Meeting, step: Step, now: datetime) -> Accounts:
    """Return the accounts that may decide this step, deputies included. Accounts that must leave the step to others are left
    out: they approved the step before, or asked for the meeting.
    """
    people = select(Person.id).where(await invitations.deciding(session, step, now), Person.active)
    found = await _accounts(session, Account.person_id.in_(people))
    unit = await session.get_one(Unit, step.unit_id)
    proposal = await approval.pending(session, meeting.id)
    earlier = select(Step.decided_by).where(
        Step.meeting_id == step.meeting_id, Step.round == step.round, Step.state == "approved"
    )
    doubtful = {*await session.scalars(earlier), meeting.created_by if proposal is None else proposal.by} & found
    for one in await session.scalars(select(Account).where(Account.id.in_(doubtful))):
        actor = await actors.of_account(session, one, now, factors=2)
        if await approval.barred(session, step, meeting, unit.path, actor) is not None:
            found.discard(one.id)
    return found


async def of_units(session: AsyncSession, unit_ids: Collection[str], now: datetime) -> dict[str, Accounts]:
    """Return, by unit, the accounts of the head and of the people who answer for the unit by a role in the unit itself."""
    today = day_of(now)
    heads = (
        select(Post.unit_id, Account.id)
        .join(Holding, Holding.post_id == Post.id)
        .join(Account, Account.person_id == Holding.person_id)
        .where(Post.unit_id.in_(unit_ids), Post.is_head, Holding.valid_from <= today)
        .where(or_(Holding.valid_to.is_(None), Holding.valid_to > today))
    )
    answering = (
        select(RoleGrant.unit_id, Account.id)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(RoleGrant.unit_id.in_(unit_ids), RoleGrant.role.in_(roles.ACTIONS["meetings.answers"]), in_force(now))
    )
    found: dict[str, Accounts] = defaultdict(set)
    for query in (heads, answering) if unit_ids else ():
        for unit_id, account_id in await session.execute(query.where(Account.active)):
            found[unit_id].add(account_id)
    return {unit_id: set(sorted(accounts)[: limits.NOTICE_ACCOUNTS]) for unit_id, accounts in found.items()}


async def preceding(session: AsyncSession, unit_id: str, now: datetime) -> Accounts:
    """Return the accounts that may book a meeting of this unit with precedence, deputies not included."""
    path = await session.scalar(select(Unit.path).where(Unit.id == unit_id)) or ""
    above = [one for one in path.split("/") if one]
    holding = select(RoleGrant.account_id).where(
        RoleGrant.unit_id.in_(above), RoleGrant.role.in_(roles.ACTIONS["meetings.precedence"]), in_force(now)
    )
    return await _accounts(session, Account.id.in_(holding))


async def of_account(session: AsyncSession, account_id: str) -> Accounts:
    return await _accounts(session, Account.id == account_id)


async def attending(session: AsyncSession, meeting: Meeting, date: Occurrence) -> Accounts:
    """Return the accounts of the people who are expected at this date: the meeting's staff, and each attendee who has not
    declined. A unit is expected with its head.
    """
    alone = await attendees.answers_on(session, date)
    coming = [one for one in await attendees.listed(session, meeting.id) if alone.get(one.id, one.answer) != "declined"]
    heads = await attendees.heads_of(
        session, {one.unit_id for one in coming if one.unit_id and not one.person_id}, day_of(date.starts_at)
    )
    people = {one.person_id for one in coming} | {person.id for person, _ in heads.values()}
    people |= {one.substitute_person_id for one in coming if one.substitute_state == "agreed"}
    return await staff(session, meeting) | await of_people(session, _known(people))


def _known(people: Iterable[str | None]) -> list[str]:
    return sorted({one for one in people if one})


async def _accounts(session: AsyncSession, which: Any) -> Accounts:
    rows = await session.scalars(
        select(Account.id).where(which, Account.active).order_by(Account.id).limit(limits.NOTICE_ACCOUNTS)
    )
    return set(rows)
