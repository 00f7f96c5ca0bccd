"""The routes of a host's actions on participants, in browsers and in halls: `/api/v1/conferences/{conference}/host`.

A host proves the right by the key `moderation` of its `Pass` (`conferences.py`), as in the lobby. The module decides which
participants a host may remove, and what the audit trail records. `conference` defines muting, asking and removing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from conference import Conference, Participant, Passage, Refusal, limits
from signaling.api.ground.doorway import Doorway
from signaling.api.routes.live.hosts import Bearer, Name, address_of, host_of
from signaling.host import limits as bounds
from signaling.host.declared import SECRET, needs
from signaling.host.routers import new_router
from signaling.host.throttle import Throttle

GONE = ("Người này đã rời cuộc họp.", "this participant has left the meeting")
EMPTY = ("Cuộc họp chưa có ai, hoặc đã kết thúc.", "the meeting has no participants, or it is over")
TEXTS = {
    "host_stays": ("Không mời chủ trì, thư ký ra khỏi cuộc họp được.", "a host of the meeting cannot be removed"),
    "microphone_on": ("Micro của người này đang bật.", "this microphone is already on"),
    "undo_gone": (
        "Đã quá 10 giây nên không hoàn tác được nữa.",
        "more than 10 seconds have passed: this cannot be undone",
    ),
}


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class Whom(_Message):
    """The identity of a participant, as the meeting shows it."""

    identity: str = Field(min_length=1, max_length=limits.IDENTITY_BYTES)


class Removing(Whom):
    """A removal. `keep_out`: refuse this account, this link, this name from this network, or this terminal from now on."""

    keep_out: bool = False


class Muted(_Message):
    """The result of muting all. `muted`: the number of microphones that were on. `undo` takes it back for `undo_s` seconds."""

    muted: int
    undo: str
    undo_s: float


class Undoing(_Message):
    """The `undo` of `mute-all`."""

    undo: str = Field(max_length=64)


class Undone(_Message):
    """The result of the undo. `unmuted`: halls that are heard again. `asked`: participants in browsers, who decide themselves."""

    unmuted: int
    asked: int


class Extending(_Message):
    """An extension of the booked end."""

    minutes: Literal[15, 30]


class Extended(_Message):
    """The booked end after the extension."""

    ends_at: datetime


def routes(around: Doorway) -> APIRouter:
    router = new_router("hosting", prefix="/conferences/{conference}/host")
    tries = Throttle(around.shared, "tries of hosts", bounds.LOBBY_TRIES_PER_MINUTE)
    _one(router, around, tries)
    _removal(router, around, tries)
    _all(router, around, tries)
    return router


def _one(router: APIRouter, around: Doorway, tries: Throttle) -> None:
    @router.post("/mute", status_code=204, openapi_extra=needs(SECRET))
    async def mute(request: Request, conference: Name, wanted: Whom, authorization: Bearer = "") -> None:
        """Mute a microphone at once. A participant may switch it on again; a hall may only after a host has asked."""
        await host_of(around, request, conference, authorization, tries)
        _find(_meeting(around, conference), wanted.identity).silence()

    @router.post("/ask-to-unmute", status_code=204, openapi_extra=needs(SECRET))
    async def ask(request: Request, conference: Name, wanted: Whom, authorization: Bearer = "") -> None:
        """Ask a participant to unmute. A browser shows a question with a button; a hall hears and reads which key to press.
        Refused with `microphone_on`, `microphone_denied`.
        """
        await host_of(around, request, conference, authorization, tries)
        participant = _find(_meeting(around, conference), wanted.identity)
        with _worded():
            participant.ask_to_unmute()

    @router.post("/lower-hand", status_code=204, openapi_extra=needs(SECRET))
    async def lower(request: Request, conference: Name, wanted: Whom, authorization: Bearer = "") -> None:
        """Lower the raised hand of a participant."""
        await host_of(around, request, conference, authorization, tries)
        _find(_meeting(around, conference), wanted.identity).lower_hand()


def _removal(router: APIRouter, around: Doorway, tries: Throttle) -> None:
    @router.post("/remove", status_code=204, openapi_extra=needs(SECRET))
    async def remove(request: Request, conference: Name, wanted: Removing, authorization: Bearer = "") -> None:
        """Remove a participant. Its tokens become invalid. A hall is hung up and not called again. `keep_out` lasts until a
        host pardons (`lobby/pardon`). Refused with `host_stays`.
        """
        host = await host_of(around, request, conference, authorization, tries)
        participant = _find(_meeting(around, conference), wanted.identity)
        if participant.grants.passage is Passage.HOST:
            raise refused("host_stays")
        detail = {"name": participant.grants.name, "keep_out": wanted.keep_out}
        await around.hosts.note_lobby(host, "host.remove", detail, address_of(request))
        meeting, now = _meeting(around, conference), around.now()
        lobby = around.lobbies.get(conference, now)
        same = lobby.keep_out(wanted.identity, now) if wanted.keep_out else []
        for identity in {wanted.identity, *same} & set(meeting.participants):
            meeting.kick(identity)
        if wanted.keep_out:
            await around.hosts.keep_bars(conference, lobby.turned_away.bars)


def _all(router: APIRouter, around: Doorway, tries: Throttle) -> None:
    @router.post("/mute-all", openapi_extra=needs(SECRET))
    async def mute_all(request: Request, conference: Name, authorization: Bearer = "") -> Muted:
        """Mute every microphone except that of the host who asks."""
        host = await host_of(around, request, conference, authorization, tries)
        await around.hosts.note_lobby(host, "host.mute_all", {}, address_of(request))
        made = _meeting(around, conference).moderation.silence_all(host.identity)
        return Muted(muted=len(made.sids), undo=made.token, undo_s=limits.SILENCE_UNDO_S)

    @router.post("/mute-all/undo", openapi_extra=needs(SECRET))
    async def undo(request: Request, conference: Name, wanted: Undoing, authorization: Bearer = "") -> Undone:
        """Unmute the halls that were muted, and ask the other participants: the server switches on no browser's microphone.
        Refused with `undo_gone`.
        """
        await host_of(around, request, conference, authorization, tries)
        with _worded():
            back = _meeting(around, conference).moderation.take_back(wanted.undo)
        return Undone(unmuted=back.unmuted, asked=back.asked)

    @router.post("/extend", openapi_extra=needs(SECRET))
    async def extend(request: Request, conference: Name, wanted: Extending, authorization: Bearer = "") -> Extended:
        """Extend the booked end, if halls and people are free. Otherwise the refusal says who comes next, and which extension is
        free. Refused with `overlap`, `capacity`, `not_running`.
        """
        host = await host_of(around, request, conference, authorization, tries)
        _meeting(around, conference)
        return Extended(ends_at=await around.hosts.extend(host, wanted.minutes, address_of(request)))

    @router.post("/begin", status_code=204, openapi_extra=needs(SECRET))
    async def begin(request: Request, conference: Name, authorization: Bearer = "") -> None:
        """Open the meeting (khai mạc). The halls that wait see it now. The microphones of the chair's halls go on, and the
        other halls may switch theirs on. Refused with `not_on_now`.
        """
        host = await host_of(around, request, conference, authorization, tries)
        await around.hosts.begin_meeting(replace(host, conference=conference), address_of(request))

    @router.post("/end", status_code=204, openapi_extra=needs(SECRET))
    async def end(request: Request, conference: Name, authorization: Bearer = "") -> None:
        """End the meeting for all, with its halls. A booked date that has begun ends too, and no participant can enter it
        again.
        """
        host = await host_of(around, request, conference, authorization, tries)
        _meeting(around, conference)
        await around.hosts.note_lobby(host, "host.end", {}, address_of(request))
        await around.hosts.end_meeting(conference)


def refused(code: str) -> Refusal:
    return Refusal(code, *TEXTS[code])


@contextmanager
def _worded() -> Iterator[None]:
    """Replace a refusal of `conference` by one with a text for hosts."""
    try:
        yield
    except Refusal as refusal:
        raise (refused(refusal.code) if refusal.code in TEXTS else refusal) from refusal


def _meeting(around: Doorway, name: str) -> Conference:
    """Return the conference. Raise Refusal `conference_not_found`."""
    registry = around.meetings.registry
    try:
        if registry is None:
            raise Refusal("conference_not_found")
        return registry.get(name)
    except Refusal as refusal:
        raise Refusal(refusal.code, *EMPTY) from refusal


def _find(meeting: Conference, identity: str) -> Participant:
    """Return the participant. Raise Refusal `participant_not_found`, also for a hidden participant."""
    participant = meeting.participants.get(identity)
    if participant is None or participant.grants.hidden:
        raise Refusal("participant_not_found", *GONE)
    return participant
