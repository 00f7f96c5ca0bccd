"""The SIP side of one leg: its `Call`, its INFO bodies and its statuses. `descriptions` has its descriptions.

The leg (`signaling.halls.calls.leg`) knows where the hall is and which parts receive its events. Implements
`signaling.sip.call.call.CallEvents` and `signaling.halls.calls.leg.Side`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from conference import Hall, PeerError, Refusal, dialout
from conference.ground.plan import MediaPlan
from conference.halls.causes import Cause
from signaling.halls.calls.leg import Failure, Leg, Path, cause_of
from signaling.halls.calls.protection import Protection
from signaling.halls.ground import limits
from signaling.halls.sip.camera import HallCamera
from signaling.halls.sip.content_tokens import ContentTokens
from signaling.halls.sip.descriptions import Descriptions
from signaling.halls.sip.roster import Rosters
from signaling.halls.sip.saved_calls import SavedCalls
from signaling.halls.sip.trace import Traces
from signaling.sip.call.call import Call
from signaling.sip.call.causes import STATUSES, Kind, hall_cause
from signaling.sip.call.causes import Cause as SipCause
from signaling.sip.call.events import Refused
from signaling.sip.call.states import State
from signaling.sip.media.plan import NotAcceptable
from signaling.sip.media.profiles import Profile
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire import mediacontrol

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shared:
    """The parts that all SIP sides of this process share."""

    protection: Protection
    tokens: ContentTokens
    saved: SavedCalls
    rosters: Rosters
    traces: Traces


class SipSide:
    """The SIP side of a leg. `call` None: an outgoing call before it is dialled. `number`: the session number in our
    descriptions.
    """

    def __init__(self, leg: Leg, shared: Shared, profile: Profile, number: int, call: Call | None = None) -> None:
        self.leg = leg
        self.call = call
        self.camera = HallCamera(partial(_tell_camera, leg))
        self._keyframes = profile.keyframes
        self._shared = shared
        self._sdp = Descriptions(leg, profile, number, shared.protection, shared.tokens)
        self._early = b""
        self._offered_more = False

    # -- commands from the leg (Side)

    @property
    def path(self) -> Path | None:
        dialog = self.call.dialog if self.call is not None else None
        return _path(dialog.hop) if dialog is not None else None

    @property
    def plan(self) -> MediaPlan | None:
        return self._sdp.plan

    @property
    def is_unheard(self) -> bool:
        return self.call is not None and self.call.state is State.DIALLING

    def check_encryption(self) -> None:
        if self.path is None or not self.path.encrypted:
            raise NotAcceptable("tls_needed")

    def prepare(self, hall: Hall) -> None:
        self._sdp.ends(hall)

    def offer_by(self, hop: Hop) -> bytes:
        """Return the offer of an outgoing call for the hop that is tried. The ports of the offer are open."""
        assert self.leg.room is not None
        return self._sdp.offer(self.leg.room.hall, _path(hop))

    def ring(self) -> None:
        if self.call is not None:
            self.call.ring(self._early)

    def accept(self, hall: Hall) -> None:
        assert self.call is not None
        if not self.call.offer:
            self.call.accept(self._sdp.offer(hall, self.path))
            return
        body, plan = self._sdp.answer(hall, self.path, self.call.offer)
        self._sdp.agree(body, plan)
        self.call.accept(body)

    @property
    def may_listen(self) -> bool:
        """Report whether the terminal takes early media. A terminal does not if it wants our offer, or if it requires confirmed
        provisional answers (100rel).
        """
        return self.call is not None and bool(self.call.offer) and self.call.may_ring

    def listen(self, hall: Hall) -> MediaPlan:
        """Return the plan of early media (RFC 3960)."""
        assert self.call is not None
        self._early, plan = self._sdp.answer(hall, self.path, self.call.offer)
        return plan

    def refuse(self, why: Cause | Exception) -> None:
        if self.call is None:
            return
        if isinstance(why, Cause):
            self.call.refuse(STATUSES[why], _again(why))
        else:
            self.call.refuse(*refusal_of(why, self.leg.options.announced or self.leg.options.host))

    def offer(self, hall: Hall) -> None:
        assert self.call is not None
        self.call.reinvite(self._sdp.offer(hall, self.path))

    def applied(self, hall: Hall, plan: MediaPlan) -> None:
        self._shared.tokens.follow(hall, plan.bfcp)
        if hall.lines.moves_camera:
            self.camera.introduce()
        if not self._offered_more and self._sdp.needs_more(hall, plan):
            self._offered_more = True  # Once only: a terminal that refuses slides would get endless offers.
            asyncio.get_running_loop().call_later(limits.SECOND_OFFER_S, self.leg.renegotiate)

    def left(self, hall: Hall) -> None:
        self._shared.tokens.leave(hall)

    def request_keyframe(self) -> None:
        if self.call is not None and "info" in self._keyframes:
            self.call.info(mediacontrol.MEDIA_CONTROL, mediacontrol.keyframe_request())

    def hang_up(self, reason: str) -> None:
        if self.call is not None:
            self.call.hang_up(reason)

    def give_up(self, why: str) -> None:
        if self.call is not None:
            self.call.fail(SipCause(Kind.UNREACHABLE, detail=why))

    async def save(self) -> None:
        if self.call is not None:
            await self._shared.saved.came(self.call)

    async def save_name(self, session: AsyncSession, leg_id: str) -> None:
        if self.call is not None:
            await self._shared.saved.name(session, self.call, leg_id)

    def name(self, leg_id: str) -> None:
        self._shared.traces.name(self.call.call_id if self.call is not None else "", leg_id)

    # -- events from SIP (CallEvents)

    def ringing(self, call: Call, body: bytes) -> None:
        if self.leg.dialing is not None:
            self.leg.dialing.rang(self.leg)

    def answered(self, call: Call, body: bytes) -> None:
        """Take the answer of the call. `body`: the terminal's answer; empty: we answered the terminal's offer."""
        try:
            self._sdp.place(self.path)
            plan = self._sdp.read(body) if body else self.plan
            assert plan is not None
            self.leg.enter(plan)
        except NotAcceptable as error:
            if error.code.startswith("encryption") and self.leg.order is not None and not self.leg.stood:
                self._unfit(Cause.PROFILE, "needs_encryption")
            else:
                self._unfit(Cause.PROFILE)
        except PeerError:
            self._unfit(Cause.PROFILE)
        except Refusal as refusal:
            self._unfit(cause_of(refusal))

    def _unfit(self, cause: Cause, forbidden: str = "") -> None:
        self.leg.unfit(Failure(cause, STATUSES[cause]), forbidden)

    def reoffered(self, call: Call, body: bytes) -> bytes | Refused:
        room = self.leg.destination
        if room is None or self.plan is None:
            return Refused(488)
        try:
            if not body:
                return self._sdp.offer(room.hall, self.path)
            made, plan = self._sdp.answer(room.hall, self.path, body)
        except (Refusal, PeerError) as error:
            warning = (("warning", error.header("diemcau")),) if isinstance(error, NotAcceptable) else ()
            return Refused(488, warning)
        self._sdp.agree(made, plan)
        self.leg.reagreed(plan)
        return made

    def renegotiated(self, call: Call, body: bytes, status: int) -> None:
        plan, before = None, self.leg.room
        try:
            plan = self._sdp.read(body) if status < 300 else None
        except (Refusal, PeerError) as error:
            log.info("the answer of %s cannot be used: %s", self.leg.party.identity, error)
        self.leg.answered(plan)
        if self.leg.room is not None and self.leg.room is not before:
            self._shared.rosters.moved(self.leg)

    def info(self, call: Call, content_type: str, body: bytes) -> int:
        room = self.leg.room
        try:
            said = mediacontrol.read(content_type, body)
        except PeerError:
            return 400
        if isinstance(said, mediacontrol.KeyframeWanted) and room is not None:
            room.hall.keyframe_asked()
        elif isinstance(said, mediacontrol.MediaFault):
            log.info("%s reports that it cannot do a request: %r", self.leg.party.identity, said.text)
        known = content_type.partition(";")[0].strip().lower() == mediacontrol.MEDIA_CONTROL
        return 200 if known else 415

    def dtmf(self, call: Call, digit: str, duration_ms: int) -> None:
        room = self.leg.room
        if room is not None and not self.leg.heard(digit, "signalling"):
            room.hall.press(digit)

    def ended(self, call: Call, cause: SipCause) -> None:
        forbidden = cause.kind is Kind.FORBIDDEN_TARGET and cause.detail in dialout.REASONS
        # The terminal rang without an answer, and our CANCEL has no status.
        status = 408 if cause.kind is Kind.NO_ANSWER else cause.status
        failure = Failure(hall_cause(status), status, float(cause.retry_after_s or 0))
        try:
            self.leg.ended(failure, hung_up=cause.kind is Kind.NORMAL, forbidden=cause.detail if forbidden else "")
        finally:
            self._shared.saved.over(call.call_id, call.local.tag)
            self._shared.rosters.left(self.leg)


def refusal_of(error: Exception, host: str) -> tuple[int, list[tuple[str, str]]]:
    """Return the status and the headers that refuse an INVITE."""
    if isinstance(error, NotAcceptable):
        return 488, [("warning", error.header(host))]
    if isinstance(error, PeerError):
        return 400, []
    cause = cause_of(error)
    headers = _again(cause)
    if headers and isinstance(error, Refusal):
        headers.append(("warning", f'399 {host} "{error.english}"'))
    return STATUSES[cause], headers


def _again(cause: Cause) -> list[tuple[str, str]]:
    """Return the Retry-After header if the server is full."""
    full = cause in (Cause.BUSY, Cause.OVERLOADED)
    return [("retry-after", str(limits.FULL_AGAIN_S))] if full else []


def _tell_camera(leg: Leg, frame: bytes) -> None:
    if leg.room is not None:
        leg.room.hall.lines.tell_camera(frame)


def _path(hop: Hop) -> Path:
    return Path(hop.host, hop.transport == "tls")
