"""The routes for single mails and links, for a PDF of the letters to all invitees, and for the webhook secret of another
system.

The desk sends an invitation again, takes a link back, or allows mail to an address outside the official domains.
"""

import asyncio
from typing import Annotated

from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import clients
from rooms.booking.meeting import attendees, reading
from rooms.meetings import intake, invitations, links, views
from rooms.meetings.letters import addressing, typesetting
from rooms.store.tables.meetings import Attendee as AttendeeRow
from rooms.store.tables.meetings import Letter as LetterRow
from signaling.api.ground import problems
from signaling.api.ground.visits import Caller, Printing, Visit
from signaling.api.models.parts import Id, Strict, Text300, View
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("mailing")
Key = Annotated[Id, Path()]


class OutsideFields(Strict):
    """The reason why mail may go to an address that is not official."""

    reason: Text300


class MailStanding(View):
    """The state of an attendee's invitation: `sent`, `failed`, `no_address`, `refused`, `off`; empty: nothing was sent yet."""

    attendee_id: str
    mail_state: str
    outside_reason: str
    has_link: bool


class PersonalLink(View):
    """A guest's personal link. The bearer of the link answers and enters as the guest."""

    attendee_id: str
    url: str


class HookSecret(View):
    """A secret (`whsec_…`) that is shown only this once."""

    client_id: str
    secret: str


@router.put(
    "/meetings/{meeting_id}/attendees/{attendee_id}/outside", openapi_extra=needs("meetings.answers", of="meeting")
)
async def allow_outside(visit: Caller, meeting_id: Key, attendee_id: Key, wanted: OutsideFields) -> MailStanding:
    """Allow mail to this attendee although the domain is not official. The audit trail keeps the reason."""

    async def work(session: AsyncSession) -> AttendeeRow:
        row = await _attendee(session, visit, meeting_id, attendee_id)
        await attendees.allow_outside(session, row, wanted.reason, visit.actor, visit.now)
        return row

    return _standing(await visit.write(work))


@router.post(
    "/meetings/{meeting_id}/attendees/{attendee_id}/invitation",
    status_code=202,
    openapi_extra=needs("meetings.answers", of="meeting"),
)
async def invite_again(visit: Caller, meeting_id: Key, attendee_id: Key) -> MailStanding:
    """Send the invitation once more, with a new link if the old one was taken back."""

    async def work(session: AsyncSession) -> AttendeeRow:
        row = await _attendee(session, visit, meeting_id, attendee_id)
        await invitations.resend(session, row, visit.actor, visit.now)
        return row

    row = await visit.write(work)
    return _standing(row)


@router.post(
    "/meetings/{meeting_id}/attendees/{attendee_id}/link", openapi_extra=needs("meetings.answers", of="meeting")
)
async def hand_over_link(visit: Caller, meeting_id: Key, attendee_id: Key) -> PersonalLink:
    """Return the personal link of a guest, for sending it by other ways than mail. The audit trail records this."""

    async def work(session: AsyncSession) -> str:
        row = await _attendee(session, visit, meeting_id, attendee_id)
        return await invitations.hand_over_link(session, visit.desk.key, row, visit.actor, visit.now)

    return PersonalLink(attendee_id=attendee_id, url=links.address(visit.base, await visit.write(work)))


@router.delete(
    "/meetings/{meeting_id}/attendees/{attendee_id}/link",
    status_code=204,
    openapi_extra=needs("meetings.answers", of="meeting"),
)
async def take_link_back(visit: Caller, meeting_id: Key, attendee_id: Key) -> None:
    """Take a personal link back. Its passes become invalid too, and who is in the meeting by the link is sent out."""

    async def work(session: AsyncSession) -> None:
        row = await _attendee(session, visit, meeting_id, attendee_id)
        await invitations.take_link_back(session, row, visit.actor, visit.now)

    await visit.write(work)
    visit.desk.live.bar([f"personal_link.{attendee_id}"], visit.now.timestamp())


@router.get(
    "/meetings/{meeting_id}/letters/{letter_id}/set",
    openapi_extra=needs("meetings.read", of="meeting"),
    response_class=Response,
    responses={200: {"description": "the file", "content": {"application/pdf": {}}}},
)
async def letter_set(visit: Caller, printing: Printing, meeting_id: Key, letter_id: Key) -> Response:
    """Return the letter to each invitee, one after another in one PDF, for printing. A caller who may read the PIN gets letters
    with the PIN, for invitees who join by browser.
    """
    actor = visit.actor

    async def work(session: AsyncSession) -> tuple[LetterRow, list[addressing.Personal], str]:
        meeting, host = await reading.meeting_of(session, meeting_id, actor)
        await reading.require_belongs(session, actor, meeting_id)
        letter = await session.get(LetterRow, letter_id)
        if letter is None or letter.meeting_id != meeting_id:
            raise problems.refused("not_found")
        stands = meeting.state == "approved" and meeting.class_ == "ordinary"
        pin = meeting.pin if stands and views.knows_pin(meeting, host, actor) else ""
        return letter, await addressing.personal(session, meeting, letter.dated), pin

    letter, recipients, pin = await visit.read(work)
    async with printing:
        content = await asyncio.to_thread(typesetting.pdf_set, letter.fields, recipients, letter.created_at, pin)
    name = f"{letter.kind}-{letter.dated.isoformat()}-set.pdf"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="application/pdf", headers=headers)


@router.post("/clients/{client_id}/hook-secret", openapi_extra=needs("clients.write", of="client"))
async def new_hook_secret(visit: Caller, client_id: Key) -> HookSecret:
    """Make a new secret with which this system signs the webhooks that it sends here. The old secret becomes invalid."""

    async def work(session: AsyncSession) -> str:
        row = await clients.administered(session, client_id, visit.actor)
        return await intake.new_hook_secret(session, visit.desk.seal, row, visit.actor, visit.now)

    return HookSecret(client_id=client_id, secret=await visit.write(work))


async def _attendee(session: AsyncSession, visit: Visit, meeting_id: str, attendee_id: str) -> AttendeeRow:
    await reading.meeting_of(session, meeting_id, visit.actor)
    row = await session.get(AttendeeRow, attendee_id)
    if row is None or row.meeting_id != meeting_id:
        raise problems.refused("not_found")
    return row


def _standing(row: AttendeeRow) -> MailStanding:
    return MailStanding(
        attendee_id=row.id,
        mail_state=row.mail_state,
        outside_reason=row.outside_reason,
        has_link=row.link_digest is not None,
    )
