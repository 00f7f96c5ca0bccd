"""A browser session: it reads and writes signalling bytes. It has no socket and no clock: `Wire` and `now` are given.

The module owns the life of one WebSocket: its beginning (join or resume), its form (binary or text), its rate and its end.
`requests.py` handles each message of the client; `messages.py` writes the events of the conference.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from google.protobuf.message import Message
from livekit.protocol import rtc

from conference import (
    Entry,
    Grants,
    Participant,
    PeerError,
    Refusal,
    described,
    events,
    lasting_rights,
    marks,
)
from conference.ports.time import Cancellable
from signaling.rtc.session import requests, unknown_session
from signaling.rtc.session.context import GOING_AWAY, NORMAL, POLICY, TOO_LONG, UNREADABLE, Context, Wire
from signaling.rtc.session.rates import Rates
from signaling.rtc.wire import limits, messages, views
from signaling.rtc.wire.join import Ask

log = logging.getLogger(__name__)


class Session:
    """The implementation of `Client` (a protocol of `conference`) for browsers."""

    def __init__(self, context: Context, wire: Wire, grants: Grants, now: float) -> None:
        """`now`: the monotonic time at which the client asked for its socket."""
        self.context = context
        self.grants = grants
        self.participant: Participant | None = None
        self.closed = False
        self._wire = wire
        self._text = False
        self._rates = Rates()
        self._began = now
        self._refresh: Cancellable | None = None
        self._unknown: unknown_session.UnknownSession | None = None
        self._offer: rtc.SessionDescription | None = None
        """The offer of the join request, until the client has applied the offer."""
        self._offer_waits: Cancellable | None = None

    # -- life

    def start(self, ask: Ask) -> None:
        """Begin with a join or a resume. The first message to the client is `join`, `reconnect` or `leave`.

        Two resumes are closed without a message: if the client resumes too often, and if it asked for a silent cut
        (`Context.cut_resumes`). Raises Refusal if admission refuses a join; then nothing was made. A refused resume gets a
        message instead, because the client takes a refusal by HTTP as final.
        """
        if not ask.resume_sid:
            self.context.registry.check(self.grants)
        try:
            if ask.resume_sid:
                self._resume(ask)
            else:
                self._join(ask)
        except Refusal as refusal:
            self._refuse(ask, refusal)
        except (PeerError, OverflowError) as error:
            self._fail(error, events.Left(events.Reason.JOIN_FAILURE))

    def receive(self, data: bytes | str, now: float) -> None:
        """Handle one message of the client."""
        if self.closed:
            return
        if messages.is_too_long(data):
            self.close(TOO_LONG)
        elif not self._rates.messages.take(now) or not self._rates.bytes.take(now, messages.cost(data)):
            self.close(POLICY)
        else:
            self._text = isinstance(data, str)
            self._handle(data)

    def lost(self) -> None:
        """End the session because the socket is gone. The participant may return with another socket."""
        self._stop()
        if self.participant is not None:
            self.participant.detach(self)

    def close(self, code: int) -> None:
        """End this session only. Its participant stays for a time while its media work, and may resume."""
        if self.closed:
            return
        self._stop()
        self._wire.close(code)
        if self.participant is not None:
            self.participant.detach(self)

    def _stop(self) -> None:
        self.closed = True
        if self._refresh is not None:
            self._refresh.cancel()
            self._refresh = None
        if self._unknown is not None:
            self._unknown.cancel()
        self._offer = None
        if self._offer_waits is not None:
            self._offer_waits.cancel()
            self._offer_waits = None

    # -- to the client

    def deliver(self, event: events.Event) -> None:
        """Send an event to the client. Raises nothing. An event that cannot be written is a fault of the server and ends this
        session. The client then returns.
        """
        if self.closed:
            return
        try:
            self._write(event)
        except Exception:
            log.exception("the event %s cannot be sent to the client", type(event).__name__)
            if isinstance(event, events.Left):
                self.close(NORMAL)
            else:
                self.fail()

    def _write(self, event: events.Event) -> None:
        if isinstance(event, events.Superseded):
            self.participant = None
            self.close(NORMAL)
        elif isinstance(event, events.GrantsChanged):
            self._send_token()
        elif isinstance(event, events.Resumed):
            self._deliver_resumed(event)
        else:
            frame = self.context.encoder.encode(event, text=self._text)
            if frame is not None:
                self._wire.send(frame)
            if isinstance(event, events.Left):
                self.close(NORMAL)

    def respond(self, response: rtc.SignalResponse) -> None:
        self._send(response)

    def take_facts(self, size_bytes: int) -> None:
        """Raise Refusal when this client changes too often the facts that all participants see."""
        if not self._rates.facts.take(self.context.registry.around.clock.monotonic(), size_bytes):
            raise Refusal("metadata_too_often", "Đổi thông tin quá nhanh", "metadata changes too often")

    def _deliver_resumed(self, event: events.Resumed) -> None:
        told = messages.reconnect(self.context.encoder.facts, event.sid, event.conference.name, relay=event.relay)
        self._send(rtc.SignalResponse.FromString(told))
        for sid in event.silenced:
            self.deliver(events.MuteAsked(sid, True))
        self._send(rtc.SignalResponse.FromString(messages.update(event.participants)))
        self._send(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=views.room(event.conference))))

    def _send(self, message: Message) -> None:
        if not self.closed:
            self._wire.send(messages.to_text(message) if self._text else message.SerializeToString())

    def _send_token(self) -> None:
        """Send a token for the next resume. A timer sends the next token before this one expires."""
        if self.participant is None:
            return
        around = self.context.registry.around
        self.grants = grants = _lasting(self.participant)
        self._send(rtc.SignalResponse(refresh_token=self._sign(grants, around.clock.time())))
        if self._refresh is not None:
            self._refresh.cancel()
        self._refresh = around.turns.call_later(limits.REFRESH_S, self._refresh_token)

    def _sign(self, grants: Grants, now: float) -> str:
        """Return a token of at most `TOKEN_BYTES`. Facts and terms that do not fit are left out. The server keeps the facts,
        and the conference exists with its terms already.
        """
        sign = self.context.authority.sign
        token = sign(grants, limits.TOKEN_TTL_S, now)
        if len(token) > limits.TOKEN_BYTES:
            grants = self.context.kept.keep(grants, now)
            token = sign(grants, limits.TOKEN_TTL_S, now)
        if len(token) > limits.TOKEN_BYTES:
            token = sign(replace(grants, terms=None), limits.TOKEN_TTL_S, now)
        return token

    def _refresh_token(self) -> None:
        self._refresh = None
        if not self.closed and self.participant is not None:
            self._send_token()

    # -- beginning

    def _join(self, ask: Ask) -> None:
        participant = self._enter(ask)
        self.context.tally.joined(participant.sid, self._began, ask.library)
        self._send_token()
        for request in ask.add_tracks:
            requests.add_track(self, participant, request)
        if ask.offer is not None and ask.applies_offer_late:
            turns = self.context.registry.around.turns
            self._offer = ask.offer
            self._offer_waits = turns.call_later(limits.OFFER_WAITS_S, self._take_late_offer)
        elif ask.offer is not None:
            participant.receive_offer(ask.offer.sdp, ask.offer.id)

    def take_offer(self) -> None:
        """Answer the offer of the join request if it waited: the client has applied its local description."""
        offer, self._offer = self._offer, None
        if offer is not None and self.participant is not None:
            self.participant.receive_offer(offer.sdp, offer.id)

    def _take_late_offer(self) -> None:
        try:
            self.take_offer()
        except (PeerError, OverflowError) as error:
            self._fail(error, events.Left(events.Reason.JOIN_FAILURE))

    def _enter(self, ask: Ask) -> Participant:
        grants = _unmarked(self.context.kept.restored(self.grants, self.context.registry.around.clock.time()))
        if grants.describes_itself and (ask.metadata or ask.attributes):
            merged = {**grants.attributes, **described(ask.attributes)}
            grants = replace(grants, metadata=ask.metadata or grants.metadata, attributes=merged)
        entry = Entry(
            grants=grants,
            dual=ask.dual,
            packets=self.context.packets,
            auto_subscribe=ask.auto_subscribe,
            auto_subscribe_data=ask.auto_subscribe_data,
            may_pause=ask.may_pause,
            renews_decoders=ask.renews_decoders,
            first_quality_low=ask.adaptive_stream,
            facts=ask.client,
        )
        self.participant = self.context.registry.join(entry, self)
        self.context.rates[self.participant] = self._rates
        return self.participant

    def _resume(self, ask: Ask) -> None:
        conference = self.context.registry.get(self.grants.conference)
        silent = self.context.cut_resumes.pop(ask.resume_sid, None)
        if silent:
            self.close(GOING_AWAY)
            return
        if not self._goes_on(conference.participants.get(self.grants.identity), ask.resume_sid):
            self.close(POLICY)
            return
        participant = conference.resume(self.grants.identity, ask.resume_sid, self)
        self.participant = participant
        self.context.tally.resumed()
        self._send_token()
        if ask.sync_state is not None:
            requests.sync_state(self, participant, ask.sync_state)
        if silent is False:
            self.close(GOING_AWAY)

    def _goes_on(self, participant: Participant | None, sid: str) -> bool:
        """Take the rates of the participant that resumes. Returns False if the client resumes too often."""
        if participant is not None and participant.sid == sid:
            self._rates = self.context.rates.get(participant, self._rates)
        return self._rates.messages.take(self.context.registry.around.clock.monotonic(), limits.RESUME_MESSAGES)

    def _refuse(self, ask: Ask, refusal: Refusal) -> None:
        """Answer a refusal by a message; the message waits until the socket is open. A client that cannot resume joins again."""
        self.context.tally.refused(refusal.code)
        if ask.resume_sid and unknown_session.skips_backoff(ask):
            turns = self.context.registry.around.turns
            self._unknown = unknown_session.UnknownSession(
                self.context.encoder.facts, turns, self._send, lambda: self.close(NORMAL)
            )
        elif ask.resume_sid:
            self.deliver(events.Left(events.Reason.STATE_MISMATCH, events.Action.RECONNECT))
        else:
            log.info("join refused: %s", refusal.code)
            self.deliver(events.Left(events.Reason.JOIN_FAILURE))

    # -- messages

    def _handle(self, data: bytes | str) -> None:
        participant = self.participant
        if participant is None and self._unknown is None:
            return
        try:
            request = messages.read_request(data)
        except PeerError as error:
            log.info("session of %s: %s", participant.sid if participant else "(unknown)", error)
            self.close(UNREADABLE)
            return
        kind = request.WhichOneof("message")
        if participant is None:
            if self._unknown is not None and kind == "sync_state":
                self._unknown.leave()
            return
        handle = requests.TABLE.get(kind or "")
        if handle is None:
            return
        try:
            handle(self, participant, getattr(request, str(kind)))
        except Refusal as refusal:
            requests.refuse(self, str(kind), getattr(request, str(kind)), refusal)
        except (PeerError, OverflowError) as error:
            self._fail(error, events.Left(events.Reason.MEDIA_FAILURE, events.Action.RECONNECT))

    def fail(self) -> None:
        """End the session after a fault of the server. The client must get a message: clients wait for a first message."""
        self.deliver(events.Left(events.Reason.JOIN_FAILURE, events.Action.RECONNECT))

    def _fail(self, error: Exception, left: events.Left) -> None:
        """End this participant and no other: its bytes were wrong, or the packet plane is too busy."""
        participant = self.participant
        log.info("participant %s: %s", participant.sid if participant else "(joining)", error)
        self.participant = None
        self.deliver(left)
        if participant is not None:
            participant.client = None
            participant.leave(events.Reason.MEDIA_FAILURE)


def _lasting(participant: Participant) -> Grants:
    """Return the grants for a later join: without the marks of the moment, and with the rights from before a lobby."""
    return _unmarked(lasting_rights.of(participant))


def _unmarked(grants: Grants) -> Grants:
    kept = {name: value for name, value in grants.attributes.items() if name not in marks.MOMENTARY}
    return replace(grants, attributes=kept)
