"""The transfer from a unit to its successor: the units below, sites, people, roles, and all future dates.

Past dates keep the old unit and thus the old name. A series that has begun is split, and its past dates stay with the old host.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, cast, inspect, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.identifiers import new_id, new_number
from rooms.org import posts, units
from rooms.org.fields import midnight
from rooms.policy.actors import Actor
from rooms.store.tables.accounts import Account, Client, DeputyRole, RoleGrant
from rooms.store.tables.booking import Change, Step, UnitRule
from rooms.store.tables.columns import Row
from rooms.store.tables.meetings import (
    Attendee,
    AttendeeList,
    DocumentRef,
    LetterTemplate,
    Meeting,
    Occurrence,
    Template,
)
from rooms.store.tables.org import Person, Post, RecipientRule, RecipientSet, Unit
from rooms.store.tables.records import Feed, Webhook
from rooms.store.tables.sites import Hall, Site, Terminal

OPEN: Final = ("held", "asked", "approved")


@dataclass
class Estate:
    """A unit, its successor (`heir`) from day `on`, and the number of transferred things."""

    session: AsyncSession
    old: Unit
    heir: Unit
    on: date
    actor: Actor
    now: datetime
    moved: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def start(self) -> datetime:
        return midnight(self.on)


@dataclass(frozen=True)
class Share:
    """The things that a split explicitly gives to one part."""

    site_ids: frozenset[str] = frozenset()
    person_ids: frozenset[str] = frozenset()
    unit_ids: frozenset[str] = frozenset()


async def hand_over_all(estate: Estate) -> None:
    """Transfer everything that the old unit still has."""
    await units_below(estate, None)
    await sites(estate, None)
    await roles(estate, None)
    await people(estate, None)
    await end_posts(estate)
    await meetings(estate)
    await recipients(estate)
    await office(estate)


async def hand_over_share(estate: Estate, share: Share) -> None:
    """Transfer only the named things. Roles move with their people."""
    await units_below(estate, share.unit_ids)
    await sites(estate, share.site_ids)
    await roles(estate, share.person_ids)
    await people(estate, share.person_ids)


async def units_below(estate: Estate, only: Iterable[str] | None) -> None:
    below = await units.children(estate.session, estate.old.id, estate.on)
    for one in _among(below, only):
        if one.id != estate.heir.id:
            await units.rehang(estate.session, one, estate.heir)
            one.version += 1
            estate.moved["units"] += 1


async def sites(estate: Estate, only: Iterable[str] | None) -> None:
    """Transfer sites with their halls and terminals."""
    wanted = select(Site).where(Site.unit_id == estate.old.id, or_(Site.valid_to.is_(None), Site.valid_to > estate.on))
    moving = _among(await estate.session.scalars(wanted), only)
    for one in moving:
        one.unit_id = estate.heir.id
        one.version += 1
    ids = [one.id for one in moving]
    estate.moved["sites"] += len(ids)
    for name, column in (("halls", Hall.site_id), ("terminals", Terminal.site_id)):
        estate.moved[name] += len((await estate.session.execute(select(column).where(column.in_(ids)))).all())


async def people(estate: Estate, only: Iterable[str] | None) -> None:
    wanted = select(Person).where(Person.unit_id == estate.old.id, Person.active)
    moving = _among(await estate.session.scalars(wanted), only)
    for one in moving:
        one.unit_id = estate.heir.id
        one.version += 1
    estate.moved["people"] += len(moving)


async def roles(estate: Estate, only: Iterable[str] | None) -> None:
    """End the grants in the old unit and create grants in the new unit. No account gets a role in a unit that was above its old
    unit.
    """
    kept = () if only is None else tuple(only)
    wanted = (
        select(RoleGrant)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(RoleGrant.unit_id == estate.old.id, _not_over(RoleGrant.ends_at, estate.start))
    )
    if only is not None:
        wanted = wanted.where(Account.person_id.in_(kept))
    above = estate.old.path.startswith(estate.heir.path)
    have = await _grants(estate, estate.heir.id)
    for grant in list(await estate.session.scalars(wanted)):
        if above:
            estate.moved["roles_ended"] += 1
        elif (grant.account_id, grant.role) in have:
            await _join(estate, grant, have[grant.account_id, grant.role])
            estate.moved["roles_joined"] += 1
        else:
            have[grant.account_id, grant.role] = await _grant_anew(estate, grant)
            estate.moved["roles"] += 1
        if grant.starts_at >= estate.start:
            await estate.session.delete(grant)
        else:
            grant.ends_at = estate.start
    await estate.session.flush()


async def end_posts(estate: Estate) -> None:
    """End the posts of the old unit and their holdings, because the new unit has its own posts."""
    wanted = select(Post).where(Post.unit_id == estate.old.id, or_(Post.valid_to.is_(None), Post.valid_to > estate.on))
    ended = list(await estate.session.scalars(wanted))
    estate.moved["holdings_ended"] += await posts.end_holdings(estate.session, [one.id for one in ended], estate.on)
    for one in ended:
        one.valid_to = max(estate.on, one.valid_from)
    estate.moved["posts_ended"] += len(ended)


async def meetings(estate: Estate) -> None:
    """Give the dates from `on` the new host and the new invitee. Earlier dates keep the old ones."""
    hosted = select(Meeting).where(Meeting.host_unit_id == estate.old.id, _to_come(estate))
    for meeting in list(await estate.session.scalars(hosted)):
        await part(estate, meeting)
        meeting.host_unit_id = estate.heir.id
        _tell(estate, meeting, "host")
        estate.moved["meetings"] += 1
    named = select(Attendee.meeting_id).where(Attendee.unit_id == estate.old.id)
    invited = select(Meeting).where(Meeting.id.in_(named), _to_come(estate))
    for meeting in list(await estate.session.scalars(invited)):
        await part(estate, meeting)
        await _invite_heir(estate, meeting)
    steps = select(Step).where(Step.unit_id == estate.old.id, Step.state == "open")
    for step in await estate.session.scalars(steps):
        step.unit_id = estate.heir.id
        estate.moved["approvals"] += 1
    await estate.session.flush()


async def part(estate: Estate, meeting: Meeting) -> None:
    """Move the dates before `on` into a separate meeting, which keeps the old host and invitees.

    The future part keeps identifier, number, PIN and links, because people have them in their mail.
    """
    dates = select(Occurrence).where(Occurrence.meeting_id == meeting.id, Occurrence.starts_at < estate.start)
    past = list(await estate.session.scalars(dates))
    if not past:
        return
    number = new_number() if meeting.number else None
    no_rehearsal = {"rehearsal_at": None, "rehearses_id": None}  # a rehearsal stays with the future part
    kept = _copy(meeting, id=new_id(), number=number, pin="", version=1, **no_rehearsal)
    estate.session.add(kept)
    await estate.session.flush()
    meeting.split_from_id = kept.id
    for one in past:
        one.meeting_id = kept.id
    for table in (Attendee, DocumentRef):
        rows = list(await estate.session.scalars(select(table).where(table.meeting_id == meeting.id)))
        for row in rows:
            changes: dict[str, Any] = {"link_digest": None} if table is Attendee else {}
            estate.session.add(_copy(row, id=new_id(), meeting_id=kept.id, **changes))
    await estate.session.flush()
    estate.moved["series_parted"] += 1


async def recipients(estate: Estate) -> None:
    """Change the rules that name the old unit, and give its sets to the new unit."""
    for rule in await estate.session.scalars(select(RecipientRule).where(RecipientRule.unit_id == estate.old.id)):
        rule.unit_id = estate.heir.id
        estate.moved["recipient_rules"] += 1
    for one in await estate.session.scalars(select(RecipientSet).where(RecipientSet.owner_unit_id == estate.old.id)):
        one.owner_unit_id = estate.heir.id
    await estate.session.flush()


async def office(estate: Estate) -> None:
    """Transfer templates, attendee lists, letter templates, keys of other systems, webhooks, feeds, and the booking rule of the
    unit.
    """
    session, old, heir = estate.session, estate.old.id, estate.heir.id
    kept: tuple[type[Template | AttendeeList], ...] = (Template, AttendeeList)
    for table in kept:
        taken = set(await session.scalars(select(table.name).where(table.unit_id == heir)))
        saved: Iterable[Any] = await session.scalars(select(table).where(table.unit_id == old))
        for one in saved:
            one.name = one.name if one.name not in taken else f"{one.name[:130]} ({estate.old.code})"
            one.unit_id = heir
            estate.moved["templates"] += 1
    await _rename_in_saved(session, old, heir)
    owned: tuple[type[LetterTemplate | Client | Webhook], ...] = (LetterTemplate, Client, Webhook)
    for other in owned:
        rows: Iterable[Any] = await session.scalars(select(other).where(other.unit_id == old))
        for row in rows:
            row.unit_id = heir
            estate.moved["templates" if other is LetterTemplate else "keys"] += 1
    for feed in await session.scalars(select(Feed).where(Feed.kind == "unit", Feed.target_id == old)):
        feed.target_id = heir
    rule = await session.get(UnitRule, old)
    if rule is not None and await session.get(UnitRule, heir) is None:
        session.add(_copy(rule, unit_id=heir))
    await session.flush()


async def _rename_in_saved(session: AsyncSession, old: str, heir: str) -> None:
    """Replace the old unit in the lists and templates of all units."""
    for saved in await session.scalars(select(AttendeeList).where(cast(AttendeeList.entries, Text).contains(old))):
        saved.entries = renamed(saved.entries, old, heir)
    for one in await session.scalars(select(Template).where(cast(Template.request, Text).contains(old))):
        request = dict(one.request)
        if request.get("host_unit_id") == old:
            request["host_unit_id"] = heir
        if isinstance(request.get("attendees"), list):
            request["attendees"] = renamed(request["attendees"], old, heir)
        one.request = request


def renamed(entries: Sequence[Any], old: str, heir: str) -> list[Any]:
    """Replace one unit by another in the entries of a saved list, and keep each unit once. Pure."""
    kept: list[Any] = []
    for one in entries:
        entry = one | {"unit_id": heir} if isinstance(one, dict) and one.get("unit_id") == old else one
        if entry not in kept:
            kept.append(entry)
    return kept


def _among(rows: Iterable[Any], only: Iterable[str] | None) -> list[Any]:
    wanted = None if only is None else set(only)
    return [one for one in rows if wanted is None or one.id in wanted]


def _not_over(column: Any, at: datetime) -> ColumnElement[bool]:
    return or_(column.is_(None), column > at)


def _to_come(estate: Estate) -> ColumnElement[bool]:
    ahead = select(Occurrence.id).where(Occurrence.meeting_id == Meeting.id, Occurrence.starts_at >= estate.start)
    return Meeting.state.in_(OPEN) & ahead.exists()


async def _grants(estate: Estate, unit_id: str) -> dict[tuple[str, str], RoleGrant]:
    wanted = select(RoleGrant).where(
        RoleGrant.unit_id == unit_id, RoleGrant.starts_at <= estate.start, RoleGrant.ends_at.is_(None)
    )
    return {(one.account_id, one.role): one for one in await estate.session.scalars(wanted)}


async def _grant_anew(estate: Estate, grant: RoleGrant) -> RoleGrant:
    """Grant the same role in the heir. Deputies of the holder get the new grant too."""
    made = RoleGrant(
        id=new_id(),
        account_id=grant.account_id,
        role=grant.role,
        unit_id=estate.heir.id,
        starts_at=max(grant.starts_at, estate.start),
        ends_at=grant.ends_at,
        granted_by=estate.actor.id[:32],
    )
    estate.session.add(made)
    await estate.session.flush()
    await _deputies_follow(estate, grant, made)
    return made


async def _join(estate: Estate, grant: RoleGrant, there: RoleGrant) -> None:
    """Keep the grant that the holder already has in the heir. A grant that has ended passes nothing on."""
    if grant.ends_at is None or grant.ends_at > estate.now:
        await _deputies_follow(estate, grant, there)


async def _deputies_follow(estate: Estate, old: RoleGrant, new: RoleGrant) -> None:
    """Add `new` to the deputyships that pass `old` on."""
    passing = set(await estate.session.scalars(_passing(old))) - set(await estate.session.scalars(_passing(new)))
    estate.session.add_all([DeputyRole(deputy_id=one, grant_id=new.id) for one in passing])
    await estate.session.flush()


def _passing(grant: RoleGrant) -> Select[str]:
    return select(DeputyRole.deputy_id).where(DeputyRole.grant_id == grant.id)


async def _invite_heir(estate: Estate, meeting: Meeting) -> None:
    """Replace the old unit by the new unit, which is invited once. The answer of the old unit stays, unless the new unit is
    already invited.
    """
    wanted = select(Attendee).where(Attendee.meeting_id == meeting.id)
    rows = list(await estate.session.scalars(wanted.order_by(Attendee.id)))
    present = any(_alone(one) and one.unit_id == estate.heir.id for one in rows)
    for one in rows:
        if one.unit_id != estate.old.id:
            continue
        if _alone(one) and present:
            await estate.session.delete(one)
            estate.moved["invitations_joined"] += 1
            continue
        present = present or _alone(one)
        one.unit_id = estate.heir.id
        one.label = one.label.replace(estate.old.name, estate.heir.name)[:300]
        estate.moved["invitations"] += 1
    _tell(estate, meeting, "attendees")
    await estate.session.flush()


def _alone(row: Attendee) -> bool:
    return row.person_id is None and not row.guest_email


def _tell(estate: Estate, meeting: Meeting, what: str) -> None:
    """Add an entry to the history of the meeting. A user cannot undo this entry."""
    meeting.version += 1
    meeting.updated_at = estate.now
    words = f"{estate.old.name} → {estate.heir.name} ({estate.on:%d/%m/%Y})"
    before = {"succession": {"what": what, "unit_id": estate.old.id}}
    estate.session.add(
        Change(
            id=new_id(),
            meeting_id=meeting.id,
            version=meeting.version,
            at=estate.now,
            by=estate.actor.id[:32] or estate.actor.kind,
            action="succession",
            summary=words[:1000],
            before=before,
        )
    )


def _copy(row: Row, **changes: Any) -> Any:
    names = [one.key for one in inspect(type(row)).column_attrs]
    return type(row)(**({name: getattr(row, name) for name in names} | changes))
