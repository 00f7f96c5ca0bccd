"""Voices on the real plane: the loudest of many, RED that the plane makes for a listener, and retransmissions."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest
from aiortc.rtp import RtpPacket

from media import Acceptance, Node, NodeSettings, Router
from tests.clients import offers
from tests.clients.ice_client import IceClient, rtp_packet
from tests.clients.offers import audio
from tests.clients.peers import Call, connect, end

SPEECH, SILENCE = b"\x19", b"\x7f"
LEVEL_ID = 1


@pytest.fixture
async def assembly() -> AsyncIterator[Router]:
    """A conference in which only one voice is sent at a time."""
    node = Node.open(NodeSettings(udp=[("127.0.0.1", 0)], voices=1), asyncio.get_running_loop())
    yield node.open_router()
    IceClient.hang_up_all()
    node.close()
    await asyncio.sleep(0)


def say(call: Call, number: int, level: bytes, payload: bytes = b"voice") -> None:
    packet = rtp_packet(
        payload_type=111,
        sequence=number,
        timestamp=960 * number,
        ssrc=1111,
        payload=payload,
        extensions={LEVEL_ID: level},
    )
    call.client.send_rtp(packet)


async def test_the_loudest_voice_is_sent_and_others_stop_at_ingress(assembly: Router) -> None:
    mic = audio("sendonly", "a=msid:s mic", "a=ssrc:1111 cname:c")
    speakers = [await connect(assembly, [mic]) for _ in range(3)]
    producers = [call.answer.published[0].producer for call in speakers]
    listener = await connect(assembly, [audio("recvonly")] * 3, forward=producers)
    for number in range(40):
        for place, speaker in enumerate(speakers):
            say(speaker, number, SPEECH if place == 1 else SILENCE, b"%d" % place)
        await asyncio.sleep(0.002)
    heard: list[RtpPacket] = []
    while not heard or sum(packet.payload == b"1" for packet in heard) < 39:
        heard.append(RtpPacket.parse(await listener.client.receive_rtp()))
    payloads = [packet.payload for packet in heard]
    assert payloads.count(b"0") <= 1, "until there were more than are heard"
    assert payloads.count(b"2") == 0
    numbers = [packet.sequence_number for packet in heard if packet.payload == b"1"]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    end(*speakers, listener)


async def pair(router: Router, *, nack: bool = False) -> tuple[Call, Call]:
    """Connect a publisher of plain Opus and a listener that also accepts RED."""
    lines = (*offers.AUDIO[:2], "a=rtcp-fb:111 nack", *offers.AUDIO[2:]) if nack else offers.AUDIO
    mic = offers.Offered("audio", "sendonly", lines, "111 63", ["a=msid:s mic", "a=ssrc:1111 cname:c"])
    speaker = await connect(router, [mic], accept=lambda _: Acceptance(red=False))
    [published] = speaker.answer.published
    return speaker, await connect(router, [audio("recvonly")], forward=[published.producer])


def report(ssrc: int, lost: int) -> bytes:
    """Return a receiver report (RFC 3550 §6.4.2) with a loss of `lost` / 256."""
    return struct.pack("!BBHIIIIIII", 0x81, 201, 7, 5, ssrc, lost << 24, 0, 0, 0, 0)


async def test_red_is_made_for_a_listener_that_loses_packets(router: Router) -> None:
    speaker, listener = await pair(router)
    say(speaker, 1, SPEECH, b"first")
    plain = RtpPacket.parse(await listener.client.receive_rtp())
    assert (plain.payload_type, plain.payload) == (111, b"first")
    listener.client.send_rtcp(report(plain.ssrc, 26))
    async with asyncio.timeout(5):
        number = 1
        while True:
            number += 1
            say(speaker, number, SPEECH, b"number %d" % number)
            packet = RtpPacket.parse(await listener.client.receive_rtp())
            if packet.payload_type == 63 and packet.payload[0] & 0x80:
                break
    before = b"number %d" % (number - 1) if number > 2 else b"first"
    block = struct.pack("!I", (0x80 | 111) << 24 | 960 << 10 | len(before))
    assert packet.payload == block + bytes([111]) + before + b"number %d" % number
    end(speaker, listener)


@pytest.mark.parametrize("nack", [True, False])
async def test_a_lost_voice_is_asked_for_where_that_was_agreed(router: Router, nack: bool) -> None:
    speaker, listener = await pair(router, nack=nack)
    assert ("a=rtcp-fb:111 nack\r\n" in speaker.answer.sdp) == nack
    for number in (1, 2, 4):
        say(speaker, number, SPEECH)
        await listener.client.receive_rtp()
    if nack:
        request = await speaker.client.receive_rtcp(205)
        assert struct.pack("!HH", 3, 0) in request
    else:
        with pytest.raises(TimeoutError):
            await speaker.client.receive_rtcp(205, 0.3)
    end(speaker, listener)
