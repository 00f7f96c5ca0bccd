"""Conference events as messages to a client: one function for each kind of event, and the framing.

An event that goes to many clients is encoded once: `Encoder` keeps the last event. Clients use protobuf or JSON (proto3
mapping).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.protocol import models, rtc

from conference import PeerError, events
from signaling.rtc.wire import limits, views

PROTOCOL = 17
"""The version of the browser protocol that the server reports. Source: version 18 means data channels with fixed numbers
(`NegotiatedDataChannelID` of `livekit-protocol`); this server does not open such channels. The clients of 2026 for JavaScript
(2.23), Go, Rust, Swift and Android do not compare the version. Larger: no effect on these; a client that relies on version 18
waits for such channels. Smaller: no effect on these; a client that compares the version may not use newer functions.
"""
VERSION = "1.13.0"
"""The version that clients compare to learn the abilities of a server: calls between participants need 1.8 or newer."""

_LENGTH_DELIMITED = 2
_UPDATE = rtc.SignalResponse.DESCRIPTOR.fields_by_name["update"].number
_JOIN = rtc.SignalResponse.DESCRIPTOR.fields_by_name["join"].number
_PARTICIPANTS = rtc.ParticipantUpdate.DESCRIPTOR.fields_by_name["participants"].number
_LONG = {
    bytes((rtc.SignalRequest.DESCRIPTOR.fields_by_name[name].number << 3 | _LENGTH_DELIMITED,))
    for name in ("offer", "answer", "sync_state")
}
"""The first byte of a message that holds descriptions: the byte before the length."""
_OTHERS = rtc.JoinResponse.DESCRIPTOR.fields_by_name["other_participants"].number


@dataclass(frozen=True, slots=True)
class Relay:
    """A TURN server with credentials for one participant."""

    urls: tuple[str, ...]
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Facts about this server that every client gets. `relays`: returns the TURN servers for a participant's sid and a
    conference; None if the server has no relays.
    """

    node_id: str
    product: str = "diemcau"
    relays: Callable[[str, str], Sequence[Relay]] | None = None

    def ice_servers(self, sid: str, conference: str) -> list[rtc.ICEServer]:
        relays = self.relays(sid, conference) if self.relays is not None else ()
        return [rtc.ICEServer(urls=one.urls, username=one.user, credential=one.password) for one in relays]

    def info(self) -> models.ServerInfo:
        return models.ServerInfo(version=VERSION, protocol=PROTOCOL, node_id=self.node_id, debug_info=self.product)


class Encoder:
    """An encoder that all sessions of the process share."""

    def __init__(self, facts: ServerFacts) -> None:
        self.facts = facts
        self._event: object = None
        self._binary = b""
        self._text = ""

    def encode(self, event: events.Event, *, text: bool) -> bytes | str | None:
        """Return the message, or None if this protocol has no message for the event."""
        if self._event is not event:
            self._binary, self._text = self._write(event), ""
            self._event = event
        if not self._binary:
            return None
        if not text:
            return self._binary
        if not self._text:
            self._text = to_text(rtc.SignalResponse.FromString(self._binary))
        return self._text

    def _write(self, event: events.Event) -> bytes:
        if isinstance(event, events.RosterChanged):
            return update(event.participants)
        if isinstance(event, events.Welcome):
            return join(event, self.facts)
        writer = _WRITERS.get(type(event))
        return b"" if writer is None else writer(event).SerializeToString()


def to_text(message: Message) -> str:
    return json_format.MessageToJson(message, indent=None)


def read_request(data: bytes | str) -> rtc.SignalRequest:
    """Read a request. Raises PeerError for data that are no request; an unknown kind of request reads as an empty request."""
    try:
        if isinstance(data, bytes):
            return rtc.SignalRequest.FromString(data)
        return json_format.Parse(data, rtc.SignalRequest(), ignore_unknown_fields=True, max_recursion_depth=20)
    except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
        raise PeerError("a signalling message cannot be read") from error


def is_too_long(data: bytes | str) -> bool:
    """Report whether a message is too long. JSON has a limit of tokens. A binary message without a description has a smaller
    limit of bytes. A description must be the only field of its message, as serializers write it.
    """
    if len(data) > limits.MESSAGE_BYTES:
        return True
    if isinstance(data, str):
        return _tokens(data) > limits.JSON_TOKENS
    return len(data) > limits.OTHER_MESSAGE_BYTES and not _is_description(data)


def cost(data: bytes | str) -> int:
    """Return the cost of a message in bytes of descriptions. Other content counts more than its bytes."""
    if isinstance(data, str):
        return len(data) + _tokens(data) * limits.JSON_TOKEN_BYTES
    return len(data) if _is_description(data) else len(data) * limits.SMALL_PARTS


def _is_description(data: bytes) -> bool:
    return data[:1] in _LONG and _field_bytes(data) == len(data)


def _tokens(text: str) -> int:
    return text.count("{") + text.count("[") + text.count(",")


def _field_bytes(data: bytes) -> int:
    """Return the length of the first field with its tag and its length prefix. The tag has one byte. Return 0 if the prefix
    cannot be read.
    """
    length = 0
    for place, byte in enumerate(data[1:6]):
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return 2 + place + length
    return 0


def update(participants: Iterable[events.ParticipantView]) -> bytes:
    body = b"".join(_field(_PARTICIPANTS, views.participant_bytes(view)) for view in participants)
    return _field(_UPDATE, body)


def join(event: events.Welcome, facts: ServerFacts) -> bytes:
    """Return the join message. The entries of the other participants are encoded once for all clients that join."""
    message = rtc.JoinResponse(
        room=views.room(event.conference),
        server_version=VERSION,
        ice_servers=facts.ice_servers(event.own.sid, event.conference.name),
        subscriber_primary=event.dual,
        ping_interval=limits.PING_INTERVAL_S,
        ping_timeout=limits.PING_TIMEOUT_S,
        server_info=facts.info(),
        enabled_publish_codecs=views.codecs(views.VIDEO_CODECS + views.AUDIO_CODECS),
        fast_publish=True,
    )
    if event.relay:
        message.client_configuration.force_relay = models.ClientConfigSetting.ENABLED
    message.participant.ParseFromString(views.participant_bytes(event.own))
    others = b"".join(_field(_OTHERS, views.participant_bytes(view)) for view in event.others)
    return _field(_JOIN, message.SerializeToString() + others)


def reconnect(facts: ServerFacts, sid: str, conference: str, *, relay: bool = False) -> bytes:
    """Return the message of a resume. `relay`: the client must use a TURN server only."""
    message = rtc.ReconnectResponse(ice_servers=facts.ice_servers(sid, conference), server_info=facts.info())
    if relay:
        message.client_configuration.force_relay = models.ClientConfigSetting.ENABLED
    return rtc.SignalResponse(reconnect=message).SerializeToString()


def leave(event: events.Left) -> rtc.SignalResponse:
    return rtc.SignalResponse(
        leave=rtc.LeaveRequest(
            reason=views.REASONS[event.reason],
            action=event.action.name,
            can_reconnect=event.action is not events.Action.DISCONNECT,
        )
    )


def _room_update(event: events.ConferenceChanged) -> rtc.SignalResponse:
    return rtc.SignalResponse(room_update=rtc.RoomUpdate(room=views.room(event.conference)))


def _answer(event: events.Answered) -> rtc.SignalResponse:
    return rtc.SignalResponse(
        answer=rtc.SessionDescription(type="answer", sdp=event.sdp, id=event.offer_id, mid_to_track_id=event.tracks)
    )


def _offer(event: events.Offered) -> rtc.SignalResponse:
    return rtc.SignalResponse(
        offer=rtc.SessionDescription(type="offer", sdp=event.sdp, id=event.offer_id, mid_to_track_id=event.tracks)
    )


def _sections(event: events.SectionsWanted) -> rtc.SignalResponse:
    return rtc.SignalResponse(
        media_sections_requirement=rtc.MediaSectionsRequirement(num_audios=event.audio, num_videos=event.video)
    )


def _track_published(event: events.TrackPublished) -> rtc.SignalResponse:
    return rtc.SignalResponse(track_published=rtc.TrackPublishedResponse(cid=event.cid, track=views.track(event.track)))


def _track_unpublished(event: events.TrackUnpublished) -> rtc.SignalResponse:
    return rtc.SignalResponse(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=event.track_sid))


def _track_subscribed(event: events.TrackSubscribed) -> rtc.SignalResponse:
    return rtc.SignalResponse(track_subscribed=rtc.TrackSubscribed(track_sid=event.track_sid))


def _mute(event: events.MuteAsked) -> rtc.SignalResponse:
    return rtc.SignalResponse(mute=rtc.MuteTrackRequest(sid=event.track_sid, muted=event.muted))


def _speakers(event: events.SpeakersChanged) -> rtc.SignalResponse:
    speakers = [
        models.SpeakerInfo(sid=one.participant_sid, level=one.level, active=one.active) for one in event.speakers
    ]
    return rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=speakers))


def _quality(event: events.QualityChanged) -> rtc.SignalResponse:
    updates = [
        rtc.ConnectionQualityInfo(participant_sid=one.participant_sid, quality=one.grade.name, score=one.score)
        for one in event.grades
    ]
    return rtc.SignalResponse(connection_quality=rtc.ConnectionQualityUpdate(updates=updates))


def _streams(event: events.StreamStates) -> rtc.SignalResponse:
    states = [
        rtc.StreamStateInfo(
            participant_sid=one.publisher_sid, track_sid=one.track_sid, state="PAUSED" if one.paused else "ACTIVE"
        )
        for one in event.states
    ]
    return rtc.SignalResponse(stream_state_update=rtc.StreamStateUpdate(stream_states=states))


def _subscription_allowed(event: events.SubscriptionAllowed) -> rtc.SignalResponse:
    return rtc.SignalResponse(
        subscription_permission_update=rtc.SubscriptionPermissionUpdate(
            participant_sid=event.participant_sid, track_sid=event.track_sid, allowed=event.allowed
        )
    )


def _subscription_failed(event: events.SubscriptionFailed) -> rtc.SignalResponse:
    error = models.SubscriptionError.SE_CODEC_UNSUPPORTED if event.codec else models.SubscriptionError.SE_TRACK_NOTFOUND
    return rtc.SignalResponse(subscription_response=rtc.SubscriptionResponse(track_sid=event.track_sid, err=error))


def _layers(event: events.LayersWanted) -> rtc.SignalResponse:
    qualities = _qualities(event.highest)
    wanted = [(event.mime, event.highest), *([event.backup] if event.backup is not None else [])]
    return rtc.SignalResponse(
        subscribed_quality_update=rtc.SubscribedQualityUpdate(
            track_sid=event.track_sid,
            subscribed_qualities=qualities,
            subscribed_codecs=[
                rtc.SubscribedCodec(codec=mime.partition("/")[2].lower(), qualities=_qualities(highest))
                for mime, highest in wanted
            ],
        )
    )


def _qualities(highest: events.Quality | None) -> list[rtc.SubscribedQuality]:
    top = -1 if highest is None else highest.value
    return [
        rtc.SubscribedQuality(quality=views.QUALITIES[quality], enabled=quality.value <= top)
        for quality in events.Quality
    ]


def _handles(event: events.DataTrackHandles) -> rtc.SignalResponse:
    message = rtc.DataTrackSubscriberHandles()
    for handle, source in event.handles.items():
        entry = message.sub_handles[handle]
        entry.publisher_identity = source.publisher_identity
        entry.publisher_sid = source.publisher_sid
        entry.track_sid = source.track_sid
    return rtc.SignalResponse(data_track_subscriber_handles=message)


def _field(number: int, payload: bytes) -> bytes:
    """Return a length-delimited protobuf field."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_WRITERS: dict[type, Callable[[Any], rtc.SignalResponse]] = {
    events.ConferenceChanged: _room_update,
    events.Answered: _answer,
    events.Offered: _offer,
    events.SectionsWanted: _sections,
    events.TrackPublished: _track_published,
    events.TrackUnpublished: _track_unpublished,
    events.TrackSubscribed: _track_subscribed,
    events.MuteAsked: _mute,
    events.SpeakersChanged: _speakers,
    events.QualityChanged: _quality,
    events.StreamStates: _streams,
    events.SubscriptionAllowed: _subscription_allowed,
    events.SubscriptionFailed: _subscription_failed,
    events.LayersWanted: _layers,
    events.DataTrackHandles: _handles,
    events.Left: leave,
}
