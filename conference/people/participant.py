"""A participant of a conference: its rights, tracks, choices and connections.

Owns the state of one participant, and the methods that its session calls. Changes for other participants are made by
`conference.py`, `publishing.py`, `subscriptions.py` and the modules of `data/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Protocol

from conference.data import packets
from conference.data import tracks as data_tracks
from conference.data.state import DataState, DataTable
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.events import (
    Action,
    Answered,
    Event,
    GrantsChanged,
    Left,
    Offered,
    ParticipantView,
    Presence,
    Reason,
    RosterChanged,
    SectionsWanted,
)
from conference.ground.identifiers import ParticipantSid
from conference.ground.marks import HAND, RESERVED, UNMUTE_ASKED
from conference.ground.names import cleaned
from conference.ground.outbox import Outbox, change
from conference.ground.permissions import Grants, Source
from conference.people.connection import Connection
from conference.people.departures import Departures
from conference.people.link import Link
from conference.people.paths import Paths
from conference.people.roster import Roster
from conference.people.settling import Settling
from conference.ports.audience import Listener
from conference.ports.clients import Client, Entry
from conference.ports.media import Router
from conference.ports.time import Clock, Turns
from conference.tracks import backup_codec, publishing, subscriptions
from conference.tracks.gate import is_voice
from conference.tracks.quality import Meter
from conference.tracks.reports import Reports
from conference.tracks.speakers import Speakers
from conference.tracks.track import PendingSection, Permission, Settings, Track, TrackTable
from media import PeerError

NAMES_OTHERS: Final = (Answered, Offered, SectionsWanted)
"""Events with tracks of other participants. The receiver must know these participants first."""


class Hands(Protocol):
    """The queue of requests to speak."""

    def hand(self, one: Participant, up: bool, kind: str = "") -> None:
        """Queue a request of this kind (empty: a speech), or take it back. Raises Refusal."""

    def take_chair(self, hall: Participant, code: str) -> None:
        """Make a hall the chair, if its code is right. Raises Refusal."""


class Stage(Protocol):
    """The conference as its participants see it."""

    @property
    def name(self) -> str: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def router(self) -> Router: ...
    @property
    def tracks(self) -> TrackTable: ...
    @property
    def data(self) -> DataTable: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def roster(self) -> Roster: ...
    @property
    def speakers(self) -> Speakers: ...
    @property
    def meter(self) -> Meter: ...
    @property
    def departures(self) -> Departures: ...
    @property
    def paths(self) -> Paths: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def settling(self) -> Settling: ...
    def changed(self, participant: Participant) -> None:
        """Note a change. Other participants are notified at the end of this turn."""

    @property
    def hands(self) -> Hands: ...
    def signal_lost(self, participant: Participant) -> None:
        """Note that a participant's signalling connection was lost, or is there again. The participant may return."""

    def remove(self, participant: Participant, reason: Reason) -> None:
        """Remove the participant from all parts of the conference. Idempotent."""


class Participant:
    """A participant. `Conference.join` makes it. All methods run in the conference's one event loop."""

    def __init__(self, stage: Stage, sid: ParticipantSid, entry: Entry, client: Client | None) -> None:
        self.stage = stage
        self.table = stage.tracks
        self.outbox = stage.outbox
        self.sid: str = sid
        self.entry = entry
        self.grants = entry.grants
        self.client = client
        self.presence = Presence.JOINED
        self.joined_at = stage.clock.time()
        self.detached_at: float | None = None
        self.tracks: dict[str, Track] = {}
        self.pending: dict[str, Track] = {}
        self.unclaimed: list[PendingSection] = []
        self.permission = Permission()
        self.entered = False
        self.choices: dict[str, bool] = {}
        self.settings: dict[str, Settings] = {}
        self.stream_changes: dict[str, bool] = {}  # by track; sent at the end of the turn, see subscriptions.py
        self.told_paused: set[str] = set()
        self.refused: set[str] = set()  # tracks that their publisher does not let this participant receive
        self.data = DataState(stage.data)
        self.grade: object = None  # owned by quality.py
        self.reported = False  # the observers of all conferences know of this participant
        self.left = False
        self.before: Grants | None = None
        """The grants from before the lobby of a closed session, while the participant waits there."""
        self._version = 0
        self._view: ParticipantView | None = None
        self.connection: Link = self._connect()
        self.negotiated = self.connection if isinstance(self.connection, Connection) else None
        """The media connection if it can negotiate. None for a hall or the composed picture."""

    def _connect(self) -> Link:
        return Connection(self.stage.router, self, self.stage.clock, dual=self.entry.dual)

    @property
    def identity(self) -> str:
        return self.grants.identity

    @property
    def relay_wanted(self) -> bool:
        """Report whether the client must connect through a relay only (TURN)."""
        return self.negotiated is not None and self.negotiated.relay_wanted

    def seen_by(self, other: Listener) -> bool:
        """Report whether the other participant knows of this one and may receive its tracks."""
        return not self.grants.hidden

    def deliver(self, event: Event) -> None:
        """Send an event to the client at the end of the change. Without a client the event is dropped."""
        if self.client is None:
            return
        if isinstance(event, NAMES_OTHERS):
            self.stage.roster.tell_first(self)
        self.outbox.put(self.client, event)

    def view(self) -> ParticipantView:
        if self._view is None:
            self._version += 1
            self._view = self._make_view(Reason.UNKNOWN)
        return self._view

    def last_view(self, reason: Reason) -> ParticipantView:
        """Return the last view that others get when the participant leaves."""
        self._version += 1
        return replace(self._make_view(reason), presence=Presence.DISCONNECTED, tracks=(), data_tracks=())

    def changed(self) -> None:
        """Note a change. Other participants are notified at the end of this turn."""
        self._view = None
        self.stage.changed(self)

    def _make_view(self, reason: Reason) -> ParticipantView:
        return ParticipantView(
            sid=self.sid,
            identity=self.identity,
            grants=self.grants,
            presence=self.presence,
            tracks=tuple(track.view() for track in self.tracks.values()),
            data_tracks=tuple(track.view for track in self.data.published.values()),
            joined_at=self.joined_at,
            version=self._version,
            reason=reason,
            facts=self.entry.facts,
        )

    # -- calls of the session

    @change
    def receive_offer(self, sdp: str, offer_id: int) -> None:
        """Answer an offer at once. Raises PeerError for malformed SDP, which ends this participant's connection."""
        answer = publishing.answer(self, sdp)
        self.deliver(Answered(sdp=answer.sdp, offer_id=offer_id, tracks=answer.mid_to_track_id))
        publishing.take_answer(self, answer)
        self.stage.settling.add(self)

    @change
    def receive_answer(self, sdp: str, offer_id: int) -> None:
        """Apply an answer. Raises PeerError for malformed SDP."""
        if self.negotiated is not None and self.negotiated.accept_answer(sdp, offer_id):
            backup_codec.drop_unsupported(self)
        self.stage.settling.add(self)

    @change
    def update_own(self, *, name: str | None, metadata: str | None, attributes: Mapping[str, str] | None) -> None:
        """Change the facts that others see of this participant. Raises Refusal.

        A client on our own pages, or one that passed the lobby, changes only its hand and its answer to an unmute request. The
        server sets the time of the hand.
        """
        if self.grants.describes_itself:
            facts, wanted = described(attributes or {}), (attributes or {}).get(HAND)
            if wanted is not None:
                self.raise_hand(bool(wanted), wanted)
            self.update_facts(name=cleaned(name or "") or None, metadata=metadata, attributes=facts)
        elif self.grants.raises_hand or self.grants.can_update_own_metadata:
            self._update_marks(attributes or {})
        else:
            raise Refusal("metadata_denied")
        # The update is sent before the answer to the request, because native clients base their next change on the facts that
        # they know then.
        self.stage.roster.tell_first(self)

    def _update_marks(self, wanted: Mapping[str, str]) -> None:
        if HAND in wanted:
            self.raise_hand(bool(wanted[HAND]), wanted[HAND])
        if wanted.get(UNMUTE_ASKED) == "":  # the person has answered
            self.set_mark(UNMUTE_ASKED, on=False)

    @change
    def silence(self) -> bool:
        """Mute the participant's microphones by order of a host. Return True if one was on. The client may switch it on again."""
        announced = [one for one in self.pending.values() if one.main is None and is_voice(one.source, one.kind)]
        on = [*self.microphones(), *(one for one in announced if not one.muted)]
        for track in on:
            publishing.mute_from_outside(self, track.sid, True)
        self.set_mark(UNMUTE_ASKED, on=False)
        return bool(on)

    def ask_to_unmute(self) -> None:
        """Ask the person to switch the microphone on. Raises Refusal `microphone_denied`, `microphone_on`."""
        if not self.grants.may_publish(Source.MICROPHONE):
            raise Refusal("microphone_denied")
        if self.microphones():
            raise Refusal("microphone_on")
        self.set_mark(UNMUTE_ASKED, on=True)

    def unsilence(self) -> bool:
        """Undo `silence`. Returns False for a person's microphone: the person must be asked."""
        return False

    def lower_hand(self) -> None:
        """Remove the participant from the list of raised hands, by order of a host."""
        self.raise_hand(False)

    def microphones(self) -> list[Track]:
        """Return the microphones that are on. Sound without a source counts, because it may come from a microphone."""
        voices = (Source.MICROPHONE, Source.UNKNOWN)
        return [one for one in self.tracks.values() if one.kind == "audio" and one.source in voices and not one.muted]

    def raise_hand(self, up: bool, kind: str = "") -> None:
        """Raise or lower the hand: a request to speak, or its end. A hand that is already up keeps its place. Raises Refusal."""
        self.stage.hands.hand(self, up, kind)

    def set_mark(self, name: str, *, on: bool) -> None:
        """Set an attribute of `marks` to the current time, or remove it."""
        if on or name in self.grants.attributes:
            now_ms = round(self.stage.clock.time() * 1000)
            self.update_facts(name=None, metadata=None, attributes={name: str(now_ms) if on else ""})

    @change
    def update_facts(self, *, name: str | None, metadata: str | None, attributes: Mapping[str, str] | None) -> None:
        """Merge new facts with the old ones. An attribute with an empty value is removed. Raises Refusal."""
        merged = _merge(self.grants.attributes, attributes or {})
        _check_facts(name or "", metadata or "", merged)
        self.change_grants(
            replace(
                self.grants,
                name=self.grants.name if name is None else name,
                metadata=self.grants.metadata if metadata is None else metadata,
                attributes=merged,
            )
        )

    @change
    def change_grants(self, grants: Grants) -> None:
        """Replace the grants. They apply at once: tracks that may no longer be published or received stop."""
        if grants == self.grants:
            return
        before, self.grants = self.grants, grants
        self.changed()
        publishing.enforce(self)
        data_tracks.enforce(self)
        if before.hidden != grants.hidden:
            _show_or_hide(self)
        if before.can_subscribe != grants.can_subscribe:
            subscriptions.reconcile_all(self)
            data_tracks.subscribe_all(self)
        self.deliver(GrantsChanged(grants))

    def leave(self, reason: Reason) -> None:
        """Leave by the client's own request."""
        self.stage.remove(self, reason)

    def detach(self, client: Client) -> None:
        """Note that the signalling connection was lost. A newer connection may have replaced it already."""
        if self.client is not client:
            return
        self.client = None
        self.detached_at = self.stage.clock.monotonic()
        if not self.connection.ever_connected:
            self.stage.remove(self, Reason.SIGNAL_CLOSE)
        else:
            self.stage.signal_lost(self)

    # -- events of the media (connection.Owner)

    @change
    def media_connected(self) -> None:
        if self.presence is Presence.JOINED:
            self.presence = Presence.ACTIVE
            self.changed()
            self.stage.reports.arrived(self)

    @change
    def media_failed(self, reason: str) -> None:
        """Dismiss the client after a media failure. A lost path can be repaired by a resume. A failed handshake or a closed
        SCTP association cannot, so the participant is removed.
        """
        if self.left:
            return
        if reason == "ice":
            self.dismiss(Reason.MEDIA_FAILURE, Action.RESUME)
        else:
            self.dismiss(Reason.MEDIA_FAILURE, Action.RECONNECT)
            self.stage.remove(self, Reason.MEDIA_FAILURE)

    @change
    def media_message(self, label: str, message: bytes) -> None:
        try:
            if label == packets.FRAMES:
                data_tracks.receive_frame(self, message)
            elif label in packets.LABELS:
                packets.receive(self, label, message)
        except PeerError:
            self.dismiss(Reason.MEDIA_FAILURE, Action.DISCONNECT)
            self.stage.remove(self, Reason.MEDIA_FAILURE)

    def media_changed(self) -> None:
        self.stage.settling.add(self)

    @change
    def dismiss(self, reason: Reason, action: Action) -> None:
        """End the signalling connection, but not the participant."""
        client, self.client = self.client, None
        if client is not None:
            self.detached_at = self.stage.clock.monotonic()
            self.outbox.put(client, Left(reason, action))
            self.stage.signal_lost(self)


def _show_or_hide(participant: Participant) -> None:
    """Update the others when the participant becomes hidden or visible. For them a hidden participant has left, with its
    tracks.
    """
    stage = participant.stage
    if participant.grants.hidden:
        stage.speakers.gone(participant.sid)
        view = participant.last_view(Reason.UNKNOWN)
        stage.departures.note(view)
        gone = RosterChanged((view,))
        for other in list(stage.tracks.participants.values()):
            if other.sid != participant.sid:
                other.deliver(gone)
    else:
        stage.roster.came(participant)
    stage.meter.gone(participant.sid)
    for track in list(participant.tracks.values()):
        subscriptions.offer_to_all(track)
    data_tracks.visibility_changed(participant)


def described(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes without those that only the server writes. The server writes the time of a raised hand."""
    return {name: value for name, value in attributes.items() if name not in RESERVED and name != HAND}


def check_facts(grants: Grants) -> None:
    """Check the name, metadata and attributes of a newcomer, because all others receive them. Raises Refusal."""
    _check_facts(grants.name, grants.metadata, grants.attributes)


def _merge(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    merged = {**old, **new}
    return {key: value for key, value in merged.items() if value}


def _check_facts(name: str, metadata: str, attributes: Mapping[str, str]) -> None:
    """Refuse facts that no token can hold, because the client could not resume with such a token."""
    size = sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items())
    if (
        len(name.encode()) > limits.NAME_BYTES
        or len(metadata.encode()) > limits.METADATA_BYTES
        or size > limits.ATTRIBUTES_BYTES
        or len(attributes) > limits.ATTRIBUTES
    ):
        raise Refusal("metadata_too_long")
    if any("\0" in text for text in (name, metadata, *attributes, *attributes.values())):
        raise Refusal("metadata_bad")


@contextmanager
def whole(participant: Participant) -> Iterator[None]:
    """Remove the participant if it cannot join or resume completely. Otherwise it would stay half joined, without its client's
    knowledge.
    """
    try:
        yield
    except Exception:
        participant.client = None
        participant.stage.remove(participant, Reason.MEDIA_FAILURE)
        raise
