"""Data between participants: packets (reliable and lossy) and data tracks. Payloads are opaque; `PacketFormat`
knows their bytes. Owns how much one participant may have passed on: each packet is work for each of its receivers.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conference import limits
from conference.connection import FRAMES, LOSSY, RELIABLE
from conference.errors import Refusal
from conference.events import DataSource, DataTrackHandles, DataTrackView
from conference.identifiers import DataTrackSid
from conference.pace import Budget
from media import PeerError

if TYPE_CHECKING:
    from conference.conference import Conference
    from conference.participant import Participant
    from conference.ports import Cancellable, Packet

log = logging.getLogger(__name__)

_HANDLE_MOST = 0xFFFF


class NoPackets:
    """The packet format (`ports.PacketFormat`) of those who send and get none."""

    def stamp(self, data: bytes, sender_sid: str, sender_identity: str, *, hidden: bool) -> Packet | None:
        return None

    def frame_handle(self, frame: bytes) -> int:
        raise PeerError("no data tracks")

    def with_handle(self, frame: bytes, handle: int) -> bytes:
        return frame


@dataclass(slots=True, eq=False)
class DataTrack:
    """A published data track; `subscribers`: participant sid -> (participant, handle in that subscriber's frames);
    `withheld`, by sid: who gets it once its owner is not hidden any more.
    """

    owner: Participant
    view: DataTrackView
    subscribers: dict[str, tuple[Participant, int]] = field(default_factory=dict)
    withheld: dict[str, Participant] = field(default_factory=dict)


@dataclass(slots=True)
class Outgoing:
    """What one participant has passed on to others: how much more it may, and what waits for that, in order."""

    budget: Budget = field(default_factory=lambda: Budget(limits.DATA_UNITS_PER_S, limits.DATA_UNITS_BURST))
    held: deque[Packet] = field(default_factory=deque)
    held_bytes: int = 0
    timer: Cancellable | None = None
    told: bool = False
    """The log says that some of it was dropped."""


@dataclass(slots=True)
class DataState:
    """One participant's part: what it publishes by its own handle, and what its frames' handles mean."""

    published: dict[int, DataTrack] = field(default_factory=dict)
    received: dict[int, DataTrack] = field(default_factory=dict)
    next_handle: int = 1
    outgoing: Outgoing = field(default_factory=Outgoing)
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    """What it left for others to fetch, such as schemas of its frames, by key."""


def receive(sender: Participant, label: str, message: bytes) -> None:
    """A message came from a participant. Raises PeerError when it is not of the format; what it may not send is
    dropped.
    """
    if len(message) > limits.PACKET_BYTES or not sender.grants.can_publish_data:
        return
    if label == FRAMES:
        _receive_frame(sender, message)
    elif label in (RELIABLE, LOSSY):
        packet = sender.entry.packets.stamp(message, sender.sid, sender.identity, hidden=sender.grants.hidden)
        if packet is None:
            return
        if label == RELIABLE:
            _hold(sender, packet)
        elif _may_send(sender):
            _pass_on(sender, packet, reliable=False)
        else:
            _drop(sender, "lossy")


def spread(conference: Conference, packet: Packet, *, reliable: bool, sender: Participant | None = None) -> int:
    """To everybody but the sender, or to its destinations; the same bytes for all. How many that were."""
    label = RELIABLE if reliable else LOSSY
    receivers: Sequence[Participant]
    if packet.metrics:
        receivers = [one for one in conference.participants.values() if one.grants.can_subscribe_metrics]
    elif packet.destinations:
        found = (conference.participants.get(identity) for identity in packet.destinations)
        receivers = [participant for participant in found if participant is not None]
    else:
        receivers = list(conference.participants.values())
    if sender is not None and (packet.metrics or packet.destinations):
        conference.roster.introduce(sender, receivers)
    elif sender is not None:
        conference.roster.know((sender.sid,))
    receivers = [participant for participant in receivers if participant is not sender]
    for participant in receivers:
        participant.connection.send(label, packet.payload)
    return len(receivers)


def publish(publisher: Participant, handle: int, name: str, facts: object) -> DataTrackView:
    """Raises Refusal."""
    published = publisher.data.published
    if not publisher.grants.can_publish_data:
        raise Refusal("publish_data_denied")
    if not 0 < handle <= _HANDLE_MOST:
        raise Refusal("handle_bad")
    if not name or len(name.encode()) > limits.DATA_TRACK_NAME_BYTES:
        raise Refusal("name_bad")
    if handle in published:
        raise Refusal("handle_taken")
    if any(track.view.name == name for track in published.values()):
        raise Refusal("name_taken")
    if len(published) >= limits.DATA_TRACKS_PER_PARTICIPANT:
        raise Refusal("track_limit")
    sid = DataTrackSid("DTR_" + publisher.conference.around.suffix())
    track = DataTrack(publisher, DataTrackView(handle=handle, sid=sid, name=name, facts=facts))
    published[handle] = track
    publisher.conference.data_tracks[sid] = track
    publisher.changed()
    everybody = publisher.conference.participants.values()
    takers = [one for one in everybody if one.entry.auto_subscribe_data and one is not publisher]
    for participant in takers:
        _subscribe(participant, track)
    return track.view


def unpublish(publisher: Participant, handle: int) -> DataTrackView:
    """Raises Refusal."""
    track = publisher.data.published.pop(handle, None)
    if track is None:
        raise Refusal("handle_unknown")
    publisher.conference.data_tracks.pop(track.view.sid, None)
    for participant, own in list(track.subscribers.values()):
        participant.data.received.pop(own, None)
        tell_handles_soon(participant)
    track.subscribers.clear()
    publisher.changed()
    return track.view


def choose(subscriber: Participant, track_sid: str, wanted: bool) -> None:
    """The caller tells the handles once after all its choices."""
    track = subscriber.conference.data_tracks.get(track_sid)
    if track is None or track.owner is subscriber:
        return
    if wanted:
        _subscribe(subscriber, track)
    else:
        track.withheld.pop(subscriber.sid, None)
        _, handle = track.subscribers.pop(subscriber.sid, (subscriber, 0))
        subscriber.data.received.pop(handle, None)


def subscribe_all(subscriber: Participant) -> None:
    """A newcomer that wants every data track gets those that are there."""
    if not subscriber.entry.auto_subscribe_data:
        return
    for participant in subscriber.conference.participants.values():
        for track in participant.data.published.values():
            if participant is not subscriber:
                _subscribe(subscriber, track)


def visibility_changed(publisher: Participant) -> None:
    """Whoever hides takes its data tracks away; seen again, it gives them back."""
    for track in publisher.data.published.values():
        if publisher.grants.hidden:
            for participant, handle in track.subscribers.values():
                participant.data.received.pop(handle, None)
                track.withheld[participant.sid] = participant
                tell_handles_soon(participant)
            track.subscribers.clear()
        else:
            withheld, track.withheld = track.withheld, {}
            for participant in withheld.values():
                _subscribe(participant, track)


def tell_handles_soon(subscriber: Participant) -> None:
    """At the end of the turn, or a little later where many tables are to be told."""
    subscriber.conference.tables.add(subscriber)


def tell_table(subscriber: Participant) -> float:
    """`Paced` work."""
    tell_handles(subscriber)
    return len(subscriber.data.received) * limits.HANDLE_S


def tell_handles(subscriber: Participant) -> None:
    for track in subscriber.data.received.values():
        subscriber.conference.roster.introduce(track.owner, (subscriber,))
    table = {
        handle: DataSource(track.owner.sid, track.owner.identity, track.view.sid)
        for handle, track in subscriber.data.received.items()
    }
    subscriber.deliver(DataTrackHandles(table))


def store(owner: Participant, key: bytes, contents: bytes) -> None:
    """Kept as long as its owner is there; the same key again replaces it. Raises Refusal."""
    blobs = owner.data.blobs
    if not owner.grants.can_publish_data:
        raise Refusal("publish_data_denied")
    others = [len(name) + len(value) for name, value in blobs.items() if name != key]
    if len(others) >= limits.BLOBS or sum(others) + len(key) + len(contents) > limits.BLOBS_BYTES:
        raise Refusal("blob_limit")
    blobs[key] = contents


def fetch(reader: Participant, identity: str, key: bytes) -> bytes:
    """`identity` empty: one's own. Raises Refusal."""
    owner = reader.conference.participants.get(identity or reader.identity)
    hidden = owner is not None and owner is not reader and owner.grants.hidden
    if owner is None or hidden or key not in owner.data.blobs:
        raise Refusal("blob_not_found")
    return owner.data.blobs[key]


def enforce(participant: Participant) -> None:
    """Ends what the grants no longer allow."""
    if not participant.grants.can_publish_data:
        for handle in list(participant.data.published):
            unpublish(participant, handle)
        _forget_held(participant)
    if not participant.grants.can_subscribe and participant.data.received:
        _unsubscribe_all(participant)
        tell_handles_soon(participant)


def forget(participant: Participant) -> None:
    """The participant is gone."""
    for handle in list(participant.data.published):
        unpublish(participant, handle)
    _unsubscribe_all(participant)
    _forget_held(participant)


def _forget_held(sender: Participant) -> None:
    outgoing = sender.data.outgoing
    outgoing.held.clear()
    outgoing.held_bytes = 0
    _announce_held(sender)
    if outgoing.timer is not None:
        outgoing.timer.cancel()
        outgoing.timer = None


def _unsubscribe_all(participant: Participant) -> None:
    for track in participant.data.received.values():
        track.subscribers.pop(participant.sid, None)
    for track in participant.conference.data_tracks.values():
        track.withheld.pop(participant.sid, None)
    participant.data.received.clear()


def _receive_frame(sender: Participant, frame: bytes) -> None:
    format_ = sender.entry.packets
    track = sender.data.published.get(format_.frame_handle(frame))
    if track is None:
        return
    if not _may_send(sender):
        _drop(sender, "frames")
        return
    for participant, handle in track.subscribers.values():
        participant.connection.send(FRAMES, format_.with_handle(frame, handle))
    sender.data.outgoing.budget.spend(_units(len(track.subscribers), len(frame)))


def _units(receivers: int, size_bytes: int) -> float:
    return receivers * (1 + size_bytes / limits.DATA_UNIT_BYTES)


def _may_send(sender: Participant) -> bool:
    return sender.data.outgoing.budget.wait_s(sender.conference.around.clock.monotonic()) == 0


def _pass_on(sender: Participant, packet: Packet, *, reliable: bool) -> None:
    receivers = spread(sender.conference, packet, reliable=reliable, sender=sender)
    sender.data.outgoing.budget.spend(_units(receivers, len(packet.payload)))


def _hold(sender: Participant, packet: Packet) -> None:
    """A reliable packet goes at once, or after those that wait."""
    outgoing = sender.data.outgoing
    size = outgoing.held_bytes + len(packet.payload)
    if len(outgoing.held) >= limits.HELD_PACKETS or size > limits.HELD_BYTES:
        _drop(sender, "reliable")
        return
    outgoing.held.append(packet)
    outgoing.held_bytes = size
    if outgoing.timer is None:
        _let_go(sender)
    else:
        _announce_held(sender)


def _let_go(sender: Participant) -> None:
    outgoing, around = sender.data.outgoing, sender.conference.around
    outgoing.timer = None
    while outgoing.held and _may_send(sender):
        packet = outgoing.held.popleft()
        outgoing.held_bytes -= len(packet.payload)
        _pass_on(sender, packet, reliable=True)
    _announce_held(sender)
    if outgoing.held:
        wait_s = outgoing.budget.wait_s(around.clock.monotonic())
        outgoing.timer = around.turns.call_later(wait_s, _let_go, sender)


def _announce_held(sender: Participant) -> None:
    """Also where nothing is held: what was just taken opens the window, and a client that waits hears of it by this alone. Small
    packets count as more than they are: of them too few are held for the window to close by their bytes.
    """
    outgoing = sender.data.outgoing
    sender.connection.hold(max(outgoing.held_bytes, len(outgoing.held) * limits.HELD_PACKET_BYTES_MIN))


def _drop(sender: Participant, kind: str) -> None:
    sender.conference.around.data_drops[kind] += 1
    if not sender.data.outgoing.told:
        sender.data.outgoing.told = True
        log.info("participant %s sends more data than is passed on", sender.sid)


def _subscribe(subscriber: Participant, track: DataTrack) -> None:
    state = subscriber.data
    if not subscriber.grants.can_subscribe or len(state.received) >= limits.DATA_SUBSCRIPTIONS_PER_PARTICIPANT:
        return
    if track.owner.grants.hidden:
        track.withheld[subscriber.sid] = subscriber
        return
    if subscriber.sid in track.subscribers:
        return
    while state.next_handle in state.received:
        state.next_handle = state.next_handle % _HANDLE_MOST + 1
    handle = state.next_handle
    state.next_handle = handle % _HANDLE_MOST + 1
    state.received[handle] = track
    track.subscribers[subscriber.sid] = (subscriber, handle)
    tell_handles_soon(subscriber)
