"""Data tracks: their publishers, their subscribers, and the handles. Frames are opaque; `PacketFormat` reads their handles."""

from __future__ import annotations

from conference.data import packets
from conference.data.packets import FRAMES
from conference.data.state import DataTrack, Party
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.events import DataSource, DataTrackHandles, DataTrackView
from conference.ground.identifiers import DataTrackSid
from conference.ground.outbox import change

_HANDLE_MOST = 0xFFFF
"""The highest handle of a data track: the field in a frame has 16 bits."""


@change
def publish(publisher: Party, handle: int, name: str, facts: object) -> DataTrackView:
    """Publish a data track. Raises Refusal."""
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
    sid = DataTrackSid("DTR_" + publisher.data.table.suffix())
    track = DataTrack(publisher, DataTrackView(handle=handle, sid=sid, name=name, facts=facts))
    published[handle] = track
    publisher.data.table.tracks[sid] = track
    publisher.changed()
    everybody = publisher.data.table.participants.values()
    takers = [one for one in everybody if one.entry.auto_subscribe_data and one is not publisher]
    for participant in takers:
        _subscribe(participant, track)
    return track.view


@change
def unpublish(publisher: Party, handle: int) -> DataTrackView:
    """End a data track. Raises Refusal."""
    track = publisher.data.published.pop(handle, None)
    if track is None:
        raise Refusal("handle_unknown")
    publisher.data.table.tracks.pop(track.view.sid, None)
    for participant, own in list(track.subscribers.values()):
        participant.data.received.pop(own, None)
        tell_handles_soon(participant)
    track.subscribers.clear()
    publisher.changed()
    return track.view


def choose(subscriber: Party, track_sid: str, wanted: bool) -> None:
    """Subscribe or unsubscribe. After all its choices the caller sends the handle table once."""
    track = subscriber.data.table.tracks.get(track_sid)
    if track is None or track.owner is subscriber:
        return
    if wanted:
        _subscribe(subscriber, track)
    else:
        track.withheld.pop(subscriber.sid, None)
        _, handle = track.subscribers.pop(subscriber.sid, (subscriber, 0))
        subscriber.data.received.pop(handle, None)


def subscribe_all(subscriber: Party) -> None:
    """Subscribe a newcomer that wants every data track to the present tracks."""
    if not subscriber.entry.auto_subscribe_data:
        return
    for participant in subscriber.data.table.participants.values():
        for track in participant.data.published.values():
            if participant is not subscriber:
                _subscribe(subscriber, track)


def visibility_changed(publisher: Party) -> None:
    """Take away the data tracks of a publisher that hides, or give them back when the publisher is visible again."""
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


def tell_handles_soon(subscriber: Party) -> None:
    """Send the handle table at the end of the turn, or a little later if many tables wait."""
    subscriber.data.table.tell_soon(subscriber)


def tell_table(subscriber: Party) -> float:
    """Do `Paced` work: send the handle table, and return the time that this work costs."""
    tell_handles(subscriber)
    return len(subscriber.data.received) * limits.HANDLE_S


@change
def tell_handles(subscriber: Party) -> None:
    for track in subscriber.data.received.values():
        subscriber.data.table.audience.introduce(track.owner, (subscriber,))
    table = {
        handle: DataSource(track.owner.sid, track.owner.identity, track.view.sid)
        for handle, track in subscriber.data.received.items()
    }
    subscriber.deliver(DataTrackHandles(table))


def enforce(participant: Party) -> None:
    """End data tracks and subscriptions that the grants no longer allow."""
    if not participant.grants.can_publish_data:
        for handle in list(participant.data.published):
            unpublish(participant, handle)
        packets.forget_held(participant)
    if not participant.grants.can_subscribe and participant.data.received:
        _unsubscribe_all(participant)
        tell_handles_soon(participant)


def forget(participant: Party) -> None:
    """Remove a participant that left from all data tracks."""
    for handle in list(participant.data.published):
        unpublish(participant, handle)
    _unsubscribe_all(participant)
    packets.forget_held(participant)


def _unsubscribe_all(participant: Party) -> None:
    for track in participant.data.received.values():
        track.subscribers.pop(participant.sid, None)
    for track in participant.data.table.tracks.values():
        track.withheld.pop(participant.sid, None)
    participant.data.received.clear()


def receive_frame(sender: Party, frame: bytes) -> None:
    """Handle a frame from a participant. Raises PeerError if it has another format. A frame that the sender may not send is
    dropped.
    """
    if len(frame) > limits.PACKET_BYTES or not sender.grants.can_publish_data:
        return
    format_ = sender.entry.packets
    track = sender.data.published.get(format_.frame_handle(frame))
    if track is None:
        return
    if not packets.may_send(sender):
        packets.drop(sender, "frames")
        return
    for participant, handle in track.subscribers.values():
        participant.connection.channels.send(FRAMES, format_.with_handle(frame, handle))
    sender.data.outgoing.budget.spend(packets.units(len(track.subscribers), len(frame)))


def _subscribe(subscriber: Party, track: DataTrack) -> None:
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
