"""The routes of the halls that a meeting holds for its invited units: the list, an objection of a unit, and the return."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import objecting
from rooms.booking.holds import guest_holds
from rooms.booking.meeting import reading
from signaling.api.ground.visits import Caller
from signaling.api.models.parts import Id, Strict, Text500, View, shown
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("holds")
Key = Annotated[Id, Path()]


class HallHold(View):
    """The hall of an invited unit. `soft`: held until the approval, or until the unit accepts. `firm`: no other meeting can book
    the hall. `taken`: another meeting has it on the next date.
    """

    unit_id: str
    unit_name: str
    hall_id: str = ""
    hall_name: str = ""
    state: Literal["free", "soft", "firm", "taken", "none", "many"]
    objection: str = Field("", description="The reason of the unit against the hold.")
    firm_dates: int = Field(0, description="The dates to come for which the hold is firm.")
    dates: int = Field(0, description="All dates to come.")


class HallHolds(View):
    """The halls of the invited units. Without `holds`, the meeting holds none of them."""

    holds: bool
    halls: list[HallHold]
    can_give_back: bool


class Objection(Strict):
    """The reason why the unit cannot keep its hall for the meeting."""

    reason: Text500


@router.get("/meetings/{meeting_id}/hall-holds", openapi_extra=needs("meetings.read", of="meeting"))
async def list_holds(visit: Caller, meeting_id: Key) -> HallHolds:
    """List the halls of the invited units, as the meeting holds them."""
    actor = visit.actor

    async def work(session: AsyncSession) -> HallHolds:
        meeting, host = await reading.meeting_of(session, meeting_id, actor)
        belongs = await reading.belongs(session, actor, meeting_id)
        found = await guest_holds.of_meeting(session, meeting, visit.now) if belongs else ()
        return HallHolds(
            holds=meeting.hold_guests,
            halls=[shown(HallHold, one) for one in found],
            can_give_back=objecting.may_give_back(meeting, host, actor),
        )

    return await visit.read(work)


@router.delete(
    "/meetings/{meeting_id}/hall-holds/{hall_id}", status_code=204, openapi_extra=needs("meetings.edit", of="meeting")
)
async def give_back(visit: Caller, meeting_id: Key, hall_id: Key) -> None:
    """Give the hall back to its unit. The meeting does not hold it again."""
    await visit.write(lambda session: objecting.give_back(session, meeting_id, hall_id, visit.actor, visit.now))


@router.put("/halls/{hall_id}/objections/{meeting_id}", status_code=204, openapi_extra=needs("halls.object", of="hall"))
async def object_to(visit: Caller, hall_id: Key, meeting_id: Key, wanted: Objection) -> None:
    """Object to the hold of the hall for the meeting. A soft hold ends; a firm hold stays until the host gives the hall back."""
    given = (meeting_id, hall_id, wanted.reason, visit.actor, visit.now)
    await visit.write(lambda session: objecting.object_to(session, *given))


@router.delete(
    "/halls/{hall_id}/objections/{meeting_id}", status_code=204, openapi_extra=needs("halls.object", of="hall")
)
async def withdraw_objection(visit: Caller, hall_id: Key, meeting_id: Key) -> None:
    """Withdraw the objection. The meeting holds the hall again, if the hall is free."""
    await visit.write(lambda session: objecting.withdraw(session, meeting_id, hall_id, visit.actor, visit.now))
