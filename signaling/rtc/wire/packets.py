"""The bytes of data channels: packets (protobuf) and frames of data tracks (12-byte header).

The module owns the sender of a packet: the server replaces any sender that the client wrote. It never reads payloads.
"""

from __future__ import annotations

import struct

from google.protobuf.message import DecodeError
from livekit.protocol import models

from conference import PeerError
from conference.data.chat import TOPIC as CHAT
from conference.ports.clients import Packet, Piece
from signaling.rtc.wire import limits
from signaling.rtc.wire.rpc import Calls

STREAM = "lk.chat"
"""The topic of the text streams that carry chat lines of LiveKit's components (`DataTopic`)."""
FOREIGN_CHAT = frozenset({STREAM, "lk-chat-topic"})
"""The topics of chat between clients. Source: `DataTopic` and `LegacyDataTopic` of LiveKit's components."""
_HEADER_BYTES = 12
_HANDLE = struct.Struct("!H")


class Packets:
    """The PacketFormat of conference for this protocol."""

    def __init__(self) -> None:
        self.calls = Calls()

    def stamp(self, data: bytes, sender_sid: str, sender_identity: str, *, hidden: bool) -> Packet | None:
        try:
            packet = models.DataPacket.FromString(data)
        except DecodeError as error:
            raise PeerError("a data packet cannot be read") from error
        kind = packet.WhichOneof("value")
        if kind == "speaker" or self.calls.take(packet, sender_sid):  # only a server may report active speakers
            return None
        if kind == "user" and packet.user.topic == CHAT:
            return Packet(b"", chat=packet.user.payload)
        if hidden:
            sender_sid = sender_identity = ""
        packet.participant_sid = sender_sid
        packet.participant_identity = sender_identity
        destinations = frozenset(packet.destination_identities)
        if kind == "user":
            packet.user.participant_sid = sender_sid
            packet.user.participant_identity = sender_identity
            destinations |= frozenset(packet.user.destination_identities)
        return Packet(
            packet.SerializeToString(),
            destinations,
            metrics=kind == "metrics",
            foreign_chat=_is_foreign_chat(packet, kind),
            piece=_piece(packet, kind),
        )

    def from_server(self, payload: bytes, topic: str) -> Packet:
        return from_server(payload, reliable=True, topic=topic, destinations=frozenset())

    def chat_line(self, line: str, text: str, at_ms: int, sender_sid: str, sender_identity: str) -> tuple[Packet, ...]:
        """Return the text stream of a line: a header, the text in chunks, and a trailer."""
        content = text.encode("utf-8", "replace")
        header = models.DataStream.Header(
            stream_id=line,
            timestamp=at_ms,
            topic=STREAM,
            mime_type="text/plain",
            total_length=len(content),
            text_header=models.DataStream.TextHeader(),
        )
        chunks = [
            models.DataStream.Chunk(stream_id=line, chunk_index=number, content=content[at : at + limits.CHUNK_BYTES])
            for number, at in enumerate(range(0, len(content), limits.CHUNK_BYTES))
        ]
        parts = [
            models.DataPacket(stream_header=header),
            *(models.DataPacket(stream_chunk=chunk) for chunk in chunks),
            models.DataPacket(stream_trailer=models.DataStream.Trailer(stream_id=line)),
        ]
        for part in parts:
            part.participant_sid, part.participant_identity = sender_sid, sender_identity
        return tuple(Packet(part.SerializeToString()) for part in parts)

    def frame_handle(self, frame: bytes) -> int:
        if len(frame) < _HEADER_BYTES:
            raise PeerError("a data track frame is shorter than its header")
        handle: int = _HANDLE.unpack_from(frame, 2)[0]
        return handle

    def with_handle(self, frame: bytes, handle: int) -> bytes:
        return frame[:2] + _HANDLE.pack(handle) + frame[4:]


def _is_foreign_chat(packet: models.DataPacket, kind: str | None) -> bool:
    """Report whether a packet begins a chat message of LiveKit's own pages, in one of their three ways."""
    topic = {"user": packet.user.topic, "stream_header": packet.stream_header.topic}.get(kind or "", "")
    return kind == "chat_message" or topic in FOREIGN_CHAT


def _piece(packet: models.DataPacket, kind: str | None) -> Piece | None:
    if kind == "stream_chunk":
        return Piece(packet.stream_chunk.stream_id, packet.stream_chunk.content)
    if kind == "stream_trailer":
        return Piece(packet.stream_trailer.stream_id, ends=True)
    header = packet.stream_header
    readable = header.encryption_type == models.Encryption.NONE and header.WhichOneof("content_header") == "text_header"
    if kind != "stream_header" or header.topic != STREAM or not readable:
        return None
    whole = header.HasField("inline_content")  # neither chunks nor a trailer follow
    deflated = header.compression != models.DataStream.CompressionType.NONE
    return Piece(header.stream_id, header.inline_content, begins=True, ends=whole, deflated=deflated)


def from_server(
    data: bytes, *, reliable: bool, topic: str | None, destinations: frozenset[str], nonce: bytes = b""
) -> Packet:
    """Return a packet of the server API, without a sender."""
    user = models.UserPacket(payload=data, destination_identities=sorted(destinations), nonce=nonce)
    if topic is not None:
        user.topic = topic
    kind = "RELIABLE" if reliable else "LOSSY"
    packet = models.DataPacket(kind=kind, user=user, destination_identities=sorted(destinations))
    return Packet(packet.SerializeToString(), destinations)
