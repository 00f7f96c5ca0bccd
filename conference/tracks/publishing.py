"""The start and end of a participant's tracks. A message announces a track, and an SDP section carries it. The two are matched
in either order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.events import Layer, MuteAsked, TrackPublished, TrackUnpublished
from conference.ground.identifiers import TrackSid
from conference.ground.outbox import change
from conference.ground.permissions import Source
from conference.ports.media import Producer
from conference.tracks import backup_codec, subscriptions
from conference.tracks.gate import is_voice, mutes_newcomer
from conference.tracks.track import Announcement, Party, PendingSection, Permission, Publisher, Track, sid_prefix
from media import HELD_S, Acceptance

if TYPE_CHECKING:
    from media import Answer, OfferedTrack


_KINDS = {
    Source.CAMERA: "video",
    Source.SCREEN_SHARE: "video",
    Source.MICROPHONE: "audio",
    Source.SCREEN_SHARE_AUDIO: "audio",
}
"""The only kind that each source allows. A participant that may publish only its microphone cannot send a picture under that
name.
"""


@change
def announce(publisher: Publisher, announcement: Announcement) -> Track:
    """Announce a track. A second announcement with the same client id, before the section arrives, is the same track. Raises
    Refusal.
    """
    if not publisher.grants.may_publish(announcement.source):
        raise Refusal("publish_denied")
    if announcement.kind not in ("audio", "video") or announcement.kind != _KINDS.get(
        announcement.source, announcement.kind
    ):
        raise Refusal("track_kind_bad")
    _find_room(publisher, announcement)
    known = publisher.pending.pop(announcement.cid, None)
    sid = known.sid if known and known.main is None else TrackSid(sid_prefix(announcement) + publisher.table.suffix())
    track = Track(sid, publisher, announcement, publisher.table.clock.monotonic())
    if known is not None and known.silenced_at is not None:
        track.mute(True)
        track.silenced_at = track.since
    _await(publisher, track)
    _spare_decoders(publisher, track.kind)
    publisher.deliver(TrackPublished(cid=announcement.cid, track=track.view()))
    _claim_waiting(publisher, track)
    _use_decoders(publisher)
    return track


def _find_room(publisher: Publisher, announcement: Announcement) -> None:
    """Make room for an announcement. Raises Refusal `track_limit`.

    An announced track counts like a published one. After ANNOUNCED_S it no longer counts and may be replaced.
    """
    since = publisher.table.clock.monotonic() - limits.ANNOUNCED_S
    others = [one for cid, one in publisher.pending.items() if one.main is None and cid != announcement.cid]
    most = limits.TRACKS_PER_PARTICIPANT - len(publisher.tracks)
    if sum(one.since >= since for one in others) >= most:
        raise Refusal("track_limit")
    for one in others[: max(0, len(others) + 1 - most)]:
        del publisher.pending[one.announcement.cid]


def _await(publisher: Publisher, track: Track) -> None:
    """Store an announced track until its section arrives."""
    publisher.pending[track.announcement.cid] = track
    while len(publisher.pending) > limits.PENDING_TRACKS:
        del publisher.pending[next(iter(publisher.pending))]


@change
def announce_backup(publisher: Publisher, track_sid: str, announcement: Announcement) -> None:
    """Announce the same picture in a second codec, for subscribers that do not decode the first. Raises Refusal."""
    track = publisher.tracks.get(track_sid)
    if track is None:
        raise Refusal("track_not_found")
    codec = announcement.codec
    if track.backup is not None or track.kind != "video" or codec is None or codec.lower() == track.mime.lower():
        raise Refusal("track_kind_bad")
    told = replace(announcement, kind="video", source=track.source, muted=track.muted, backup=None)
    backup = Track(track.sid, publisher, told, publisher.table.clock.monotonic())
    backup.main = track
    _await(publisher, backup)
    _spare_decoders(publisher, backup.kind)
    publisher.deliver(TrackPublished(cid=told.cid, track=track.view()))
    _claim_waiting(publisher, backup)
    _use_decoders(publisher)


def _spare_decoders(publisher: Publisher, kind: str) -> None:
    """Hold back pictures to a client from the announcement of its video track until its offer.

    LiveKit's Rust library writes `x-google-start-bitrate` into all sections of that offer. libwebrtc (M144) then opens all
    decoders again. A packet that arrives at that moment counts as a stream without a description. Its SSRC is known, so no new
    stream is made, but its sink is replaced (`SetSink: ssrc:… nullptr` in the log). From then on the pictures are decoded and
    never shown.
    """
    if publisher.entry.renews_decoders and kind == "video" and publisher.negotiated is not None:
        publisher.negotiated.hold_pictures(True)


def _use_decoders(publisher: Publisher) -> None:
    """Release the held pictures after the offer, because the decoders are open again. An announced video track without an offer
    delays this for HELD_S at most.
    """
    now = publisher.table.clock.monotonic()
    announced = (track.since for track in publisher.pending.values() if track.kind == "video")
    if publisher.negotiated is not None and all(now - since >= HELD_S for since in announced):
        publisher.negotiated.hold_pictures(False)


def answer(publisher: Publisher, sdp: str) -> Answer:
    """Answer an offer. Raises media's PeerError for malformed SDP."""
    assert publisher.negotiated is not None, "a hall has no client that sends an offer"
    return publisher.negotiated.answer(sdp, _acceptor(publisher))


def take_answer(publisher: Party, answer: Answer) -> None:
    """Apply the changes of an answered offer. Ended sections come first, so that a track that is published again does not meet
    its old section.
    """
    for producer in answer.ended:
        _ended(publisher, producer)
    for published in answer.published:
        offered = published.offered
        section = PendingSection(
            producer=published.producer,
            mid=published.mid,
            mime=published.mime,
            kind=offered.kind,
            cid=offered.track_id,
            since=publisher.table.clock.monotonic(),
        )
        track = _match(publisher, offered.track_id, offered.kind)
        if track is not None:
            _go_live(publisher, track, section)
        else:
            publisher.unclaimed.append(section)
    for consumer in answer.unsupported:
        backup_codec.unsupported(publisher, consumer)
    for track in publisher.tracks.values():
        subscriptions.repeat_wish(track)
    _use_decoders(publisher)


@change
def publish(publisher: Publisher, announcement: Announcement, producer: Producer) -> Track:
    """Publish a track of a hall, whose packets arrive without a section. Raises Refusal `publish_denied`, `track_limit`."""
    if not publisher.grants.may_publish(announcement.source):
        raise Refusal("publish_denied")
    if len(publisher.tracks) >= limits.TRACKS_PER_PARTICIPANT:
        raise Refusal("track_limit")
    table = publisher.table
    track = Track(TrackSid(sid_prefix(announcement) + table.suffix()), publisher, announcement, table.clock.monotonic())
    _go_live(publisher, track, PendingSection(producer, "", producer.mime, announcement.kind, "", track.since))
    return track


@change
def mute(publisher: Publisher, track_sid: str, muted: bool) -> None:
    """Mute or unmute by the publisher's own request. Unknown tracks are ignored, because they may have just ended."""
    track = _find(publisher, track_sid)
    if track is None:
        return
    barred = publisher.table.gate.barred(publisher, track.source, track.kind)
    if not muted and (_has_not_heard(publisher, track) or barred):
        publisher.deliver(MuteAsked(track.sid, True))
        return
    set_muted(publisher, track, muted)


def _find(publisher: Publisher, track_sid: str) -> Track | None:
    """Return a published or announced track."""
    published = publisher.tracks.get(track_sid)
    return published or next((one for one in publisher.pending.values() if one.sid == track_sid), None)


@change
def set_muted(publisher: Publisher, track: Track, muted: bool) -> None:
    """Mute or unmute a track of a hall. The server itself holds the sound of a hall back, so the gate is not asked."""
    track.silenced_at = None
    if track.mute(muted) and track.live:
        publisher.changed()


def describe(publisher: Publisher, track_sid: str, facts: object) -> None:
    """Replace the facts that the publisher's protocol stores with the track."""
    track = publisher.tracks.get(track_sid)
    if track is not None:
        track.describe(facts)
        publisher.changed()


@change
def describe_layers(publisher: Publisher, track_sid: str, layers: Sequence[Layer]) -> None:
    """Store the new sizes of layers that the publisher reports."""
    track = publisher.tracks.get(track_sid)
    if track is not None and layers:
        track.set_layers(layers)
        subscriptions.update_wish(track)
        publisher.changed()


def resize(publisher: Publisher, track_sid: str, width: int, height: int) -> None:
    track = publisher.tracks.get(track_sid)
    if track is not None:
        track.resize(width, height)
        publisher.changed()


def permit(publisher: Party, permission: Permission) -> None:
    """Set the publisher's permission. It applies at once to newcomers. Present participants gain or lose tracks at the end of
    the turn.
    """
    if permission != publisher.permission:
        publisher.permission = permission
        publisher.table.offer_soon(publisher)


def _has_not_heard(publisher: Publisher, track: Track) -> bool:
    """Report whether the publisher may not know yet that it was muted from outside.

    A client confirms a mute when it receives the request. A client that resumes sees that the server's state is muted, and
    would correct the server.
    """
    now = publisher.table.clock.monotonic()
    return track.silenced_at is not None and now - track.silenced_at < limits.MUTE_SHOWN_S


@change
def mute_from_outside(publisher: Publisher, track_sid: str, muted: bool) -> Track:
    """Mute or unmute by order of a host or an administrator. The order applies at once, and the publisher is asked to show it.
    An announced track starts as the order says. Raises Refusal.
    """
    track = _find(publisher, track_sid)
    if track is None:
        raise Refusal("track_not_found")
    if not muted and track.muted and not publisher.table.remote_unmute:
        raise Refusal("unmute_denied")
    barred = publisher.table.gate.barred(publisher, track.source, track.kind)
    if not muted and barred:
        raise Refusal(barred)
    if track.mute(muted):
        track.silenced_at = publisher.table.clock.monotonic() if muted else None
        publisher.changed()
        publisher.deliver(MuteAsked(track.sid, muted))
    return track


def silenced(publisher: Publisher) -> tuple[str, ...]:
    """Return the ids of tracks that were muted from outside. The caller reports them to the publisher now."""
    tracks = [track for track in publisher.tracks.values() if track.silenced_at is not None]
    for track in tracks:
        track.silenced_at = publisher.table.clock.monotonic()
    return tuple(track.sid for track in tracks)


@change
def unpublish(publisher: Publisher, track: Track, *, tell: bool, ends: bool = True) -> None:
    """End a track. `tell`: the server ends it, so the publisher must be notified. `ends`: the packets end too, not only the
    publication.
    """
    if publisher.tracks.pop(track.sid, None) is None:
        return
    if track.backup is not None:
        _end_backup(track.backup)
    subscriptions.withdraw(track)
    subscriptions.forget(track)
    if track.producer is not None:
        publisher.table.by_producer.pop(track.producer, None)
        publisher.table.by_sid.pop(track.sid, None)
        if ends:
            track.producer.close()
        track.producer = None
    publisher.changed()
    publisher.table.reports.unpublished(track)
    if tell:
        publisher.deliver(TrackUnpublished(track.sid))


def _end_backup(backup: Track) -> None:
    subscriptions.withdraw(backup)
    if backup.main is not None:
        backup.main.backup = None
    if backup.producer is not None:
        table = backup.owner.table
        table.by_producer.pop(backup.producer, None)
        backup.producer.close()
        backup.producer = None
        table.pictures.changed()


def match_leftovers(publisher: Publisher, now: float) -> None:
    """Match sections and announcements that have both waited for LEFTOVER_S. Some browsers give a section another id than the
    announced one.
    """
    for section in list(publisher.unclaimed):
        if now - section.since < limits.LEFTOVER_S:
            continue
        for track in publisher.pending.values():
            if track.kind == section.kind and now - track.since >= limits.LEFTOVER_S:
                publisher.unclaimed.remove(section)
                _go_live(publisher, track, section)
                break


def enforce(publisher: Publisher) -> None:
    """Stop tracks that the grants no longer allow."""
    for track in list(publisher.tracks.values()):
        if not publisher.grants.may_publish(track.source):
            unpublish(publisher, track, tell=True)
    for cid, track in list(publisher.pending.items()):
        if not publisher.grants.may_publish(track.source):
            del publisher.pending[cid]
    if not publisher.grants.can_publish:
        for section in publisher.unclaimed:
            section.producer.close()
        publisher.unclaimed.clear()


def _acceptor(publisher: Publisher) -> Callable[[OfferedTrack], Acceptance | None]:
    """Return the function that accepts each new sending section of one offer. A section may arrive before its announcement, if
    there is room.
    """
    taken: set[str] = set()
    strangers = len(publisher.unclaimed)

    def accept(offered: OfferedTrack) -> Acceptance | None:
        nonlocal strangers
        track = _match(publisher, offered.track_id, offered.kind, taken)
        if track is not None:
            taken.add(track.sid)
            told = track.announcement
            return Acceptance(red=told.red, stereo=told.stereo, dtx=told.dtx, codec=told.codec)
        room = strangers < limits.UNCLAIMED_SECTIONS and len(publisher.tracks) < limits.TRACKS_PER_PARTICIPANT
        if not publisher.grants.can_publish or not room:
            return None
        strangers += 1
        return Acceptance()

    return accept


def _match(publisher: Publisher, cid: str, kind: str, taken: set[str] | frozenset[str] = frozenset()) -> Track | None:
    """Return the announced track of a section: by the client's id, or the first track of this kind if the section has no id."""
    candidates = [
        track
        for track in publisher.pending.values()
        if track.kind == kind and track.sid not in taken and not track.live
    ]
    for track in candidates:
        if cid and (cid == track.announcement.cid or cid in track.announcement.cids):
            return track
    return candidates[0] if candidates and not cid else None


def _claim_waiting(publisher: Publisher, track: Track) -> None:
    """Match the announcement with a section that arrived before it."""
    ids = (track.announcement.cid, *track.announcement.cids)
    for section in publisher.unclaimed:
        if section.kind == track.kind and section.cid in ids:
            publisher.unclaimed.remove(section)
            _go_live(publisher, track, section)
            return


def _go_live(publisher: Publisher, track: Track, section: PendingSection) -> None:
    publisher.pending.pop(track.announcement.cid, None)
    track.bind(section.producer, section.mid, section.mime)
    if track.main is not None:
        _back_up(track.main, track, section.producer)
        return
    publisher.tracks[track.sid] = track
    publisher.table.by_producer[section.producer] = track
    if track.announcement.source is Source.SCREEN_SHARE_AUDIO:
        section.producer.keep()
    publisher.table.by_sid[track.sid] = track
    _pass_gate(publisher, track)
    publisher.changed()
    publisher.table.reports.published(track)
    subscriptions.offer_to_all(track)


def _pass_gate(publisher: Publisher, track: Track) -> None:
    """Mute a new track that may not be sent now. The sound of a hall is muted by the hall (`Hall.set_muted`).

    The rule for newcomers mutes the first microphone once. A client that publishes the first microphone muted has obeyed, and
    its unmute is the will of the person.
    """
    table = publisher.table
    if publisher.negotiated is None:
        return
    enters = is_voice(track.source, track.kind) and not publisher.entered
    publisher.entered |= enters
    if track.muted:
        if track.silenced_at is not None:  # muted while it was announced: the client knows the track only now
            track.silenced_at = table.clock.monotonic()
            publisher.deliver(MuteAsked(track.sid, True))
        return
    barred = table.gate.barred(publisher, track.source, track.kind)
    if barred or (enters and mutes_newcomer(table.gate, publisher, table.clock.time())):
        track.mute(True)
        track.silenced_at = table.clock.monotonic()
        publisher.deliver(MuteAsked(track.sid, True))


def _back_up(main: Track, backup: Track, producer: Producer) -> None:
    """Bind the second codec to its track, and give it to the subscribers that wait for it."""
    if not main.live or main.backup is not None:
        producer.close()
        return
    main.backup = backup
    backup.mute(main.muted)
    table = main.owner.table
    table.by_producer[producer] = backup
    for participant in list(table.participants.values()):
        if participant.sid in main.lacking:
            subscriptions.reconcile(participant, main)
    subscriptions.update_wish(backup)
    table.pictures.changed()


def _ended(publisher: Publisher, producer: Producer) -> None:
    track = publisher.table.by_producer.get(producer)
    if track is not None and track.main is not None:
        _end_backup(track)
        backup_codec.ended(track.main)
    elif track is not None:
        unpublish(publisher, track, tell=False)
    publisher.unclaimed[:] = [section for section in publisher.unclaimed if section.producer is not producer]
