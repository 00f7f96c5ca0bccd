"""The rules of who receives which track: choices, permissions, and their effect. `connection.py` decides when to negotiate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from conference.ground import limits
from conference.ground.events import (
    LayersWanted,
    Quality,
    StreamState,
    StreamStates,
    SubscriptionAllowed,
    SubscriptionFailed,
    TrackSubscribed,
)
from conference.ground.outbox import change
from conference.tracks.track import Publisher, Settings, Subscriber, Subscription, Track
from media import PeerError

Wish = TypeVar("Wish", bool, Settings)


@change
def choose(subscriber: Subscriber, track_sids: Sequence[str], wanted: bool) -> None:
    """Store the subscriber's own choice. A choice for a track that does not exist yet is stored too."""
    for sid in _known_length(track_sids):
        remember(subscriber.choices, sid, wanted)
        track = subscriber.table.by_sid.get(sid)
        if track is not None:
            reconcile(subscriber, track)
        elif wanted:
            subscriber.deliver(SubscriptionFailed(sid))


@change
def set_settings(subscriber: Subscriber, track_sids: Sequence[str], settings: Settings) -> None:
    for sid in _known_length(track_sids):
        remember(subscriber.settings, sid, settings)
        track = subscriber.table.by_sid.get(sid)
        given = track.given_to(subscriber.sid) if track is not None else None
        subscription = given.subscriptions.get(subscriber.sid) if given is not None else None
        if given is not None and subscription is not None and subscription.settings != settings:
            given.change(subscription, settings)
            update_wish(given)


def remember(wishes: dict[str, Wish], track_sid: str, wish: Wish) -> None:
    """Store a choice. If there are too many, the oldest choice is removed."""
    if track_sid not in wishes and len(wishes) >= limits.CHOICES_PER_PARTICIPANT:
        del wishes[next(iter(wishes))]
    wishes[track_sid] = wish


def reconcile_all(subscriber: Subscriber) -> None:
    """Update the subscriptions of one subscriber to all tracks."""
    for participant in subscriber.table.publishers():
        if participant.sid != subscriber.sid:
            for track in participant.tracks.values():
                reconcile(subscriber, track)


def offer_to_all(track: Track) -> None:
    """Update the subscriptions of all participants to one track."""
    for participant in list(track.owner.table.participants.values()):
        if participant.sid != track.owner.sid:
            reconcile(participant, track)
    update_wish(track)


@change
def offer_everything(publisher: Publisher) -> None:
    """Update the subscriptions of all participants to all tracks of one publisher."""
    for track in list(publisher.tracks.values()):
        offer_to_all(track)


def reconcile(subscriber: Subscriber, track: Track) -> None:
    """Start or stop the subscription so that it matches the rules."""
    given = track.given_to(subscriber.sid)
    subscription = given.subscriptions.get(subscriber.sid) if given is not None else None
    if should_have(subscriber, track):
        if subscription is None and given is not None:
            _start(subscriber, given)
    elif subscription is not None:
        _stop(subscription)


def should_have(subscriber: Subscriber, track: Track) -> bool:
    owner = track.owner
    wanted = subscriber.choices.get(track.sid, subscriber.entry.auto_subscribe)
    if not (wanted and track.live and not subscriber.left and subscriber.grants.can_subscribe):
        return False
    if owner.sid == subscriber.sid or not owner.seen_by(subscriber):
        return False
    return _permitted(subscriber, track)


def withdraw(track: Track) -> None:
    """End a track for all subscribers."""
    for subscription in list(track.subscriptions.values()):
        _stop(subscription)


def forget(track: Track) -> None:
    """Remove an ended track from the lists of refused tracks."""
    for participant in track.owner.table.participants.values():
        participant.refused.discard(track.sid)


def drop_all(subscriber: Subscriber) -> None:
    """Remove a subscriber that left from all tracks. Its connection closes separately."""
    for track in subscriber.table.by_producer.values():
        lacked = subscriber.sid in track.lacking
        track.lacking.discard(subscriber.sid)
        track.let_again.discard(subscriber.sid)
        if track.unsubscribe(subscriber.sid) is not None:
            update_wish(track)
        elif lacked and track.backup is None and not track.lacking:
            tell_wish(track)


def update_wish(track: Track) -> None:
    """Notify the publisher which layers are needed. An increase is sent at once. A decrease is sent after LAYERS_DOWN_S, by
    `people.upkeep.tick` at the latest.
    """
    if track.kind == "video" and track.live:
        now = track.owner.table.clock.monotonic()
        if track.wish.update(track.wanted_quality(), now):
            tell_wish(track)


def repeat_permissions(subscriber: Subscriber) -> None:
    """Repeat the permissions after a resume, because the client may have missed changes by publishers."""
    for track in subscriber.table.by_sid.values():
        refused = track.sid in subscriber.refused
        if (refused or subscriber.sid in track.let_again) and track.owner.seen_by(subscriber):
            subscriber.deliver(SubscriptionAllowed(track.owner.sid, track.sid, not refused))


def repeat_streams(subscriber: Subscriber) -> None:
    """Repeat paused and resumed streams after a resume, because the client may have missed changes."""
    for track in subscriber.table.by_producer.values():
        subscription = track.subscriptions.get(subscriber.sid)
        if subscription is not None and (subscription.consumer.starved or track.sid in subscriber.told_paused):
            _note_stream(subscriber, track, subscription.consumer.starved)


def repeat_wish(track: Track) -> None:
    """Plan to repeat the wanted layers after an answer, because the browser may have started paused layers again."""
    for one in (track, track.backup):
        if one is not None and one.wish.told is not Quality.HIGH:
            one.wish.repeat_at = track.owner.table.clock.monotonic() + limits.LAYERS_REPEAT_S


def tell_wish(track: Track) -> None:
    """Send the wanted layers of both codecs, if there are two."""
    main = track.main or track
    main.owner.deliver(LayersWanted(main.sid, main.mime, main.wish.told, main.backup_wanted()))


def _known_length(track_sids: Sequence[str]) -> list[str]:
    return [sid for sid in track_sids if len(sid) <= limits.SID_CHARACTERS]


def _permitted(subscriber: Subscriber, track: Track) -> bool:
    allowed = track.owner.permission.lets(subscriber, track.sid)
    was_refused = track.sid in subscriber.refused
    if allowed == was_refused:
        (subscriber.refused.discard if allowed else subscriber.refused.add)(track.sid)
        (track.let_again.add if allowed else track.let_again.discard)(subscriber.sid)
        told = SubscriptionAllowed(track.owner.sid, track.sid, allowed)
        subscriber.table.audience.deliver_after(track.owner, subscriber, track.sid, told)
    return allowed


def _start(subscriber: Subscriber, track: Track) -> None:
    producer, negotiated = track.producer, subscriber.negotiated
    assert producer is not None
    assert negotiated is not None, "a hall receives programs, not tracks"
    try:
        consumer = negotiated.consume(producer, stream_id=f"{track.owner.sid}|{track.sid}", track_id=track.sid)
    except (PeerError, OverflowError):
        subscriber.deliver(SubscriptionFailed(track.sid))
        return
    settings = subscriber.settings.get(track.sid) or _first_settings(subscriber)
    subscription = Subscription(track=track, subscriber=subscriber, consumer=consumer, settings=settings)
    track.subscribe(subscription)
    consumer.on_starve = partial(_note_stream, subscriber, track)
    subscription.apply()
    if not track.was_subscribed:
        track.was_subscribed = True
        track.owner.deliver(TrackSubscribed(track.sid))
    update_wish(track)
    subscriber.media_changed()


def _note_stream(subscriber: Subscriber, track: Track, paused: bool) -> None:
    if not subscriber.stream_changes:
        subscriber.table.turns.call_soon(_tell_streams, subscriber)
    subscriber.stream_changes[track.sid] = paused


@change
def _tell_streams(subscriber: Subscriber) -> None:
    changes, subscriber.stream_changes = subscriber.stream_changes, {}
    if subscriber.client is None or subscriber.left:
        return
    states = []
    for sid, paused in changes.items():
        track = subscriber.table.by_sid.get(sid)
        if track is not None:
            (subscriber.told_paused.add if paused else subscriber.told_paused.discard)(sid)
            states.append(StreamState(track.owner.sid, sid, paused))
    if states:
        subscriber.deliver(StreamStates(tuple(states)))


def _stop(subscription: Subscription) -> None:
    track, subscriber = subscription.track, subscription.subscriber
    track.unsubscribe(subscriber.sid)
    subscription.consumer.on_starve = None
    subscriber.stream_changes.pop(track.sid, None)
    subscriber.told_paused.discard(track.sid)
    if subscriber.negotiated is not None:
        subscriber.negotiated.stop(subscription.consumer)
    update_wish(track)
    subscriber.media_changed()


def _first_settings(subscriber: Subscriber) -> Settings:
    return Settings(quality=Quality.LOW if subscriber.entry.first_quality_low else Quality.HIGH)
