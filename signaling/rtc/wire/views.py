"""Participants, tracks and conferences as messages of the browser protocol. Encoded views are kept, because each goes to many
clients.
"""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from livekit.protocol import models, rtc

from conference import Grants, Passage, Source, marks
from conference.ground.events import ConferenceView, DataTrackView, Layer, ParticipantView, Quality, Reason, TrackView

AUDIO_CODECS = ("audio/opus", "audio/red", "audio/PCMU", "audio/PCMA")
VIDEO_CODECS = ("video/VP8", "video/H264", "video/VP9", "video/AV1", "video/H265")

SOURCES: dict[Source, models.TrackSource] = {
    Source.UNKNOWN: models.TrackSource.UNKNOWN,
    Source.CAMERA: models.TrackSource.CAMERA,
    Source.MICROPHONE: models.TrackSource.MICROPHONE,
    Source.SCREEN_SHARE: models.TrackSource.SCREEN_SHARE,
    Source.SCREEN_SHARE_AUDIO: models.TrackSource.SCREEN_SHARE_AUDIO,
}
SOURCES_BACK = {value: source for source, value in SOURCES.items()}
QUALITIES: dict[Quality, models.VideoQuality] = {
    Quality.LOW: models.VideoQuality.LOW,
    Quality.MEDIUM: models.VideoQuality.MEDIUM,
    Quality.HIGH: models.VideoQuality.HIGH,
}
QUALITIES_BACK = {value: quality for quality, value in QUALITIES.items()}
REASONS: dict[Reason, models.DisconnectReason] = {
    Reason.UNKNOWN: models.DisconnectReason.UNKNOWN_REASON,
    Reason.CLIENT_INITIATED: models.DisconnectReason.CLIENT_INITIATED,
    Reason.DUPLICATE_IDENTITY: models.DisconnectReason.DUPLICATE_IDENTITY,
    Reason.SERVER_SHUTDOWN: models.DisconnectReason.SERVER_SHUTDOWN,
    Reason.REMOVED: models.DisconnectReason.PARTICIPANT_REMOVED,
    Reason.CONFERENCE_DELETED: models.DisconnectReason.ROOM_DELETED,
    Reason.CONFERENCE_IDLE: models.DisconnectReason.ROOM_CLOSED,
    Reason.MIGRATION: models.DisconnectReason.MIGRATION,
    Reason.STATE_MISMATCH: models.DisconnectReason.STATE_MISMATCH,
    Reason.JOIN_FAILURE: models.DisconnectReason.JOIN_FAILURE,
    Reason.SIGNAL_CLOSE: models.DisconnectReason.SIGNAL_CLOSE,
    Reason.MEDIA_FAILURE: models.DisconnectReason.MEDIA_FAILURE,
}


def codecs(mimes: Iterable[str]) -> list[models.Codec]:
    return [models.Codec(mime=mime) for mime in mimes]


def room(view: ConferenceView) -> models.Room:
    return models.Room(
        sid=view.sid,
        name=view.name,
        empty_timeout=view.empty_s,
        departure_timeout=view.departure_s,
        max_participants=view.max_participants,
        creation_time=int(view.created_at),
        creation_time_ms=int(view.created_at * 1000),
        enabled_codecs=codecs(AUDIO_CODECS + VIDEO_CODECS),
        metadata=view.metadata,
        num_participants=view.participants,
        num_publishers=view.publishers,
        active_recording=view.recording,
    )


def permission(grants: Grants) -> models.ParticipantPermission:
    return models.ParticipantPermission(
        can_subscribe=grants.can_subscribe,
        can_publish=grants.can_publish,
        can_publish_data=grants.can_publish_data,
        can_publish_sources=sorted(SOURCES[source] for source in grants.can_publish_sources),
        hidden=grants.hidden,
        recorder=grants.recorder,
        can_update_metadata=grants.can_update_own_metadata,
        agent=grants.agent,
        can_subscribe_metrics=grants.can_subscribe_metrics,
    )


def participant(view: ParticipantView) -> models.ParticipantInfo:
    grants = view.grants
    info = models.ParticipantInfo(
        sid=view.sid,
        identity=view.identity,
        state=view.presence.name,
        tracks=[track(one) for one in view.tracks],
        metadata=grants.metadata,
        joined_at=int(view.joined_at),
        joined_at_ms=int(view.joined_at * 1000),
        name=grants.name,
        version=view.version,
        permission=permission(grants),
        is_publisher=bool(view.tracks),
        kind=grants.kind.name,
        attributes=attributes(grants),
        disconnect_reason=REASONS[view.reason],
        data_tracks=[data_track(one) for one in view.data_tracks],
    )
    if isinstance(view.facts, models.ClientInfo):
        info.client_protocol = view.facts.client_protocol
        info.capabilities.extend(view.facts.capabilities)
    return info


def attributes(grants: Grants) -> dict[str, str]:
    """Return the attributes. Only the server sets the attribute `marks.HOST`, which marks a host; the same attribute from a
    token is removed.
    """
    told = {name: value for name, value in grants.attributes.items() if name != marks.HOST}
    return told | {marks.HOST: "1"} if grants.passage is Passage.HOST else told


_encoded: WeakKeyDictionary[ParticipantView, bytes] = WeakKeyDictionary()
"""Encoded views. An entry lives as long as its view: metadata make entries long, and a participant that left keeps none."""


def participant_bytes(view: ParticipantView) -> bytes:
    """Return the encoded view. Views compare by identity: an unchanged view is encoded once for all its receivers."""
    found = _encoded.get(view)
    if found is None:
        found = _encoded[view] = participant(view).SerializeToString()
    return found


def track(view: TrackView) -> models.TrackInfo:
    layers = [video_layer(layer, index) for index, layer in enumerate(view.layers)]
    info = models.TrackInfo(
        sid=view.sid,
        type=models.TrackType.VIDEO if view.kind == "video" else models.TrackType.AUDIO,
        source=SOURCES[view.source],
        name=view.name,
        muted=view.muted,
        width=view.width,
        height=view.height,
        simulcast=view.simulcast,
        layers=layers,
        mime_type=view.mime,
        mid=view.mid,
        stream=view.stream,
        codecs=[models.SimulcastCodecInfo(mime_type=view.mime, mid=view.mid, cid=view.cid, layers=layers)],
    )
    if isinstance(view.facts, rtc.AddTrackRequest):
        _add_facts(info, view.facts)
    return info


def _add_facts(info: models.TrackInfo, told: rtc.AddTrackRequest) -> None:
    info.stereo = told.stereo
    info.disable_red = told.disable_red
    info.disable_dtx = told.disable_dtx
    info.encryption = told.encryption
    info.backup_codec_policy = told.backup_codec_policy
    info.audio_features.extend(told.audio_features)
    info.packet_trailer_features.extend(told.packet_trailer_features)


def video_layer(layer: Layer, index: int) -> models.VideoLayer:
    return models.VideoLayer(
        quality=QUALITIES[layer.quality],
        width=layer.width,
        height=layer.height,
        bitrate=layer.bitrate_bps,
        spatial_layer=index,
    )


def data_track(view: DataTrackView) -> models.DataTrackInfo:
    info = models.DataTrackInfo(pub_handle=view.handle, sid=view.sid, name=view.name)
    if isinstance(view.facts, rtc.PublishDataTrackRequest):
        info.encryption = view.facts.encryption
        if view.facts.HasField("frame_encoding"):
            info.frame_encoding.CopyFrom(view.facts.frame_encoding)
        if view.facts.HasField("schema"):
            info.schema.CopyFrom(view.facts.schema)
    return info
