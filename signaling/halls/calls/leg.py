"""One hall's call joined to its place in a conference: SIP on one side, lines and a participant on the other.

Owns what was offered and agreed, and the moves between rooms (menu, test room, lobby, meeting) by a re-INVITE. Who may enter is
decided by `halls.py`, what a hall sees by the conference. Implements `signaling.sip.call.call.CallEvents` and
`conference.ports.halls.HallSignal`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from conference import Conference, Entry, Grants, Hall, Kind, Mode, Passage, PeerError, Refusal, dialout, packets
from conference.announcements.spoken_texts import Language
from conference.ground.events import Reason
from conference.ground.plan import MediaPlan, OwnEnds, Policy
from conference.halls.keypad import Heard, Way, twice
from conference.ports.halls import DialOrder, LineOptions
from rooms.dialling.legs import Standing
from signaling.halls.calls.protection import Protection
from signaling.halls.sip.camera import HallCamera
from signaling.halls.sip.content_tokens import HallFloors
from signaling.sip.call.call import Call
from signaling.sip.call.causes import Cause
from signaling.sip.call.causes import Kind as CauseKind
from signaling.sip.call.events import Refused
from signaling.sip.media import plan as plans
from signaling.sip.media.plan import Agreed, NotAcceptable
from signaling.sip.media.profiles import Profile
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire import mediacontrol

log = logging.getLogger(__name__)

MORE_S: Final = 1.0
"""After a call stands, until it is offered what it did not take at first: the terminal's own offer comes before."""
STATUSES: Final = {
    "conference_full": 486,
    "conference_limit": 486,
    "hall_limit": 486,
    "hall_ports_taken": 486,
    "halls_off": 503,
    "conference_not_found": 480,
    "removed": 603,
    "class_forbids": 403,
    "lobby_denied": 403,
}
"""A refusal of the conference as SIP says it. Full: Retry-After goes along."""
FULL_AGAIN_S: Final = 60


@dataclass(frozen=True, slots=True)
class Party:
    """Who is on the line. `terminal` empty: not in the register. `identity`: in the conference."""

    identity: str
    name: str
    terminal: str = ""
    leg_id: str = ""
    position: int = 10_000
    language: Language | None = None
    """Of what is said to it; None: nobody knows."""


def party_of(standing: Standing) -> Party:
    """The hall of this leg."""
    terminal = standing.terminal
    identity, language = f"hall_terminal.{terminal.id}", language_of(terminal.language)
    return Party(identity, standing.site.name, terminal.id, standing.leg.id, 0, language)


def language_of(text: str) -> Language:
    return "en" if text == "en" else "vi"


class Owner(Protocol):
    """What `halls.py` hears of a call."""

    floors: HallFloors
    protection: Protection

    def rang(self, one: HallCall) -> None: ...
    def stands(self, one: HallCall) -> None:
        """Answered, and its media are agreed on."""

    def moved(self, one: HallCall) -> None: ...
    def failed(self, one: HallCall, status: int, retry_after_s: int) -> None:
        """A call of ours that did not come about."""

    def forbidden(self, one: HallCall, why: str) -> None:
        """A call of ours that may not come about. `why`: of `conference.halls.dialout.REASONS`."""

    def over(self, one: HallCall, cause: Cause) -> None:
        """A call that stood is gone."""

    def pressed(self, one: HallCall, key: str) -> bool:
        """Whether the key is the menu's."""


@dataclass(slots=True)
class Room:
    """Where the hall is, or is on its way to."""

    conference: Conference
    hall: Hall


@dataclass(eq=False)
class HallCall:
    """`call` is set by whoever made it. `order`: of a call of ours."""

    owner: Owner
    profile: Profile
    policy: Policy
    options: LineOptions
    call_number: int
    party: Party
    order: DialOrder | None = None
    began: float = 0.0
    """Unix seconds. Whoever was put out before it began may come again by it, as by a new token."""
    call: Call | None = None
    room: Room | None = None
    """None: nowhere yet."""
    agreed: Agreed | None = None
    stood: bool = False
    over: bool = False
    rungs: int = 1
    """Profiles that this terminal could be offered."""
    passage: Passage = Passage.NONE
    hung_up_by_us: bool = False
    expected: bool = False
    """Its terminal is registered and invited: it may come into an important meeting if it is protected as that wants it."""
    put_out: dialout.Event | None = None
    """DROP: by a host; END: with the conference. It is not called again by itself."""
    address: str = ""
    on_moved: Callable[[bool], None] | None = None
    watch: asyncio.TimerHandle | None = None
    """Ends it when it stays too long; it would be kept in memory for as long."""
    _offered: bytes = b""
    _moving: Room | None = None
    _offered_more: bool = False
    _heard: tuple[Heard, ...] = ()
    _camera: HallCamera = field(init=False)

    def __post_init__(self) -> None:
        self._camera = HallCamera(self._tell_camera)

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
            self._ends(self.room)
        except (Refusal, PeerError):
            self._leave_room()
            raise

    def offer_by(self, hop: Hop) -> bytes:
        """The offer of a call of ours, for the hop that is tried. Its ports are open."""
        assert self.room is not None
        self.policy = self.owner.protection.placed(self, hop)
        self._offered = plans.make_offer(self._ends(self.room), self.profile, self.policy)
        return self._offered

    def accept_in(self, conference: Conference, mode: Mode = "meeting") -> None:
        """Takes a call of theirs into this conference. Raises Refusal; NotAcceptable among them. Nothing once it was given up:
        lines that are opened then would never be closed.
        """
        assert self.call is not None
        if self.over:
            return
        self.room = self.expect(conference, mode)
        try:
            self.policy = self.owner.protection.placed(self)
            if not self.call.offer:
                self._offered = plans.make_offer(self._ends(self.room), self.profile, self.policy)
                self.call.accept(self._offered)
                return
            body, plan = plans.answer(self.call.offer, self._ends(self.room), self.profile, self.policy)
            self.agreed = Agreed(body, plan)
            self.call.accept(body)
        except (Refusal, PeerError):
            self._leave_room()
            raise

    def listen_in(self, conference: Conference, mode: Mode) -> bool:
        """Hears and sees this conference before its call is refused: early media (RFC 3960), in a 183. False: it cannot, as it
        wants our offer, or shares no codec with us. Raises Refusal.
        """
        assert self.call is not None
        if not self.call.offer or not self.call.may_ring:
            return False
        self.room = self.expect(conference, mode)
        try:
            self.policy = self.owner.protection.placed(self)
            body, plan = plans.answer(self.call.offer, self._ends(self.room), self.profile, self.policy)
            conference.halls.welcome(self.room.hall)
        except (Refusal, PeerError):
            self._leave_room()
            return False
        self.call.ring(body)
        self.room.hall.apply(plan)
        return True

    def move(self, conference: Conference, done: Callable[[bool], None], mode: Mode = "meeting") -> None:
        """To another conference by a re-INVITE. It stays where it is until the terminal agrees. Raises Refusal."""
        assert self.call is not None and self._moving is None
        room = self._moving = self.expect(conference, mode)
        try:
            self.policy = self.owner.protection.placed(self)
            self._offered = plans.make_offer(self._ends(room), self.profile, self.policy, self.agreed)
        except (Refusal, PeerError):
            self._moving = None
            conference.halls.dismiss(room.hall)
            raise
        self.on_moved = done
        self.call.reinvite(self._offered)

    @property
    def moving(self) -> bool:
        """On its way into another room."""
        return self._moving is not None

    @property
    def conferences(self) -> tuple[str, ...]:
        """Where it is, and where it is on its way to."""
        return tuple(room.conference.name for room in (self.room, self._moving) if room is not None)

    @property
    def by_tls(self) -> bool:
        dialog = self.call.dialog if self.call is not None else None
        return dialog is not None and dialog.hop.transport == "tls"

    @property
    def encrypted(self) -> bool:
        """Everything that was agreed on has keys."""
        return self.agreed is not None and self.agreed.plan.encrypted

    def _ends(self, room: Room) -> OwnEnds:
        floor = self.owner.floors.own(room.hall)
        return room.hall.lines.prepare(
            floor=floor, content=self.profile.content, camera=self.profile.far_camera, call_number=self.call_number
        )

    # -- what SIP tells (CallEvents)

    def ringing(self, call: Call, body: bytes) -> None:
        self.owner.rang(self)

    def answered(self, call: Call, body: bytes) -> None:
        """`body`: their answer; empty: we answered their offer."""
        try:
            self.policy = self.owner.protection.placed(self)
            if body:
                plan = plans.read_answer(self._offered, body, self.profile, self.policy)
                self.agreed = Agreed(self._offered, plan)
            self._enter()
        except NotAcceptable as error:
            if error.code.startswith("encryption") and self.order is not None and not self.stood:
                self.owner.forbidden(self, "needs_encryption")
                self.end("unfit")
                return
            self._unfit(488)
        except PeerError:
            self._unfit(488)
        except Refusal as refusal:
            self._unfit(STATUSES.get(refusal.code, 480))

    def _enter(self) -> None:
        assert self.room is not None and self.agreed is not None
        self.room.conference.halls.welcome(self.room.hall)
        self.stood = True
        self._apply(self.room.hall, self.agreed.plan)
        self.owner.stands(self)

    def _apply(self, hall: Hall, plan: MediaPlan) -> None:
        hall.apply(plan)
        self.owner.floors.follow(hall, plan.floor)
        if hall.lines.moves_camera:
            self._camera.introduce()
        if (
            not self._offered_more
            and self.room is not None
            and plans.needs_more(plan, self._ends(self.room), self.profile)
        ):
            self._offered_more = True  # once: whoever refuses slides is not asked for ever
            asyncio.get_running_loop().call_later(MORE_S, self.renegotiate)

    def _unfit(self, status: int) -> None:
        """The call stands and cannot be used."""
        if not self.stood:
            self.owner.failed(self, status, 0)
        self.end("unfit")

    def reoffered(self, call: Call, body: bytes) -> bytes | Refused:
        room = self._moving or self.room
        if room is None or self.agreed is None:
            return Refused(488)
        self.policy = self.owner.protection.placed(self)
        try:
            if not body:
                self._offered = plans.make_offer(self._ends(room), self.profile, self.policy, self.agreed)
                return self._offered
            made, plan = plans.answer(body, self._ends(room), self.profile, self.policy, self.agreed)
        except (Refusal, PeerError) as error:
            warning = (("warning", error.header("diemcau")),) if isinstance(error, NotAcceptable) else ()
            return Refused(488, warning)
        self._take(made, plan)
        return made

    def renegotiated(self, call: Call, body: bytes, status: int) -> None:
        moving, self._moving = self._moving, None
        plan = self._read(body) if status < 300 else None
        if plan is None:
            if moving is not None:
                moving.conference.halls.dismiss(moving.hall)
                self._moved(False)
            return
        if moving is None:
            self._take(self._offered, plan)
            return
        self._change_room(moving, plan)

    def _read(self, body: bytes) -> MediaPlan | None:
        before = self.agreed.plan if self.agreed else None
        try:
            return plans.read_answer(self._offered, body, self.profile, self.policy, before)
        except (Refusal, PeerError) as error:
            log.info("an answer of %s cannot be used: %s", self.party.identity, error)
            return None

    def _take(self, sent: bytes, plan: MediaPlan) -> None:
        self.agreed = Agreed(sent, plan)
        if self.room is not None:
            self._apply(self.room.hall, plan)
            self.owner.protection.agreed(self)

    def _change_room(self, to: Room, plan: MediaPlan) -> None:
        self._leave_room()
        self.room, self.agreed = to, Agreed(self._offered, plan)
        try:
            to.conference.halls.welcome(to.hall)
        except Refusal:
            self._moved(False)
            self.end("moved in vain")
            return
        self._apply(to.hall, plan)
        self._moved(True)
        self.owner.moved(self)

    def _moved(self, well: bool) -> None:
        done, self.on_moved = self.on_moved, None
        if done is not None:
            done(well)

    def info(self, call: Call, content_type: str, body: bytes) -> int:
        try:
            said = mediacontrol.read(content_type, body)
        except PeerError:
            return 400
        if isinstance(said, mediacontrol.KeyframeWanted) and self.room is not None:
            self.room.hall.keyframe_asked()
        elif isinstance(said, mediacontrol.MediaFault):
            log.info("%s cannot do what it was asked for: %r", self.party.identity, said.text)
        known = content_type.partition(";")[0].strip().lower() == mediacontrol.MEDIA_CONTROL
        return 200 if known else 415

    def dtmf(self, call: Call, digit: str, duration_ms: int) -> None:
        if self.room is not None and not self._taken(digit, "signalling"):
            self.room.hall.press(digit)

    def _taken(self, key: str, way: Way) -> bool:
        """By a menu, or because it came by the other way before."""
        if self.room is None:
            return True
        now = self.room.conference.around.clock.monotonic()
        self._heard, again = twice(self._heard, key, way, now)
        return again or self.owner.pressed(self, key)

    def speak(self, language: Language) -> None:
        """From now on."""
        self.party = replace(self.party, language=language)
        if self.room is not None:
            self.room.hall.language = language

    def ended(self, call: Call, cause: Cause) -> None:
        if self.ended_once():
            return
        stood = self.stood
        try:
            self._leave_room()
        finally:  # else the board would have it in the meeting for ever
            if stood or self.order is None:
                self.owner.over(self, cause)
            elif cause.kind is CauseKind.FORBIDDEN_TARGET and cause.detail in dialout.REASONS:
                self.owner.forbidden(self, cause.detail)
            else:
                status = (
                    408 if cause.kind is CauseKind.NO_ANSWER else cause.status
                )  # it rang, and our CANCEL has no status
                self.owner.failed(self, status, cause.retry_after_s or 0)

    def ended_once(self) -> bool:
        """True: it had ended before."""
        before, self.over = self.over, True
        return before

    def abandon(self) -> None:
        """Nothing was ever sent of it."""
        self.over = True
        self._leave_room()

    def _leave_room(self) -> None:
        self._camera.stop()
        for room in (self.room, self._moving):
            if room is None:
                continue
            self.owner.floors.leave(room.hall)
            if room.hall in room.conference.halls.expected:
                room.conference.halls.dismiss(room.hall)
            else:
                room.hall.hung_up()
        self.room = self._moving = None

    # -- what the conference wants (HallSignal)

    def request_keyframe(self) -> None:
        if self.call is not None and not self.over and "info" in self.profile.keyframes:
            self.call.info(mediacontrol.MEDIA_CONTROL, mediacontrol.keyframe_request())

    def hang_up(self, code: str) -> None:
        """The conference has put the hall out; or the hall has come once more, and its new call counts; or the server stops, and
        whoever starts in its place calls it.
        """
        if code == Reason.CONFERENCE_DELETED.value:
            self.put_out = dialout.Event.END
        elif code not in (Reason.DUPLICATE_IDENTITY.value, Reason.SERVER_SHUTDOWN.value):
            self.put_out = dialout.Event.DROP
        self.end(code)

    def end(self, reason: str = "") -> None:
        self.hung_up_by_us = True
        if self.call is not None and not self.over:
            self.call.hang_up(reason)

    def renegotiate(self) -> None:
        if self.over or self.call is None or self.room is None or self.agreed is None or self._moving is not None:
            return
        self.policy = self.owner.protection.placed(self)
        self._offered = plans.make_offer(self._ends(self.room), self.profile, self.policy, self.agreed)
        self.call.reinvite(self._offered)

    def hold(self, held: bool) -> None:
        self.policy = replace(self.policy, we_send=not held)
        self.renegotiate()

    @property
    def moves_camera(self) -> bool:
        return self.room is not None and self.room.hall.lines.moves_camera and self._camera.there

    def move_camera(self, pan: int, tilt: int, zoom: int) -> None:
        self._camera.move(pan, tilt, zoom)

    def camera_said(self, frame: bytes) -> None:
        self._camera.said(frame)

    def _tell_camera(self, frame: bytes) -> None:
        if self.room is not None:
            self.room.hall.lines.tell_camera(frame)

    def pressed(self, key: str) -> bool:
        return self._taken(key, "packets")


def refusal_of(error: Exception, host: str) -> tuple[int, list[tuple[str, str]]]:
    """(status, headers) of an INVITE that is not taken."""
    if isinstance(error, NotAcceptable):
        return 488, [("warning", error.header(host))]
    if isinstance(error, Refusal):
        status = STATUSES.get(error.code, 480)
        if status not in (486, 503):
            return status, []
        return status, [("retry-after", str(FULL_AGAIN_S)), ("warning", f'399 {host} "{error.english}"')]
    return 400, []
