"""The effect of each client message: one function for each kind, and the table that finds the function.

A function raises Refusal for a request that the client may not make (`refuse` answers the client). It raises PeerError for
bytes that end the participant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from google.protobuf.message import Message
from livekit.protocol import models, rtc

from conference import (
    Announcement,
    Participant,
    Permission,
    Refusal,
    Settings,
    Source,
    blobs,
    data_tracks,
    events,
    publishing,
    subscriptions,
)
from conference import limits as conference_limits
from conference.ground.events import Layer, Quality
from signaling.rtc.session import scenarios
from signaling.rtc.session.context import Requester
from signaling.rtc.wire import limits, views

_REASONS: dict[str, str] = {
    "publish_denied": "NOT_ALLOWED",
    "publish_data_denied": "NOT_ALLOWED",
    "metadata_denied": "NOT_ALLOWED",
    "metadata_too_long": "LIMIT_EXCEEDED",
    "metadata_too_often": "LIMIT_EXCEEDED",
    "metadata_bad": "INVALID_REQUEST",
    "facts_too_long": "LIMIT_EXCEEDED",
    "track_limit": "LIMIT_EXCEEDED",
    "track_kind_bad": "UNSUPPORTED_TYPE",
    "track_not_found": "NOT_FOUND",
    "handle_bad": "INVALID_HANDLE",
    "handle_taken": "DUPLICATE_HANDLE",
    "handle_unknown": "INVALID_HANDLE",
    "name_bad": "INVALID_NAME",
    "name_taken": "DUPLICATE_NAME",
    "blob_limit": "LIMIT_EXCEEDED",
    "blob_not_found": "NOT_FOUND",
}
_ECHOES = {
    "add_track": "add_track",
    "mute": "mute",
    "update_metadata": "update_metadata",
    "update_audio_track": "update_audio_track",
    "update_video_track": "update_video_track",
    "publish_data_track_request": "publish_data_track",
    "unpublish_data_track_request": "unpublish_data_track",
}
"""The field of the response that repeats the request, by kind of request."""


def offer(session: Requester, participant: Participant, message: rtc.SessionDescription) -> None:
    session.take_offer()
    participant.receive_offer(message.sdp, message.id)


def answer(session: Requester, participant: Participant, message: rtc.SessionDescription) -> None:
    participant.receive_answer(message.sdp, message.id)


def trickle(session: Requester, participant: Participant, message: rtc.TrickleRequest) -> None:
    """Ignore the candidate: the client's own checks reach the server, and a lite agent sends no checks (RFC 8445 section 2.5).
    The first candidate shows that the client has applied its offer.
    """
    session.take_offer()


def add_track(session: Requester, participant: Participant, message: rtc.AddTrackRequest) -> None:
    try:
        if message.sid:
            publishing.announce_backup(participant, message.sid, announcement(message))
        else:
            publishing.announce(participant, announcement(message))
    except Refusal as refusal:
        refuse(session, "add_track", message, refusal)


def mute(session: Requester, participant: Participant, message: rtc.MuteTrackRequest) -> None:
    publishing.mute(participant, message.sid, message.muted)


def subscription(session: Requester, participant: Participant, message: rtc.UpdateSubscription) -> None:
    subscriptions.choose(participant, subscription_sids(message), message.subscribe)


def track_setting(session: Requester, participant: Participant, message: rtc.UpdateTrackSettings) -> None:
    """Set the subscriber's settings. An absent quality means LOW: LOW is number 0 in the protocol."""
    settings = Settings(
        disabled=message.disabled,
        quality=views.QUALITIES_BACK.get(message.quality, Quality.HIGH),
        width=message.width,
        height=message.height,
        fps=message.fps,
        priority=message.priority,
    )
    subscriptions.set_settings(participant, message.track_sids[: limits.TRACK_SIDS], settings)


def leave(session: Requester, participant: Participant, message: rtc.LeaveRequest) -> None:
    session.participant = None
    participant.leave(events.Reason.CLIENT_INITIATED)
    session.deliver(events.Left(events.Reason.CLIENT_INITIATED))


def subscription_permission(session: Requester, participant: Participant, message: rtc.SubscriptionPermission) -> None:
    by_identity: dict[str, frozenset[str] | None] = {}
    by_sid: dict[str, frozenset[str] | None] = {}
    known: dict[str, str] = {}
    left = limits.PERMITTED_SIDS
    for entry in message.track_permissions[: limits.PERMISSIONS]:
        sids = entry.track_sids[:left]
        left -= len(sids)
        # All equal ids share one text in memory. An id or an entry that is too long is ignored: the subscriber may receive
        # less, never more.
        named = frozenset(known.setdefault(sid, sid) for sid in sids if len(sid) <= conference_limits.SID_CHARACTERS)
        tracks = None if entry.all_tracks else named
        if 0 < len(entry.participant_identity) <= conference_limits.IDENTITY_BYTES:
            by_identity[entry.participant_identity] = tracks
        if 0 < len(entry.participant_sid) <= conference_limits.SID_CHARACTERS:
            by_sid[entry.participant_sid] = tracks
    publishing.permit(participant, Permission(message.all_participants, by_identity, by_sid))


def sync_state(session: Requester, participant: Participant, message: rtc.SyncState) -> None:
    """Apply the state that the client sends after a resume. The client must join again if it names a track that the server does
    not know, or too many tracks.
    """
    known = participant.tracks.keys() | {track.sid for track in participant.pending.values()}
    told = message.publish_tracks
    if len(told) > limits.TRACK_SIDS or any(published.track.sid not in known for published in told):
        session.participant = None
        session.deliver(events.Left(events.Reason.STATE_MISMATCH, events.Action.RECONNECT))
        participant.leave(events.Reason.STATE_MISMATCH)
        return
    # With automatic subscription the list holds the unsubscribed tracks, otherwise the subscribed ones: `subscribe` says which.
    subscriptions.choose(participant, subscription_sids(message.subscription), message.subscription.subscribe)
    for sid in message.track_sids_disabled[: limits.TRACK_SIDS]:
        subscriptions.set_settings(participant, [sid], Settings(disabled=True))
    if message.HasField("data_subscription"):
        update_data_subscription(session, participant, message.data_subscription)


def ping(session: Requester, participant: Participant, message: int) -> None:
    session.respond(rtc.SignalResponse(pong=_now_ms(session)))


def ping_req(session: Requester, participant: Participant, message: rtc.Ping) -> None:
    pong = rtc.Pong(last_ping_timestamp=message.timestamp, timestamp=_now_ms(session))
    session.respond(rtc.SignalResponse(pong_resp=pong))


def update_metadata(session: Requester, participant: Participant, message: rtc.UpdateParticipantMetadata) -> None:
    """Change the participant's own facts. A client always sends both the name and the metadata; an empty text changes nothing.

    The client gets the change before the answer. After the answer the client continues with the name that it knows, so it must
    know the new name by then.
    """
    session.take_facts(message.ByteSize())
    participant.update_own(
        name=message.name or None, metadata=message.metadata or None, attributes=dict(message.attributes)
    )
    response = rtc.RequestResponse(request_id=message.request_id, update_metadata=message)
    session.respond(rtc.SignalResponse(request_response=response))


def update_audio_track(session: Requester, participant: Participant, message: rtc.UpdateLocalAudioTrack) -> None:
    track = participant.tracks.get(message.track_sid)
    if track is None or not isinstance(track.announcement.facts, rtc.AddTrackRequest):
        return
    told = rtc.AddTrackRequest()
    told.CopyFrom(track.announcement.facts)
    del told.audio_features[:]
    told.audio_features.extend(message.features[: limits.LAYERS])
    publishing.describe(participant, message.track_sid, told)


def update_video_track(session: Requester, participant: Participant, message: rtc.UpdateLocalVideoTrack) -> None:
    publishing.resize(participant, message.track_sid, message.width, message.height)


def update_layers(session: Requester, participant: Participant, message: rtc.UpdateVideoLayers) -> None:
    publishing.describe_layers(participant, message.track_sid, _layers(message.layers))


def store_data_blob(session: Requester, participant: Participant, message: rtc.StoreDataBlobRequest) -> None:
    blobs.store(participant, _blob_key(message.blob.key), message.blob.contents)
    response = rtc.StoreDataBlobResponse(request_id=message.request_id, key=message.blob.key)
    session.respond(rtc.SignalResponse(store_data_blob_response=response))


def get_data_blob(session: Requester, participant: Participant, message: rtc.GetDataBlobRequest) -> None:
    contents = blobs.fetch(participant, message.participant_identity, _blob_key(message.key))
    blob = models.DataBlob(key=message.key, contents=contents)
    response = rtc.GetDataBlobResponse(request_id=message.request_id, blob=blob)
    session.respond(rtc.SignalResponse(get_data_blob_response=response))


def publish_data_track(session: Requester, participant: Participant, message: rtc.PublishDataTrackRequest) -> None:
    _check_size(message)
    view = data_tracks.publish(participant, message.pub_handle, message.name, message)
    response = rtc.PublishDataTrackResponse(info=views.data_track(view))
    session.respond(rtc.SignalResponse(publish_data_track_response=response))


def unpublish_data_track(session: Requester, participant: Participant, message: rtc.UnpublishDataTrackRequest) -> None:
    view = data_tracks.unpublish(participant, message.pub_handle)
    response = rtc.UnpublishDataTrackResponse(info=views.data_track(view))
    session.respond(rtc.SignalResponse(unpublish_data_track_response=response))


def update_data_subscription(session: Requester, participant: Participant, message: rtc.UpdateDataSubscription) -> None:
    for change in message.updates[: limits.TRACK_SIDS]:
        data_tracks.choose(participant, change.track_sid, change.subscribe)
    data_tracks.tell_handles_soon(participant)


def refuse(session: Requester, kind: str, message: Any, refusal: Refusal) -> None:
    """Report to the client which of its requests was refused. The report repeats the request if the protocol has a field for
    it.
    """
    response = rtc.RequestResponse(
        request_id=getattr(message, "request_id", 0),
        reason=_REASONS.get(refusal.code, "UNCLASSIFIED_ERROR"),
        message=refusal.english,
    )
    echo = _ECHOES.get(kind)
    if echo is not None and isinstance(message, Message):
        getattr(response, echo).CopyFrom(message)
    session.respond(rtc.SignalResponse(request_response=response))


def announcement(message: rtc.AddTrackRequest) -> Announcement:
    """Return the announcement of a track. Raises Refusal."""
    _check_size(message)
    if not message.cid or len(message.cid) > limits.CID_BYTES or len(message.name) > limits.TRACK_NAME_BYTES:
        raise Refusal("track_kind_bad")
    wanted = message.simulcast_codecs[: limits.CODECS]
    layers = message.layers or [layer for codec in wanted[:1] for layer in codec.layers]
    features = message.audio_features
    return Announcement(
        cid=message.cid,
        kind={models.TrackType.AUDIO: "audio", models.TrackType.VIDEO: "video"}.get(message.type, "data"),
        source=views.SOURCES_BACK.get(message.source, Source.UNKNOWN),
        name=message.name,
        muted=message.muted,
        width=message.width,
        height=message.height,
        layers=_layers(layers),
        stream=message.stream[: limits.TRACK_NAME_BYTES],
        codec=_mime(wanted[0].codec) if wanted else None,
        backup=_mime(wanted[1].codec) if len(wanted) > 1 else None,
        red=not message.disable_red,
        stereo=message.stereo or models.AudioTrackFeature.TF_STEREO in features,
        dtx=not message.disable_dtx and models.AudioTrackFeature.TF_NO_DTX not in features,
        cids=frozenset(codec.cid for codec in wanted if codec.cid),
        facts=message,
    )


def subscription_sids(message: Any) -> list[str]:
    """Return the track ids of a message without duplicates; both lists may name the same track. Ids beyond the bound are
    ignored.
    """
    entries = islice(message.participant_tracks, limits.TRACK_SIDS)
    by_entry = islice((sid for tracks in entries for sid in tracks.track_sids), limits.TRACK_SIDS)
    return list(dict.fromkeys([*message.track_sids[: limits.TRACK_SIDS], *by_entry]))[: limits.TRACK_SIDS]


def _blob_key(key: models.DataBlobKey) -> bytes:
    """Return the key as bytes. Raises Refusal."""
    if not key.ByteSize() or key.ByteSize() > limits.BLOB_KEY_BYTES:
        raise Refusal("name_bad")
    return bytes(key.SerializeToString(deterministic=True))


def _check_size(message: Message) -> None:
    if message.ByteSize() > limits.FACTS_BYTES:
        raise Refusal("facts_too_long", "Mô tả luồng quá dài", "the description of the track is too long")


def _layers(layers: Iterable[models.VideoLayer]) -> tuple[Layer, ...]:
    read = (
        Layer(views.QUALITIES_BACK[layer.quality], layer.width, layer.height, layer.bitrate)
        for layer in islice(layers, limits.LAYERS)
        if layer.quality in views.QUALITIES_BACK
    )
    return tuple(sorted({layer.quality: layer for layer in read}.values(), key=lambda layer: layer.quality.value))


def _mime(codec: str) -> str | None:
    """Return the MIME type of a codec, or None. Some clients write "vp8", others "video/VP8"."""
    name = codec.rpartition("/")[2].lower()
    return next((mime for mime in views.VIDEO_CODECS + views.AUDIO_CODECS if mime.lower().endswith("/" + name)), None)


def _now_ms(session: Requester) -> int:
    return int(session.context.registry.around.clock.time() * 1000)


TABLE: dict[str, Callable[[Requester, Participant, Any], None]] = {
    "offer": offer,
    "answer": answer,
    "trickle": trickle,
    "add_track": add_track,
    "mute": mute,
    "subscription": subscription,
    "track_setting": track_setting,
    "leave": leave,
    "subscription_permission": subscription_permission,
    "sync_state": sync_state,
    "ping": ping,
    "ping_req": ping_req,
    "update_metadata": update_metadata,
    "update_audio_track": update_audio_track,
    "update_video_track": update_video_track,
    "publish_data_track_request": publish_data_track,
    "unpublish_data_track_request": unpublish_data_track,
    "update_data_subscription": update_data_subscription,
    "store_data_blob_request": store_data_blob,
    "get_data_blob_request": get_data_blob,
    "update_layers": update_layers,
    "simulate": scenarios.simulate,
}
