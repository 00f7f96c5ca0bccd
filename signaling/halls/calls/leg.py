"""One hall's call, whatever its protocol: its room in a conference, its moves between rooms, and its end.

Owns who is on the line and where the call is. The protocol stands below, behind `Side` (SIP: `signaling.halls.sip.side`).
Commands go down to the side; the side tells the leg, and the leg tells `LegEvents`. Implements
`conference.ports.halls.HallSignal`. Imports no protocol. Who may enter is decided above (`incoming`, `outgoing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field, replace
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from conference import Conference, Entry, Grants, Hall, Kind, Mode, Passage, PeerError, Refusal, dialout, packets
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
    "class_forbids": Cause.FORBIDDEN,
    "lobby_denied": Cause.FORBIDDEN,
}
"""Code of a refusal -> what the terminal is told. Every other refusal: nobody is there now."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who is on the line. `terminal` empty: not in the register. `identity`: in the conference."""

    identity: str
    name: str
    terminal: str = ""
    leg_id: str = ""
    position: int = 10_000
    language: Language | None = None
    """Of what is said to the hall; None: not known."""


@dataclass(frozen=True, slots=True)
class Path:
    """Where the signalling of a call comes from. `encrypted`: keys of media may travel in it."""

    host: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call came to nothing. `code`: of the protocol, for the row alone; 0: no answer came."""

    cause: Cause
    code: int = 0
    retry_after_s: float = 0.0


class Camera(Protocol):
    """The camera of a hall, moved from here (H.281)."""

    @property
    def there(self) -> bool:
        """False: the terminal has said that nobody may move its camera."""

    def move(self, pan: int, tilt: int, zoom: int) -> None: ...
    def said(self, frame: bytes) -> None: ...
    def stop(self) -> None: ...


class Side(Protocol):
    """The call of one leg in its protocol. Everything returns at once; outcomes are told to the leg."""

    @property
    def camera(self) -> Camera: ...
    @property
    def path(self) -> Path | None:
        """None: no signalling has come or gone yet."""

    @property
    def plan(self) -> MediaPlan | None:
        """What both sides have agreed on."""

    @property
    def is_unheard(self) -> bool:
        """Nothing has come back of a call of ours."""

    def check_encryption(self) -> None:
        """Raises Refusal where the signalling is open, so that keys could not travel."""

    def prepare(self, hall: Hall) -> None:
        """Opens what the descriptions of this hall will name. Raises Refusal."""

    def ring(self) -> None: ...
    def accept(self, hall: Hall) -> None:
        """Takes a call of theirs. Raises Refusal, PeerError."""

    @property
    def may_listen(self) -> bool:
        """The terminal takes media before its call is answered."""

    def listen(self, hall: Hall) -> MediaPlan:
        """The plan of early media, which go out with the next `ring`. Raises Refusal, PeerError."""

    def refuse(self, why: Cause | Exception) -> None: ...
    def offer(self, hall: Hall) -> None:
        """Offers anew, for this room. Raises Refusal, PeerError."""

    def applied(self, hall: Hall, plan: MediaPlan) -> None:
        """The hall's lines have this plan now."""

    def left(self, hall: Hall) -> None: ...
    def request_keyframe(self) -> None: ...
    def hang_up(self, reason: str) -> None: ...
    def give_up(self, why: str) -> None:
        """Ends a call of ours that nobody has answered, as one that cannot be reached."""

    async def save(self) -> None:
        """Writes a call of theirs down, for the server that starts in place of this one."""

    async def save_name(self, session: AsyncSession, leg_id: str) -> None:
        """Writes down whose call it is."""

    def name(self, leg_id: str) -> None:
        """The call is that of this row of the board from now on."""


class LegEvents(Protocol):
    """What the owner of a leg hears."""

    def stands(self, leg: Leg) -> None:
        """The call is answered, and its media are agreed on."""

    def agreed(self, leg: Leg) -> None:
        """Something else is agreed on, in the same room."""

    def moved(self, leg: Leg) -> None:
        """The leg is in another room."""

    def over(self, leg: Leg, *, hung_up: bool) -> None:
        """A call that stood, or a call of theirs, is gone. `hung_up`: somebody ended it, it was not lost."""

    def pressed(self, leg: Leg, key: str) -> bool:
        """Whether the key is a menu's."""


class DialEvents(Protocol):
    """Events of a call of ours until the call stands."""

    def rang(self, leg: Leg) -> None: ...
    def failed(self, leg: Leg, failure: Failure) -> None:
        """The call came to nothing."""

    def forbidden(self, leg: Leg, why: str) -> None:
        """The call is not allowed. `why`: of `conference.halls.dialout.REASONS`."""


@dataclass(slots=True)
class Room:
    """Where the hall is, or is on its way to."""

    conference: Conference
    hall: Hall


@dataclass(eq=False)
class Leg:
    """`order`: of a call of ours."""

    events: LegEvents
    options: LineOptions
    party: Party
    make_side: InitVar[Callable[[Leg], Side]]
    order: DialOrder | None = None
    began: float = 0.0
    """Unix seconds. A hall that was put out before the call began may come again by it, as by a new token."""
    dialing: DialEvents | None = None
    """None: a call of theirs."""
    rungs: int = 1
    """Profiles that this terminal could be offered."""
    address: str = ""
    room: Room | None = None
    """None: nowhere yet."""
    stood: bool = False
    over: bool = False
    passage: Passage = Passage.NONE
    hung_up_by_us: bool = False
    expected: bool = False
    """Its terminal is registered and invited: it may come into an important meeting if it is protected as that wants it."""
    put_out: dialout.Event | None = None
    """DROP: by a host; END: with the conference. It is not called again by itself."""
    watch: asyncio.TimerHandle | None = None
    """Ends a leg that stays too long; the leg would be kept in memory for as long."""
    side: Side = field(init=False)
    _on_moved: Callable[[bool], None] | None = None
    _moving: Room | None = None
    _heard: tuple[Heard, ...] = ()

    def __post_init__(self, make_side: Callable[[Leg], Side]) -> None:
        self.side = make_side(self)

    # -- into a room

    def expect(self, conference: Conference, mode: Mode = "meeting") -> Room:
        """Lines of ours in this conference; nobody sees the hall yet. Raises Refusal."""
        grants = Grants(
            identity=self.party.identity,
            name=self.party.name,
            conference=conference.name,
            join=True,
            kind=Kind.SIP,
            passage=self.passage,
            issued_at=self.began,
        )
        entry = Entry(grants=grants, dual=False, packets=packets.NoPackets(), auto_subscribe=False)
        hall = conference.halls.expect(entry, self, self.options, mode)
        hall.position, hall.language = self.party.position, self.party.language or "vi"
        return Room(conference, hall)

    def begin_in(self, conference: Conference, mode: Mode = "meeting") -> None:
        """Opens what a call of ours needs. Raises Refusal."""
        self.room = self.expect(conference, mode)
        try:
            self.side.prepare(self.room.hall)
        except (Refusal, PeerError):
            self._leave_room()
            raise

    def accept_in(self, conference: Conference, mode: Mode = "meeting") -> None:
        """Takes a call of theirs into this conference. Does nothing once the call was given up: lines that are opened then would
        never be closed. Raises Refusal.
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
        """Hears and sees this conference before its call is refused (early media). False: it cannot. Raises Refusal."""
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
        """To another conference. The hall stays where it is until the terminal agrees. Raises Refusal."""
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
        """On its way into another room."""
        return self._moving is not None

    @property
    def destination(self) -> Room | None:
        """Where it is on its way to, else where it is."""
        return self._moving or self.room

    @property
    def conferences(self) -> tuple[str, ...]:
        """Where it is, and where it is on its way to."""
        return tuple(room.conference.name for room in (self.room, self._moving) if room is not None)

    # -- what its side tells

    def enter(self, plan: MediaPlan) -> None:
        """The call is answered. Raises Refusal: the conference does not take it."""
        assert self.room is not None
        self.room.conference.halls.welcome(self.room.hall)
        self.stood = True
        self._apply(self.room.hall, plan)
        self.events.stands(self)

    def _apply(self, hall: Hall, plan: MediaPlan) -> None:
        hall.apply(plan)
        self.side.applied(hall, plan)

    def unfit(self, failure: Failure, forbidden: str = "") -> None:
        """The call is answered, and cannot be used. `forbidden`: of `REASONS`, where it must not be used."""
        if forbidden or not self.stood:
            _come_to_nothing(self, failure, forbidden)
        self.end("unfit")

    def reagreed(self, plan: MediaPlan) -> None:
        """By their offer: something else is agreed on."""
        if self.room is not None:
            self._apply(self.room.hall, plan)
            self.events.agreed(self)

    def answered(self, plan: MediaPlan | None) -> None:
        """To an offer of ours in a call that stands. None: it was refused, or cannot be used, and all stays as it was."""
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
            self.end("moved in vain")
            return
        self._apply(to.hall, plan)
        self._moved(True)
        self.events.moved(self)

    def _moved(self, well: bool) -> None:
        done, self._on_moved = self._on_moved, None
        if done is not None:
            done(well)

    def heard(self, key: str, way: Way) -> bool:
        """A key of the remote control. True: it was a menu's, or it came by the other way before."""
        if self.room is None:
            return True
        now = self.room.conference.around.clock.monotonic()
        self._heard, again = twice(self._heard, key, way, now)
        return again or self.events.pressed(self, key)

    def ended(self, failure: Failure, *, hung_up: bool, forbidden: str = "") -> None:
        """The last word of the side. `forbidden`: of `REASONS`, where the call may not come about."""
        if self.over:
            return
        self.over, stood = True, self.stood
        try:
            self._leave_room()
        finally:  # else the board would have it in the meeting for ever
            if stood or self.order is None:
                self.events.over(self, hung_up=hung_up)
            else:
                _come_to_nothing(self, failure, forbidden)

    def abandon(self) -> None:
        """Nothing was ever sent of it."""
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

    # -- what is wanted of it

    def speak(self, language: Language) -> None:
        """From now on."""
        self.party = replace(self.party, language=language)
        if self.room is not None:
            self.room.hall.language = language

    def name(self, standing: Standing) -> None:
        """It has this row on the board from now on."""
        self.party = replace(party_of(standing), language=self.party.language)
        self.side.name(standing.leg.id)

    def end(self, reason: str = "") -> None:
        self.hung_up_by_us = True
        if not self.over:
            self.side.hang_up(reason)

    # -- what the conference wants (HallSignal)

    def request_keyframe(self) -> None:
        if not self.over:
            self.side.request_keyframe()

    def hang_up(self, code: str) -> None:
        """The conference has put the hall out; or the hall has come once more, and its new call counts; or the server stops, and
        the server in its place calls the hall.
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

    def move_camera(self, pan: int, tilt: int, zoom: int) -> None:
        self.side.camera.move(pan, tilt, zoom)

    def camera_said(self, frame: bytes) -> None:
        self.side.camera.said(frame)

    def pressed(self, key: str) -> bool:
        return self.heard(key, "packets")


def party_of(standing: Standing) -> Party:
    """The hall of this row."""
    terminal = standing.terminal
    identity, language = f"hall_terminal.{terminal.id}", language_of(terminal.language)
    return Party(identity, standing.site.name, terminal.id, standing.leg.id, 0, language)


def language_of(text: str) -> Language:
    return "en" if text == "en" else "vi"


def cause_of(error: Exception) -> Cause:
    """What a terminal is told of a refusal; of anything else, that we cannot."""
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
