"""Whoever is put out of a conference, and goes on as if he had not heard, has no media from that moment on (PROBLEMS.md, W06)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from conference import Announcement, Conference, Entry, Grants, Registry, Source
from conference.data import NoPackets
from conference.events import Answered
from media import Node
from signaling.process import SystemClock
from tests.clients import offers
from tests.clients.ice_client import IceClient, rtp_packet
from tests.conference.doubles import Listener

WITHIN_S, WATCHED_S = 1.0, 1.3
VOICES = {"ann": b"voice of ann", "dan": b"voice of dan"}


@dataclass
class Person:
    """A client that does nothing of what it is told after it came in."""

    client: IceClient
    numbers: int = 0
    heard_at: dict[bytes, float] = field(default_factory=dict)
    """When each voice was heard last."""

    def speak(self, words: bytes) -> None:
        self.numbers += 1
        packet = rtp_packet(
            payload_type=111, sequence=self.numbers, timestamp=960 * self.numbers, ssrc=7, payload=words * 4
        )
        self.client.send_rtp(packet)

    def listen(self) -> None:
        while not self.client.rtp.empty():
            packet = self.client.rtp.get_nowait()
            self.heard_at |= {words: time.monotonic() for words in VOICES.values() if packet.endswith(words)}


async def come_in(conference: Conference, name: str) -> Person:
    """With a microphone, if it is one who speaks, and room for the voices of the others."""
    told, client = Listener(), IceClient(remote_ufrag="", remote_pwd="")
    entry = Entry(grants=Grants(identity=name, conference="c", join=True), dual=False, packets=NoPackets())
    participant = conference.join(entry, told)
    sections = [offers.audio("recvonly") for _ in VOICES]
    if name in VOICES:
        participant.announce(Announcement("mic", "audio", Source.MICROPHONE))
        sections = [offers.audio("sendonly", "a=msid:- mic", "a=ssrc:7 cname:x")]
    participant.receive_offer(offers.describe(sections, fingerprint=client.own_fingerprint), 1)
    sdp = told.last(Answered).sdp
    client.remote_ufrag, client.remote_pwd = offers.first(sdp, "ice-ufrag"), offers.first(sdp, "ice-pwd")
    client.fingerprint = offers.first(sdp, "fingerprint").split()[1]
    await client.open_udp(*offers.ports(sdp)["udp"])
    await client.check()
    await client.handshake()
    return Person(client)


async def test_nothing_comes_from_or_to_who_was_put_out(node: Node) -> None:
    """A speaker and a listener are; beside them another speaker and another listener go on."""
    registry = Registry(node, SystemClock(), asyncio.get_running_loop())
    conference = registry.enter(Grants(identity="ann", conference="c", join=True))
    people = {name: await come_in(conference, name) for name in ("ann", "dan", "binh", "chi")}

    async def talk() -> None:
        for name, words in VOICES.items():
            people[name].speak(words)
        await asyncio.sleep(0.01)
        for name in ("binh", "chi"):
            people[name].listen()

    async with asyncio.timeout(20):
        while not all(len(people[name].heard_at) == 2 for name in ("binh", "chi")):
            await talk()
    for name in ("ann", "binh"):
        conference.kick(name)
    kicked_at = time.monotonic()
    while time.monotonic() < kicked_at + WATCHED_S:
        await talk()
    heard = people["binh"].heard_at.values(), [people["chi"].heard_at[VOICES["ann"]]]
    assert all(at < kicked_at + WITHIN_S for times in heard for at in times)
    assert people["chi"].heard_at[VOICES["dan"]] > kicked_at + WITHIN_S, "the others go on"
    registry.delete("c")
