"""The second codec of a track, for receivers that do not decode the first: who needs it, requests for it, and its absence.

The publisher announces the second codec, and sends it only after a request.
"""

from __future__ import annotations

from collections.abc import Container

from conference.ground import limits
from conference.ground.events import SubscriptionFailed
from conference.tracks import subscriptions
from conference.tracks.track import Awaited, Subscriber, Track


def lack(subscriber: Subscriber, track: Track) -> bool:
    """Note that the subscriber does not decode the track and needs its backup codec. Returns False if the track has none, or is
    a backup itself.
    """
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
    """Ask for the backup codec for a receiver that is not a subscriber. `mimes` are the MIME types that it decodes, in lower
    case.
    """
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
    """End subscriptions in codecs that the subscriber does not decode, after its answer to our offer."""
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
    """Ask the publisher for the backup codec if a receiver needs it. If the codec already arrives or was just requested,
    nothing is sent.
    """
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
    """Handle the end of the backup stream. Receivers that need it wait again."""
    track.awaited = None
    await_it(track)


def watch(track: Track, now: float) -> None:
    """Repeat the request every BACKUP_ASK_S. After BACKUP_S, notify the waiting subscribers that there is no picture. The codec
    may still arrive later. Time in which the publisher could not send does not count.
    """
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
    """Repeat the failure after a resume, because the client may have missed it."""
    for track in subscriber.table.by_sid.values():
        if track.awaited is not None and track.awaited.given_up and subscriber.sid in track.lacking:
            _tell(subscriber, track)


def _ask(track: Track) -> None:
    """Ask the publisher, unless it has begun to send the codec. At that time a request makes some clients crash (Android's
    until August 2026).
    """
    begun = any(pending.main is track for pending in track.owner.pending.values())
    if track.backup is None and not begun:
        subscriptions.tell_wish(track)


def _comes(track: Track) -> bool:
    producer = track.backup.producer if track.backup is not None else None
    return producer is not None and bool(producer.active_layers)


def _tell(subscriber: Subscriber, track: Track) -> None:
    subscriber.deliver(SubscriptionFailed(track.sid, codec=True))
    subscriber.table.pictures.codec_missing(subscriber, track)
