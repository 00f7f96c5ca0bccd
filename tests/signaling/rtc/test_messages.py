"""Encoding: each message is encoded once for all clients, with the same content in both forms. Also data packets."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import Any

import pytest
from livekit.protocol import metrics, models, rtc

from conference import PeerError
from conference.ground.events import LayersWanted, Quality, SpeakersChanged, Speaking, Superseded
from conference.ports.clients import Packet, Piece
from signaling.rtc.webhooks import Reporter
from signaling.rtc.wire import views
from signaling.rtc.wire.messages import Encoder, ServerFacts
from signaling.rtc.wire.packets import Packets, from_server
from tests.conference.doubles import describe, peer_of
from tests.signaling.rtc.signal_desk import SignalDesk


def test_one_update_is_encoded_once_for_all_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    office = SignalDesk()
    guests = [office.join(f"g{number}") for number in range(5)]
    before = [len(guest.wire.frames) for guest in guests]
    made = 0
    real = views.participant

    def counting(view: object) -> object:
        nonlocal made
        made += 1
        return real(view)  # type: ignore[arg-type]

    monkeypatch.setattr(views, "participant", counting)
    guests[0].participant.changed()
    office.world.time.turn()
    new = [guest.wire.frames[count:] for guest, count in zip(guests, before, strict=True)]
    assert made == 1
    assert all(frames[0] is new[0][0] for frames in new)


def test_encoded_participant_data_is_freed_with_its_view() -> None:
    view = replace(SignalDesk().join("ann").participant.view())
    assert views.participant_bytes(view) is views.participant_bytes(view)
    kept = weakref.ref(view)
    del view
    gc.collect()
    assert kept() is None


def test_both_forms_say_the_same() -> None:
    encoder = Encoder(ServerFacts("ND_x"))
    event = SpeakersChanged((Speaking("PA_x", 0.5, True),))
    binary, text = encoder.encode(event, text=False), encoder.encode(event, text=True)
    assert isinstance(binary, bytes)
    assert isinstance(text, str)
    from google.protobuf import json_format

    assert json_format.Parse(text, rtc.SignalResponse()) == rtc.SignalResponse.FromString(binary)
    assert encoder.encode(Superseded(), text=False) is None


@pytest.mark.parametrize(("highest", "enabled"), [(None, []), (Quality.LOW, [0]), (Quality.HIGH, [0, 1, 2])])
def test_layers_wanted(highest: Quality | None, enabled: list[int]) -> None:
    frame = Encoder(ServerFacts("ND_x")).encode(LayersWanted("TR_x", "video/VP8", highest), text=False)
    assert isinstance(frame, bytes)
    message = rtc.SignalResponse.FromString(frame).subscribed_quality_update
    assert [one.quality for one in message.subscribed_codecs[0].qualities if one.enabled] == enabled
    assert message.subscribed_codecs[0].codec == "vp8"


def test_a_second_codec_is_asked_for() -> None:
    wanted = LayersWanted("TR_x", "video/VP9", None, ("video/VP8", Quality.MEDIUM))
    frame = Encoder(ServerFacts("ND_x")).encode(wanted, text=False)
    assert isinstance(frame, bytes)
    codecs = rtc.SignalResponse.FromString(frame).subscribed_quality_update.subscribed_codecs
    told = {one.codec: [quality.quality for quality in one.qualities if quality.enabled] for one in codecs}
    assert told == {"vp9": [], "vp8": [0, 1]}


def test_a_large_roster_in_a_join() -> None:
    office = SignalDesk()
    for number in range(60):
        office.join(f"guest-{number}", metadata="m" * 100)
    last = office.join("last", offer=describe("audio recvonly"))
    assert len(last.wire.last("join").other_participants) == 60


def test_the_sender_of_a_packet_is_the_servers_word() -> None:
    packet = models.DataPacket(
        user=models.UserPacket(payload=b"x", participant_sid="PA_forged", topic="t"),
        participant_identity="forged",
        destination_identities=["ben"],
        sequence=7,
    )
    stamped = Packets().stamp(packet.SerializeToString(), "PA_ann", "ann", hidden=False)
    assert stamped is not None
    assert stamped.destinations == {"ben"}
    read = models.DataPacket.FromString(stamped.payload)
    assert (read.participant_sid, read.participant_identity, read.sequence) == ("PA_ann", "ann", 7)
    assert (read.user.participant_sid, read.user.participant_identity, read.user.payload) == ("PA_ann", "ann", b"x")


def test_chat_of_our_pages_is_for_the_server_and_other_chat_is_marked() -> None:
    def stamped(**value: Any) -> Packet:
        found = Packets().stamp(models.DataPacket(**value).SerializeToString(), "PA_ann", "ann", hidden=False)
        assert found is not None
        return found

    ours = stamped(user=models.UserPacket(payload=b"{}", topic="dc.chat"))
    assert (ours.chat, ours.payload) == (b"{}", b"")
    for foreign in (
        {"chat_message": models.ChatMessage(message="x")},
        {"user": models.UserPacket(payload=b"x", topic="lk-chat-topic")},
        {"stream_header": models.DataStream.Header(topic="lk.chat")},
    ):
        assert stamped(**foreign).foreign_chat
    for other in (
        {"user": models.UserPacket(payload=b"x", topic="t")},
        {"stream_header": models.DataStream.Header(topic="f")},
    ):
        assert (stamped(**other).foreign_chat, stamped(**other).chat) == (False, None)
    made = models.DataPacket.FromString(Packets().from_server(b"{}", "dc.chat").payload)
    assert (made.user.topic, made.user.payload, made.participant_identity) == ("dc.chat", b"{}", "")


def test_a_line_is_a_text_stream_of_its_writer_and_is_read_as_one() -> None:
    text = "Kính chào " * 1500
    parts = [models.DataPacket.FromString(one.payload) for one in Packets().chat_line("L1", text, 5, "PA_an", "an")]
    assert {(one.participant_sid, one.participant_identity, one.sequence) for one in parts} == {("PA_an", "an", 0)}
    header, *chunks, trailer = parts
    assert (header.stream_header.topic, header.stream_header.total_length) == ("lk.chat", len(text.encode()))
    assert [one.stream_chunk.chunk_index for one in chunks] == [0, 1]
    assert all(len(one.SerializeToString()) < 16 * 1024 for one in chunks)
    assert b"".join(one.stream_chunk.content for one in chunks).decode() == text
    assert trailer.stream_trailer.stream_id == "L1"
    pieces = [
        read.piece for one in parts if (read := Packets().stamp(one.SerializeToString(), "PA_b", "b", hidden=False))
    ]
    assert pieces[0] == Piece("L1", begins=True)
    assert pieces[-1] == Piece("L1", ends=True)
    assert b"".join(one.content for one in pieces if one) == text.encode()


def test_chat_in_one_packet_is_read_and_other_streams_begin_no_line() -> None:
    def piece(**value: Any) -> Piece | None:
        header = models.DataStream.Header(stream_id="S", **value)
        packet = models.DataPacket(stream_header=header).SerializeToString()
        read = Packets().stamp(packet, "PA_b", "b", hidden=False)
        assert read is not None
        return read.piece

    plain = models.DataStream.TextHeader()
    whole = piece(topic="lk.chat", text_header=plain, inline_content=b"z", compression="DEFLATE_RAW")
    assert whole == Piece("S", b"z", begins=True, ends=True, deflated=True)
    assert piece(topic="t", text_header=plain) is None
    assert piece(topic="lk.chat", byte_header=models.DataStream.ByteHeader(name="x")) is None
    assert piece(topic="lk.chat", text_header=plain, encryption_type="GCM") is None


def test_a_hidden_sender_is_never_named() -> None:
    user = models.UserPacket(payload=b"x", participant_sid="PA_ann", participant_identity="ann")
    packet = models.DataPacket(participant_sid="PA_ann", participant_identity="ann", user=user)
    stamped = Packets().stamp(packet.SerializeToString(), "PA_ann", "ann", hidden=True)
    assert stamped is not None
    assert b"ann" not in stamped.payload
    assert models.DataPacket.FromString(stamped.payload).user.payload == b"x"


def test_other_packets_pass_unread_and_speakers_do_not() -> None:
    chat = models.DataPacket(chat_message=models.ChatMessage(message="xin chào"), sequence=1)
    stamped = Packets().stamp(chat.SerializeToString(), "PA_a", "a", hidden=False)
    assert stamped is not None
    assert models.DataPacket.FromString(stamped.payload).chat_message.message == "xin chào"
    forged = models.DataPacket(speaker=models.ActiveSpeakerUpdate())
    assert Packets().stamp(forged.SerializeToString(), "PA_a", "a", hidden=False) is None
    with pytest.raises(PeerError):
        Packets().stamp(b"\xff\xff", "PA_a", "a", hidden=False)


def test_every_other_kind_passes_unread() -> None:
    packets = Packets()
    for kind in models.DataPacket.DESCRIPTOR.oneofs_by_name["value"].fields:
        sent = models.DataPacket(sequence=3)
        getattr(sent, kind.name).SetInParent()
        stamped = packets.stamp(sent.SerializeToString(), "PA_a", "a", hidden=False)
        if kind.name == "speaker":
            assert stamped is None
            continue
        assert stamped is not None
        read = models.DataPacket.FromString(stamped.payload)
        assert (read.WhichOneof("value"), read.participant_identity, read.sequence) == (kind.name, "a", 3)


def test_metrics_reach_only_clients_with_the_grant() -> None:
    office = SignalDesk()
    ann, ben = office.join("ann"), office.join("ben")
    eve = office.join("eve", can_subscribe_metrics=True)
    for guest in (ann, ben, eve):
        peer_of(guest.participant).connect()
    packet = models.DataPacket(metrics=metrics.MetricsBatch(timestamp_ms=1), destination_identities=["ben"])
    peer_of(ann.participant).hear("_lossy", packet.SerializeToString())
    assert [len(peer_of(guest.participant).sent) for guest in (ann, ben, eve)] == [0, 0, 1]


def test_a_webhook_that_fails_ends_no_call(caplog: pytest.LogCaptureFixture) -> None:
    def full(event: object) -> None:
        raise RuntimeError("full")

    office = SignalDesk(observers=[Reporter(full, lambda: 0.0, lambda: "x")])
    assert office.join("ann").wire.code is None
    assert "could not be created" in caplog.text


def test_frames_change_their_handle_only() -> None:
    frame = bytes(range(20))
    packets = Packets()
    assert packets.frame_handle(frame) == 0x0203
    assert packets.with_handle(frame, 0xABCD) == bytes([0, 1, 0xAB, 0xCD, *range(4, 20)])
    with pytest.raises(PeerError):
        packets.frame_handle(b"short")


def test_a_packet_of_the_server_has_no_sender() -> None:
    packet = from_server(b"x", reliable=False, topic="t", destinations=frozenset({"b", "a"}))
    read = models.DataPacket.FromString(packet.payload)
    assert (read.participant_sid, read.user.topic, list(read.destination_identities)) == ("", "t", ["a", "b"])
    assert read.kind == models.DataPacket.LOSSY
