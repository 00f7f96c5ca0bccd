"""Who receives which track: wishes, permissions, and carrying them out. Does not decide when a negotiation is sent
(`connection.py`).
"""

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
    """The subscriber's own wish; holds also for tracks that are not there yet."""
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
    """The oldest of too many is forgotten."""
    if track_sid not in wishes and len(wishes) >= limits.CHOICES_PER_PARTICIPANT:
        del wishes[next(iter(wishes))]
    wishes[track_sid] = wish


def reconcile_all(subscriber: Subscriber) -> None:
    """Everything that is there, for one subscriber."""
    for participant in subscriber.table.publishers():
        if participant.sid != subscriber.sid:
            for track in participant.tracks.values():
                reconcile(subscriber, track)


def offer_to_all(track: Track) -> None:
    """One track, for everybody."""
    for participant in list(track.owner.table.participants.values()):
        if participant.sid != track.owner.sid:
            reconcile(participant, track)
    update_wish(track)


@change
def offer_everything(publisher: Publisher) -> None:
    """All that it publishes, for everybody."""
    for track in list(publisher.tracks.values()):
        offer_to_all(track)


def reconcile(subscriber: Subscriber, track: Track) -> None:
    """Makes the subscription what it should be."""
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
    """The track ends for everybody."""
    for subscription in list(track.subscriptions.values()):
        _stop(subscription)


def forget(track: Track) -> None:
    """It has ended, and nobody is refused it any more."""
    for participant in track.owner.table.participants.values():
        participant.refused.discard(track.sid)


def drop_all(subscriber: Subscriber) -> None:
    """The subscriber is gone: its connection closes by itself, only the books are put right."""
    for track in subscriber.table.by_producer.values():
        lacked = subscriber.sid in track.lacking
        track.lacking.discard(subscriber.sid)
        track.let_again.discard(subscriber.sid)
        if track.unsubscribe(subscriber.sid) is not None:
            update_wish(track)
        elif lacked and track.backup is None and not track.lacking:
            tell_wish(track)


def update_wish(track: Track) -> None:
    """Tells the publisher which layers are worth sending. Up at once; down in `conference.tick`."""
    if track.kind == "video" and track.live:
        now = track.owner.table.clock.monotonic()
        if track.wish.update(track.wanted_quality(), now):
            tell_wish(track)


def repeat_permissions(subscriber: Subscriber) -> None:
    """After a resume: what publishers allowed or refused while nobody could be told."""
    for track in subscriber.table.by_sid.values():
        refused = track.sid in subscriber.refused
        if (refused or subscriber.sid in track.let_again) and track.owner.seen_by(subscriber):
            subscriber.deliver(SubscriptionAllowed(track.owner.sid, track.sid, not refused))


def repeat_streams(subscriber: Subscriber) -> None:
    """After a resume: what stopped or went on while nobody could be told."""
    for track in subscriber.table.by_producer.values():
        subscription = track.subscriptions.get(subscriber.sid)
        if subscription is not None and (subscription.consumer.starved or track.sid in subscriber.told_paused):
            _note_stream(subscriber, track, subscription.consumer.starved)


def repeat_wish(track: Track) -> None:
    """After an answer: the browser may have switched paused layers on again."""
    for one in (track, track.backup):
        if one is not None and one.wish.told is not Quality.HIGH:
            one.wish.repeat_at = track.owner.table.clock.monotonic() + limits.LAYERS_REPEAT_S


def tell_wish(track: Track) -> None:
    """Of both codecs, where there are two."""
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
