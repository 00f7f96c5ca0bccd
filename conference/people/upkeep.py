"""Timed work for one participant, and the state that a client needs when it joins or resumes."""

from __future__ import annotations

from conference.data import tracks as data_tracks
from conference.ground import limits
from conference.ground.events import Reason
from conference.people.ghosts import is_ghost
from conference.people.participant import Participant
from conference.people.settling import alone
from conference.tracks import backup_codec, publishing, subscriptions
from conference.tracks.track import Party


def tick(participant: Participant, now: float) -> None:
    """Do the timed work, about once a second."""
    if is_ghost(participant, now):
        participant.stage.remove(participant, Reason.SIGNAL_CLOSE)
        return
    participant.connection.channels.flush()
    if participant.unclaimed and participant.pending:
        publishing.match_leftovers(participant, now)
    for track in participant.tracks.values():
        for one in (track, track.backup):
            if one is not None and one.wish.dated:
                subscriptions.update_wish(one)
        backup_codec.watch(track, now)
    negotiated = participant.negotiated
    if participant.client is not None and negotiated is not None and negotiated.is_overdue(now):
        alone(participant, participant.stage.settling.negotiate)


def tell_state(participant: Participant) -> None:
    """Send the current state to a newcomer."""
    for event in (participant.stage.speakers.current(), participant.stage.meter.current()):
        if event is not None:
            participant.deliver(event)
    subscriptions.reconcile_all(participant)
    data_tracks.subscribe_all(participant)


def repeat_state(participant: Participant) -> None:
    """Repeat the state that a client may have missed while it was away."""
    for event in (participant.stage.speakers.missed(), participant.stage.meter.current()):
        if event is not None:
            participant.deliver(event)
    if participant.data.received or participant.data.next_handle > 1:  # otherwise it never had a handle
        data_tracks.tell_handles(participant)
    subscriptions.repeat_permissions(participant)
    subscriptions.repeat_streams(participant)
    backup_codec.repeat(participant)
    for track in participant.tracks.values():
        if track.kind == "video":
            subscriptions.tell_wish(track)
        subscriptions.repeat_wish(track)


def permit(publisher: Party) -> float:
    """Do `Paced` work: update the subscriptions to this publisher's tracks, and return the time that this work costs."""
    alone(publisher, subscriptions.offer_everything)
    return len(publisher.tracks) * len(publisher.table.participants) * limits.PERMITTED_S
