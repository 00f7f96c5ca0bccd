"""The routes by which the desk sends to many invitees: invitations, requests to answer, and texts for messengers."""

import asyncio
from typing import Annotated, Final, Literal

from fastapi import Path, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import reading
from rooms.booking.rules.calendar import ZONE
from rooms.exchange import sheets
from rooms.meetings import sending
from rooms.meetings.invitations import Around
from rooms.policy import roles
from signaling.api.ground import problems
from signaling.api.ground.sheets import XLSX, download
from signaling.api.ground.visits import Caller, Visit
from signaling.api.models import limits
from signaling.api.models.parts import Id, Strict, View
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("sending")
Key = Annotated[Id, Path()]
SHEET: Final = ("Nơi nhận", "Điện thoại", "Tin nhắn")
NOTES: Final = (
    "Mỗi tin có liên kết trả lời riêng của một nơi nhận: gửi từng tin đúng nơi, không gửi vào nhóm, không chuyển tiếp tệp này.",
    "Để sao chép một tin: bấm đúp vào ô, rồi chọn và sao chép nội dung trong ô.",
)
Chosen = Annotated[list[Id], Field(max_length=limits.SENT_TO, description="Empty: all that the action is for.")]


class SendingLine(View):
    """An invitee, as the desk sees it before it sends."""

    attendee_id: str
    label: str
    phone: str
    answer: str = Field(description="The answer for the next date.")
    mail_state: str = Field(description="The result of the last mail, as in `MailStanding`.")
    reach: Literal["mail", "outside", "none"] = Field(
        description="`outside`: the domain is not official and no reason was given; `none`: no address is known."
    )
    sent: bool = Field(description="The invitee has the present invitation.")


class Sending(View):
    """Invitations, reminders and texts that the desk can send to the invitees of a meeting."""

    mails: bool = Field(description="This server sends mail.")
    lines: list[SendingLine]


class SendingFields(Strict):
    """`invite`: the invitation, without `attendee_ids` to all that do not have it. `remind`: a request to answer."""

    what: Literal["invite", "remind"]
    attendee_ids: Chosen = Field(default_factory=list)


class SendingResult(View):
    """Identifiers of invitees. `again`: they were asked for their answer today already, so nothing is sent."""

    queued: list[str]
    unreached: list[str] = Field(description="No address is known, or the address is not official.")
    again: list[str]


class MessageSheetFields(Strict):
    """The invitees for whom texts are made. Empty: all except the chair."""

    attendee_ids: Chosen = Field(default_factory=list)


class MessageFields(MessageSheetFields):
    """The invitees for whom texts are made. `common`: one text for a group, without links to answer."""

    common: bool = False


class Message(View):
    """A text that the desk passes on to one invitee. It may hold the PIN or a personal link."""

    attendee_id: str = Field(description="Empty: the text is for a group.")
    label: str
    phone: str
    text: str


class Messages(View):
    """The texts in official order."""

    items: list[Message]


@router.get("/meetings/{meeting_id}/sending", openapi_extra=needs("meetings.answers", of="meeting"))
async def look_at_sending(visit: Caller, meeting_id: Key) -> Sending:
    """Say whom mail reaches, who has the invitation, and who has not answered. Telephone numbers need an approved meeting."""
    actor, domains = visit.actor, visit.desk.mail_domains

    async def work(session: AsyncSession) -> tuple[bool, list[sending.Line]]:
        meeting, host = await reading.meeting_of(session, meeting_id, actor)
        roles.require(actor, "meetings.answers", host.path)
        return meeting.state == "approved", await sending.lines(session, meeting, domains or (), visit.now)

    approved, lines = await visit.read(work)
    return Sending(
        mails=domains is not None,
        lines=[
            SendingLine(
                attendee_id=one.attendee.id,
                label=one.attendee.label or one.attendee.guest_name,
                phone=one.contact.phone if approved else "",
                answer=one.answer,
                mail_state=one.attendee.mail_state,
                reach=one.reach,
                sent=one.sent,
            )
            for one in lines
        ],
    )


@router.post("/meetings/{meeting_id}/sending", status_code=202, openapi_extra=needs("meetings.answers", of="meeting"))
async def send_to_many(visit: Caller, meeting_id: Key, wanted: SendingFields) -> SendingResult:
    """Mail the invitation, or a request to answer, to many invitees. An invitee is asked for the answer once a day."""
    actor, domains = visit.actor, visit.desk.mail_domains
    send = sending.invite if wanted.what == "invite" else sending.nudge

    async def work(session: AsyncSession) -> sending.Sent:
        meeting, host = await reading.meeting_of(session, meeting_id, actor)
        roles.require(actor, "meetings.answers", host.path)
        if domains is None:
            raise problems.refused("mail_off")
        return await send(session, meeting, wanted.attendee_ids, domains, actor, visit.now)

    sent = await visit.write(work)
    visit.desk.wake()
    return SendingResult(queued=list(sent.queued), unreached=list(sent.unreached), again=list(sent.again))


@router.post("/meetings/{meeting_id}/messages", openapi_extra=needs("meetings.answers", of="meeting"))
async def make_messages(visit: Caller, meeting_id: Key, wanted: MessageFields) -> Messages:
    """Make a text for each invitee, or one text for a group, to pass on by a messenger. Audited."""
    actor, around = visit.actor, _around(visit)

    async def work(session: AsyncSession) -> list[sending.Message]:
        meeting, _ = await reading.meeting_of(session, meeting_id, actor)
        if wanted.common:
            return [sending.Message("", "", "", await sending.common(session, meeting, around, actor, visit.now))]
        return await sending.messages(session, meeting, wanted.attendee_ids, around, actor, visit.now)

    made = await visit.write(work)
    return Messages(
        items=[Message(attendee_id=one.attendee_id, label=one.label, phone=one.phone, text=one.text) for one in made]
    )


@router.post(
    "/meetings/{meeting_id}/messages.xlsx",
    openapi_extra=needs("meetings.answers", of="meeting"),
    response_class=Response,
    responses={200: {"description": "the sheet", "content": {XLSX: {}}}},
)
async def make_message_sheet(visit: Caller, meeting_id: Key, wanted: MessageSheetFields) -> Response:
    """Make a text for each invitee, and return a sheet of recipients, telephones and texts. Audited."""
    around = _around(visit)

    async def work(session: AsyncSession) -> list[sending.Message]:
        meeting, _ = await reading.meeting_of(session, meeting_id, visit.actor)
        wish = (meeting, wanted.attendee_ids, around, visit.actor, visit.now)
        return await sending.messages(session, *wish, way="sheet")

    made = await visit.write(work)
    rows = [(one.label, one.phone, one.text) for one in made]
    content = await asyncio.to_thread(sheets.for_people, "Tin nhắn riêng", SHEET, rows, NOTES)
    answer = download(content, f"tin-nhan-{visit.now.astimezone(ZONE):%Y%m%d-%H%M}", "xlsx")
    answer.headers["cache-control"] = "no-store"  # the texts hold personal links
    return answer


def _around(visit: Visit) -> Around:
    return Around(key=visit.desk.key, base=visit.base, sender="", checks=visit.desk.device_checks)
