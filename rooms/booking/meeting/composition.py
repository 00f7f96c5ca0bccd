"""The attendees of a meeting, counted by kind: for approvers, who must know how many people a meeting takes from their work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.store.tables.meetings import Attendee
from rooms.store.tables.org import Unit

KINDS: Final[Mapping[str, str]] = {
    "province": "đơn vị cấp tỉnh",
    "district": "đơn vị cấp huyện",
    "commune": "đơn vị cấp xã",
    "person": "cá nhân",
    "guest": "khách mời",
}
"""The kinds in official order, in words."""
_TIERS: Final = {1: "province", 2: "district", 3: "commune"}


async def counted(session: AsyncSession, meeting_id: str) -> dict[str, int]:
    """Return the number of attendees of each kind in official order, without kinds that have no attendee. The chair counts as
    a person.
    """
    kind = case(
        (Attendee.unit_id.is_not(None), case(_TIERS, value=Unit.tier, else_="province")),
        (Attendee.person_id.is_not(None), literal("person")),
        else_="guest",
    )
    rows = await session.execute(
        select(kind, func.count())
        .select_from(Attendee)
        .outerjoin(Unit, Unit.id == Attendee.unit_id)
        .where(Attendee.meeting_id == meeting_id)
        .group_by(kind)
    )
    found = {str(name): int(count) for name, count in rows}
    return {name: found[name] for name in KINDS if name in found}


async def in_words(session: AsyncSession, meeting_id: str) -> str:
    """Return "4 đơn vị cấp tỉnh, 96 đơn vị cấp xã, 3 khách mời", or an empty text if nobody is invited."""
    return ", ".join(f"{count} {KINDS[kind]}" for kind, count in (await counted(session, meeting_id)).items())
