"""The call of one hall in any protocol: its room in a conference, its moves between rooms, and its end.

A leg knows its hall and the conference in which the hall is. The protocol is below the leg, behind `Side` (SIP:
`signaling.halls.sip.side`). Commands go down to the side. The side reports to the leg, and the leg reports to `LegEvents`.
Implements `conference.ports.halls.HallSignal`. Imports no protocol. The modules `entrance`, `lobby`, `operator` and `outgoing`
decide which halls may enter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field, replace
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from conference import Conference, Entry, Grants, Hall, Kind, Mode, Passage, PeerError, Refusal, dialout, marks, packets
from conference.announcements.spoken_texts import Language
from conference.ground.events import Reason
from conference.ground.plan import MediaPlan
from conference.halls.causes import Cause
from conference.halls.keypad import Heard, Way, twice
from conference.ports.halls import DialOrder, LineOptions
from rooms import errors
from rooms.dialling.legs import Standing

CAUSES: Final = {
    "conference_full": Cause.BUSY,
    "conference_limit": Cause.BUSY,
    "hall_limit": Cause.BUSY,
    "hall_ports_taken": Cause.BUSY,
    "halls_off": Cause.OVERLOADED,
    "conference_not_found": Cause.NO_ANSWER,
    "removed": Cause.DECLINED,
    "conference_locked": Cause.FORBIDDEN,
    "class_forbids": Cause.FORBIDDEN,
    "lobby_denied": Cause.FORBIDDEN,
}
"""The cause that the terminal receives, by the code of a refusal. Every other refusal becomes `NO_ANSWER`."""


@dataclass(frozen=True, slots=True)
class Party:
    """The hall in the call. `terminal` empty: not in the register. `identity`: its identity in the conference. `leg_id`: its
    row on the board; empty: no row.
    """

    identity: str
    name: str
    terminal: str = ""
    leg_id: str = ""
    position: int = 10_000
    language: Language | None = None
    """The language of the announcements; None: not known."""
    unit: str = ""
    """The name of the unit of its site."""


@dataclass(frozen=True, slots=True)
class Path:
    """The terminal's end of the signalling of a call. `encrypted`: the signalling may carry media keys."""

    host: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a call failed. `code`: the status of the protocol, for the row only; 0: no answer arrived."""

    cause: Cause
    code: int = 0
    retry_after_s: float = 0.0


class Camera(Protocol):
    """The camera of a hall, which the operator moves from the board (H.281)."""

    @property
    def there(self) -> bool:
        """Report whether the camera can be moved. False: the terminal has said that its camera cannot be moved by others."""

    def move(self, pan: int, tilt: int, zoom: int) -> None: ...
    def preset(self, number: int, *, store: bool) -> None: ...
    def said(self, frame: bytes) -> None: ...
    def stop(self) -> None: ...


class Side(Protocol):
    """The call of one leg in its protocol. The side reports the outcomes to the leg. Only the two `save` methods wait; every
    other method returns at once.
    """

    @property
    def camera(self) -> Camera: ...
    @property
    def path(self) -> Path | None:
        """Return the terminal's end of the signalling, or None until an outgoing call is answered."""

    @property
    def plan(self) -> MediaPlan | None:
        """Return the media plan that both sides agreed on, or None if there is none yet."""

    @property
    def is_unheard(self) -> bool:
        """Report whether an outgoing call has received no answer at all."""

    def check_encryption(self) -> None:
        """Raise Refusal if the signalling is not encrypted, because keys must not travel in plain signalling."""

    def prepare(self, hall: Hall) -> None:
        """Open the ports that the descriptions of this hall will name. Raise Refusal."""

    def ring(self) -> None: ...
    def accept(self, hall: Hall) -> None:
        """Answer an incoming call. Raise Refusal, PeerError."""

    @property
    def may_listen(self) -> bool:
        """Report whether the terminal takes media before its call is answered."""

    def listen(self, hall: Hall) -> MediaPlan:
        """Return the plan of early media. The next `ring` sends the answer of this plan. Raise Refusal, PeerError."""

    def refuse(self, why: Cause | Exception) -> None: ...
    def offer(self, hall: Hall) -> None:
        """Send a new offer for this room. Raise Refusal, PeerError."""

    def applied(self, hall: Hall, plan: MediaPlan) -> None:
        """Take note that the hall's lines now have this plan."""

    def left(self, hall: Hall) -> None: ...
    def request_keyframe(self) -> None: ...
    def hang_up(self, reason: str) -> None: ...
    def give_up(self, why: str) -> None:
        """End an unanswered outgoing call as a terminal that cannot be reached."""

    async def save(self) -> None:
        """Save an incoming call for the server that starts in place of this one."""

    async def save_name(self, session: AsyncSession, leg_id: str) -> None:
        """Save the leg that the call belongs to."""

    def name(self, leg_id: str) -> None:
        """Note that the call belongs to this row of the board."""


class LegEvents(Protocol):
    """The events that a leg reports to its owner."""

    def stands(self, leg: Leg) -> None:
        """Take note that the call is answered and its media are agreed."""

    def agreed(self, leg: Leg) -> None:
        """Take note that other media are agreed in the same room."""

    def moved(self, leg: Leg) -> None:
        """Take note that the leg is in another room."""

    def over(self, leg: Leg, *, hung_up: bool) -> None:
        """Take note that an answered or an incoming call has ended. `hung_up`: one side ended the call; False: the call was
        lost.
        """

    def pressed(self, leg: Leg, key: str) -> bool:
        """Report whether a menu or a test room takes the key."""


class DialEvents(Protocol):
    """The events of an outgoing call until the call is answered."""

    def rang(self, leg: Leg) -> None: ...
    def failed(self, leg: Leg, failure: Failure) -> None:
        """Take note that the call failed."""

    def forbidden(self, leg: Leg, why: str) -> None:
        """Take note that the call is not allowed. `why`: a key of `conference.halls.dialout.REASONS`."""


@dataclass(slots=True)
class Room:
    """A conference, and the hall that represents the leg in it."""

    conference: Conference
    hall: Hall


@dataclass(eq=False)
class Leg:
    """The call of one hall. `order`: the order of an outgoing call."""

    events: LegEvents
    options: LineOptions
    party: Party
    make_side: InitVar[Callable[[Leg], Side]]
    order: DialOrder | None = None
    began: float = 0.0
    """Unix seconds at which the call began. A hall that was put out before this time may enter again with this call, as with a
    new token.
    """
    dialing: DialEvents | None = None
    """Receives the events of an outgoing call; None for an incoming call."""
    profile_count: int = 1
    """The number of profiles that the server can offer to this terminal."""
    address: str = ""
    room: Room | None = None
    """The room of the hall; None while the hall is in no room."""
    stood: bool = False
    over: bool = False
    passage: Passage = Passage.NONE
    hung_up_by_us: bool = False
    expected: bool = False
    """The terminal is in the register and invited. It may enter an important meeting if its call has the protection that the
    class demands.
    """
    put_out: dialout.Event | None = None
    """DROP: a host put the hall out. END: the conference ended. In both cases the server does not call the hall again by
    itself.
    """
    watch: asyncio.TimerHandle | None = None
    """The timer that ends a leg that stays too long without a meeting. It must be cancelled at the end: it keeps the leg in
    memory.
    """
    side: Side = field(init=False)
    _on_moved: Callable[[bool], None] | None = None
    _moving: Room | None = None
    _heard: tuple[Heard, ...] = ()

    def __post_init__(self, make_side: Callable[[Leg], Side]) -> None:
        self.side = make_side(self)

    # -- into a room

    def expect(self, conference: Conference, mode: Mode = "meeting") -> Room:
        """Make the hall in this conference, without opening its lines. Other participants do not see the hall yet. Raise
        Refusal.
        """
        grants = Grants(
            identity=self.party.identity,
            name=self.party.name,
            conference=conference.name,
            join=True,
            kind=Kind.SIP,
            attributes={marks.UNIT: self.party.unit} if self.party.unit else {},
            passage=self.passage,
            issued_at=self.began,
        )
        entry = Entry(grants=grants, dual=False, packets=packets.NoPackets(), auto_subscribe=False)
        hall = conference.halls.expect(entry, self, self.options, mode)
        hall.position, hall.language = self.party.position, self.party.language or "vi"
        return Room(conference, hall)

    def begin_in(self, conference: Conference, mode: Mode = "meeting") -> None:
        """Open the room and the ports that an outgoing call needs. Raise Refusal."""
        self.room = self.expect(conference, mode)
        try:
            self.side.prepare(self.room.hall)
        except (Refusal, PeerError):
            self._leave_room()
            raise

    def accept_in(self, conference: Conference, mode: Mode = "meeting") -> None:
        """Answer an incoming call, and put it into this conference. Raise Refusal, PeerError.

        Do nothing if the call has ended: no part would close lines that are opened now.
        """
        if self.over:
            return
        self.room = self.expect(conference, mode)
        try:
            self.side.accept(self.room.hall)
        except (Refusal, PeerError):
            self._leave_room()
            raise

    def listen_in(self, conference: Conference, mode: Mode) -> bool:
        """Play this conference to the hall before the call is refused (early media). Return False if the terminal cannot play
        early media, or if its offer cannot be used. Raise Refusal if the conference cannot take the hall.
        """
        if not self.side.may_listen:
            return False
        self.room = self.expect(conference, mode)
        try:
            plan = self.side.listen(self.room.hall)
            conference.halls.welcome(self.room.hall)
        except (Refusal, PeerError):
            self._leave_room()
            return False
        self.side.ring()
        self.room.hall.apply(plan)
        return True

    def move(self, conference: Conference, done: Callable[[bool], None], mode: Mode = "meeting") -> None:
        """Move the hall to another conference. The hall stays in its room until the terminal agrees. `done` gets True after the
        move, False if the move failed. Raise Refusal, PeerError.
        """
        assert self._moving is None
        room = self._moving = self.expect(conference, mode)
        self._on_moved = done
        try:
            self.side.offer(room.hall)
        except (Refusal, PeerError):
            self._moving = self._on_moved = None
            conference.halls.dismiss(room.hall)
            raise

    @property
    def moving(self) -> bool:
        """Report whether the hall is moving to another room."""
        return self._moving is not None

    @property
    def destination(self) -> Room | None:
        """Return the room to which the hall is moving, or else its room."""
        return self._moving or self.room

    @property
    def conferences(self) -> tuple[str, ...]:
        """Return the names of the hall's conference and of the conference to which it is moving."""
        return tuple(room.conference.name for room in (self.room, self._moving) if room is not None)

    # -- events from the side

    def enter(self, plan: MediaPlan) -> None:
        """Enter the room: the call is answered. Raise Refusal if the conference does not admit the hall."""
        assert self.room is not None
        self.room.conference.halls.welcome(self.room.hall)
        self.stood = True
        self._apply(self.room.hall, plan)
        self.events.stands(self)

    def _apply(self, hall: Hall, plan: MediaPlan) -> None:
        hall.apply(plan)
        self.side.applied(hall, plan)

    def unfit(self, failure: Failure, forbidden: str = "") -> None:
        """End an answered call that cannot be used. `forbidden`: a key of `REASONS` if the call is not allowed."""
        if forbidden or not self.stood:
            _come_to_nothing(self, failure, forbidden)
        self.end("unfit")

    def reagreed(self, plan: MediaPlan) -> None:
        """Apply a plan that was agreed again in the same room."""
        if self.room is not None:
            self._apply(self.room.hall, plan)
            self.events.agreed(self)

    def answered(self, plan: MediaPlan | None) -> None:
        """Take the answer to an offer of ours in a running call. `plan` None: the terminal refused the offer, or its answer
        cannot be used. Then nothing changes.
        """
        moving, self._moving = self._moving, None
        if moving is None:
            if plan is not None:
                self.reagreed(plan)
        elif plan is None:
            moving.conference.halls.dismiss(moving.hall)
            self._moved(False)
        else:
            self._change_room(moving, plan)

    def _change_room(self, to: Room, plan: MediaPlan) -> None:
        self._leave_room()
        self.room = to
        try:
            to.conference.halls.welcome(to.hall)
        except Refusal:
            self._moved(False)
            self.end("move failed")
            return
        self._apply(to.hall, plan)
        self._moved(True)
        self.events.moved(self)

    def _moved(self, well: bool) -> None:
        done, self._on_moved = self._on_moved, None
        if done is not None:
            done(well)

    def heard(self, key: str, way: Way) -> bool:
        """Take a key of the remote control. Return True if a menu or a test room took the key, or if the key needs no action.

        A key needs no action without a room, or if it has already arrived. Some terminals send one key as packets and in the
        signalling.
        """
        if self.room is None:
            return True
        now = self.room.conference.around.clock.monotonic()
        self._heard, again = twice(self._heard, key, way, now)
        return again or self.events.pressed(self, key)

    def ended(self, failure: Failure, *, hung_up: bool, forbidden: str = "") -> None:
        """Take the end of the call from the side. `forbidden`: a key of `REASONS` if the call is not allowed."""
        if self.over:
            return
        self.over, stood = True, self.stood
        try:
            self._leave_room()
        finally:  # Without this report the board would always show the hall in the meeting.
            if stood or self.order is None:
                self.events.over(self, hung_up=hung_up)
            else:
                _come_to_nothing(self, failure, forbidden)

    def abandon(self) -> None:
        """End a leg that has sent nothing to the terminal."""
        self.over = True
        self._leave_room()

    def _leave_room(self) -> None:
        self.side.camera.stop()
        for room in (self.room, self._moving):
            if room is None:
                continue
            self.side.left(room.hall)
            if room.hall in room.conference.halls.expected:
                room.conference.halls.dismiss(room.hall)
            else:
                room.hall.hung_up()
        self.room = self._moving = None

    # -- commands to the leg

    def speak(self, language: Language) -> None:
        """Use this language from now on."""
        self.party = replace(self.party, language=language)
        if self.room is not None:
            self.room.hall.language = language

    def name(self, standing: Standing) -> None:
        """Note that the call belongs to this row of the board, and take the hall of the row."""
        self.party = replace(party_of(standing), language=self.party.language)
        self.side.name(standing.leg.id)

    def end(self, reason: str = "") -> None:
        self.hung_up_by_us = True
        if not self.over:
            self.side.hang_up(reason)

    # -- commands from the conference (HallSignal)

    def request_keyframe(self) -> None:
        if not self.over:
            self.side.request_keyframe()

    def hang_up(self, code: str) -> None:
        """Hang up. The conference may have put the hall out, the hall may have a newer call, or the server may be stopping.

        The server does not call a hall again that was put out. The next server calls the halls of a stopped server.
        """
        if code == Reason.CONFERENCE_DELETED.value:
            self.put_out = dialout.Event.END
        elif code not in (Reason.DUPLICATE_IDENTITY.value, Reason.SERVER_SHUTDOWN.value):
            self.put_out = dialout.Event.DROP
        self.end(code)

    def renegotiate(self) -> None:
        if not self.over and self.room is not None and self.side.plan is not None and self._moving is None:
            self.side.offer(self.room.hall)

    @property
    def moves_camera(self) -> bool:
        return self.room is not None and self.room.hall.lines.moves_camera and self.side.camera.there

    @property
    def camera(self) -> Camera:
        return self.side.camera

    def camera_said(self, frame: bytes) -> None:
        self.side.camera.said(frame)

    def pressed(self, key: str) -> bool:
        return self.heard(key, "packets")


def party_of(standing: Standing) -> Party:
    """Return the hall of this row."""
    terminal = standing.terminal
    identity, language = f"hall_terminal.{terminal.id}", language_of(terminal.language)
    return Party(identity, standing.site.name, terminal.id, standing.leg.id, 0, language, standing.unit.name)


def language_of(text: str) -> Language:
    return "en" if text == "en" else "vi"


def cause_of(error: Exception) -> Cause:
    """Return the cause that the terminal receives for a refusal. Every other error becomes `UNREACHABLE`."""
    if isinstance(error, errors.Refusal):
        return CAUSES.get(error.code, Cause.NO_ANSWER)
    return Cause.UNREACHABLE


def _come_to_nothing(leg: Leg, failure: Failure, forbidden: str) -> None:
    if leg.dialing is None:
        return
    if forbidden:
        leg.dialing.forbidden(leg, forbidden)
    else:
        leg.dialing.failed(leg, failure)
