"""How each order is performed. The giver's right was checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from conference import Conference, Grants, Participant, Refusal, limits
from conference.chair import rights
from conference.chair.rights import Act, By
from signaling.orders import authority
from signaling.orders.doorway import Doorway
from signaling.orders.shapes import (
    Admitted,
    Admitting,
    Extended,
    Extending,
    Muted,
    Muting,
    Nothing,
    Removing,
    Undoing,
    Undone,
    Whom,
)

GONE: Final = ("Người này đã rời cuộc họp.", "this participant has left the meeting")
TEXTS: Final = {
    "participant_not_found": GONE,
    "host_stays": ("Không mời chủ trì, thư ký ra khỏi cuộc họp được.", "a host of the meeting cannot be removed"),
    "microphone_on": ("Micro của người này đang bật.", "this microphone is already on"),
    "undo_gone": (
        "Đã quá 10 giây nên không hoàn tác được nữa.",
        "more than 10 seconds have passed: this cannot be undone",
    ),
}


@dataclass(frozen=True, slots=True)
class Given:
    """An order that may be performed. `conference` is the name of the meeting, and `address` the giver's network address."""

    around: Doorway
    conference: str
    giver: Grants
    address: str
    by: By
    """The giver, as the table of rights knows the giver."""

    def meeting(self) -> Conference:
        return authority.meeting(self.around, self.conference)

    def find(self, identity: str) -> Participant:
        """Return the participant. Raise Refusal `participant_not_found`, also for a hidden participant."""
        participant = self.meeting().participants.get(identity)
        if participant is None or participant.grants.hidden:
            raise Refusal("participant_not_found", *GONE)
        return participant

    def note(self, action: str, detail: dict[str, object]) -> None:
        """Write a decision to the audit trail after it took effect. An order that acts at once does not wait for the database."""
        self.around.hosts.note_later(self.giver, action, detail, self.address)


async def mute_one(given: Given, wanted: Whom) -> None:
    with worded():
        given.meeting().chair.mute_one(given.by, wanted.identity)


async def unmute_ask(given: Given, wanted: Whom) -> None:
    with worded():
        given.meeting().chair.ask_to_unmute(given.by, wanted.identity)


async def lower_hand(given: Given, wanted: Whom) -> None:
    with worded():
        given.meeting().chair.lower_hand(given.by, wanted.identity)


async def mute_all(given: Given, wanted: Muting) -> Muted:
    made = given.meeting().chair.mute_all(given.by, spare_floor=wanted.spare_floor)
    given.note("host.mute_all", {})
    return Muted(muted=len(made.sids), undo=made.token, undo_s=limits.SILENCE_UNDO_S)


async def mute_all_undo(given: Given, wanted: Undoing) -> Undone:
    with worded():
        back = given.meeting().chair.undo(given.by, wanted.undo)
    return Undone(unmuted=back.unmuted, asked=back.asked)


async def remove(given: Given, wanted: Removing) -> None:
    participant, around = given.find(wanted.identity), given.around
    with worded():
        given.meeting().machines.ask(given.by, Act.REMOVE, wanted.identity)
    meeting, now = given.meeting(), around.now()
    lobby = around.lobbies.get(given.conference, now)
    same = lobby.keep_out(wanted.identity, now) if wanted.keep_out else []
    for identity in {wanted.identity, *same} & set(meeting.participants):
        with suppress(Refusal):  # a leader from the same network stays
            meeting.chair.remove(given.by, identity)
    given.note("host.remove", {"name": participant.grants.name, "keep_out": wanted.keep_out})
    if wanted.keep_out:
        await around.hosts.keep_bars(given.conference, lobby.turned_away.bars)


async def begin(given: Given, _wanted: Nothing) -> None:
    rights.ask(given.by, Act.BEGIN)
    await given.around.hosts.begin_meeting(replace(given.giver, conference=given.conference), given.address)


async def extend(given: Given, wanted: Extending) -> Extended:
    meeting = given.meeting()
    meeting.machines.ask(given.by, Act.EXTEND)
    ends_at = await given.around.hosts.extend(given.giver, wanted.minutes, given.address)
    meeting.sections.extend(ends_at.timestamp())
    return Extended(ends_at=ends_at)


async def end(given: Given, _wanted: Nothing) -> None:
    given.meeting().machines.ask(given.by, Act.END)
    await given.around.hosts.end_meeting(given.conference)
    given.note("host.end", {})


async def admit(given: Given, wanted: Admitting) -> Admitted:
    rights.ask(given.by, Act.ADMIT)
    lobby = given.around.lobbies.get(given.conference, given.around.now())
    lobby.room.expire(given.around.now())
    ids = list(lobby.room.waiting) if wanted.all else [one for one in wanted.ids if one in lobby.room.waiting]
    if not ids:
        raise Refusal("knock_unknown")
    names = [lobby.room.waiting[one].who.name for one in ids]
    detail = {"names": names[:50], "count": len(ids)}
    await given.around.hosts.note_lobby(given.giver, "lobby.admit", detail, given.address)
    return Admitted(admitted=len(lobby.admit(ids)))


@contextmanager
def worded() -> Iterator[None]:
    """Replace a refusal of `conference` by one with a text for hosts."""
    try:
        yield
    except Refusal as refusal:
        code = refusal.code
        raise (Refusal(code, *TEXTS[code]) if code in TEXTS else refusal) from refusal
