"""A track's second codec, for those who do not decode the first: who needs it, asking for it, and what follows when it does
not come. The publisher announced it; it sends it only once it is asked to.
"""

from __future__ import annotations

from collections.abc import Container

from conference.ground import limits
from conference.ground.events import SubscriptionFailed
from conference.tracks import subscriptions
from conference.tracks.track import Awaited, Subscriber, Track


def lack(subscriber: Subscriber, track: Track) -> bool:
    """Whoever does not decode the track is to get it in another codec. False: there is none."""
    if track.main is not None or track.announcement.backup is None:
        return False
    track.lacking.add(subscriber.sid)
    if track.backup is not None:
        subscriptions.reconcile(subscriber, track)
    await_it(track)
    if track.awaited is not None and track.awaited.given_up:
        _tell(subscriber, track)
    return True


def want(track: Track, who: str, mimes: Container[str]) -> None:
    """Somebody who is no subscriber takes only these MIME types (in small letters)."""
    told = track.announcement.backup
    if track.kind == "video" and told is not None and told.lower() in mimes and who not in track.lacking:
        track.lacking.add(who)
        await_it(track)


def forgo(track: Track, who: str) -> None:
    if who in track.lacking:
        track.lacking.discard(who)
        if track.backup is None and not track.lacking:
            subscriptions.tell_wish(track)


def drop_unsupported(subscriber: Subscriber) -> None:
    """After its answer to our offer: tracks in codecs that it lacks have ended."""
    for track in list(subscriber.table.by_producer.values()):
        subscription = track.subscriptions.get(subscriber.sid)
        if subscription is not None and subscription.consumer.closed:
            unsupported(subscriber, subscription.consumer)


def unsupported(subscriber: Subscriber, consumer: object) -> None:
    for track in list(subscriber.table.by_producer.values()):
        subscription = track.subscriptions.get(subscriber.sid)
        if subscription is not None and subscription.consumer is consumer:
            track.unsubscribe(subscriber.sid)
            if lack(subscriber, track):
                subscriptions.update_wish(track)
                return
            subscriptions.remember(subscriber.choices, track.sid, False)
            subscriber.deliver(SubscriptionFailed(track.sid, codec=True))
            subscriptions.update_wish(track)
            subscriber.table.pictures.codec_missing(subscriber, track)
            return


def await_it(track: Track) -> None:
    """Somebody needs it: its publisher is asked, unless it sends it already or was asked a moment ago."""
    if _comes(track):
        track.awaited = None
        return
    if not track.lacking:
        return
    waiting = track.awaited is not None and not track.awaited.given_up
    if track.awaited is None:
        track.awaited = Awaited(track.owner.table.clock.monotonic())
    if not waiting:
        _ask(track)


def ended(track: Track) -> None:
    """Its publisher has stopped it: whoever needs it waits again."""
    track.awaited = None
    await_it(track)


def watch(track: Track, now: float) -> None:
    """By time: asks again, and after BACKUP_S says to those who wait that there is nothing for them. It may still come."""
    awaited = track.awaited
    if awaited is None:
        return
    if not track.lacking or _comes(track):
        track.awaited = None
        return
    elapsed_s, awaited.seen_at = now - awaited.seen_at, now
    looked_at = track.backup is None or track.backup.wanted_quality() is not None
    if awaited.given_up or track.muted or track.owner.client is None or not looked_at:
        return
    awaited.waited_s += elapsed_s
    if awaited.waited_s >= limits.BACKUP_S:
        awaited.given_up = True
        for participant in list(track.owner.table.participants.values()):
            if participant.sid in track.lacking and subscriptions.should_have(participant, track):
                _tell(participant, track)
    elif awaited.waited_s >= awaited.asked_s + limits.BACKUP_ASK_S:
        awaited.asked_s = awaited.waited_s
        _ask(track)


def repeat(subscriber: Subscriber) -> None:
    """After a resume: it may have been told while nobody could hear it."""
    for track in subscriber.table.by_sid.values():
        if track.awaited is not None and track.awaited.given_up and subscriber.sid in track.lacking:
            _tell(subscriber, track)


def _ask(track: Track) -> None:
    """Not a publisher that has begun to send it: some clients (Android's until August 2026) end when they are asked then."""
    begun = any(pending.main is track for pending in track.owner.pending.values())
    if track.backup is None and not begun:
        subscriptions.tell_wish(track)


def _comes(track: Track) -> bool:
    producer = track.backup.producer if track.backup is not None else None
    return producer is not None and bool(producer.active_layers)


def _tell(subscriber: Subscriber, track: Track) -> None:
    subscriber.deliver(SubscriptionFailed(track.sid, codec=True))
    subscriber.table.pictures.codec_missing(subscriber, track)
