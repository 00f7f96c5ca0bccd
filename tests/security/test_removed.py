"""A removed participant that ignores its removal gets no media and sends none (PROBLEMS.md, W06). A participant that waits in
the lobby has no media yet (W14).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from itertools import cycle

import pytest

from conference import Announcement, Entry, Grants, Knocker, Refusal, Registry, Source, State, publishing
from conference.data.packets import NoPackets
from conference.ground.events import Answered
from media import Node
from signaling.host.clock import SystemClock
from tests.clients import offers
from tests.clients.ice_client import IceClient, rtp_packet
from tests.clients.peers import open_transports
from tests.conference.doubles import Listener

WITHIN_S, WATCHED_S = 1.0, 1.3
VOICES = {"ann": b"voice of ann", "dan": b"voice of dan"}


@dataclass
class Person:
    """A client that ignores all messages after its join."""

    client: IceClient
    numbers: int = 0
    heard_at: dict[bytes, float] = field(default_factory=dict)
    """The monotonic time when each voice was last heard."""

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


async def come_in(registry: Registry, name: str) -> Person:
    """Join with room for the voices of others, and with a microphone if the name is in `VOICES`. Raise Refusal if the door
    refuses.
    """
    grants = Grants(identity=name, conference="c", join=True)
    registry.check(grants)
    conference = registry.create(grants.conference)
    told, client = Listener(), IceClient(remote_ufrag="", remote_pwd="")
    participant = conference.join(Entry(grants=grants, dual=False, packets=NoPackets()), told)
    sections = [offers.audio("recvonly") for _ in VOICES]
    if name in VOICES:
        publishing.announce(participant, Announcement("mic", "audio", Source.MICROPHONE))
        sections = [offers.audio("sendonly", "a=msid:- mic", "a=ssrc:7 cname:x")]
    participant.receive_offer(offers.describe(sections, fingerprint=client.own_fingerprint), 1)
    sdp = told.last(Answered).sdp
    client.remote_ufrag, client.remote_pwd = offers.first(sdp, "ice-ufrag"), offers.first(sdp, "ice-pwd")
    client.fingerprint = offers.first(sdp, "fingerprint").split()[1]
    await client.open_udp(*offers.ports(sdp)["udp"])
    await client.check()
    await client.handshake()
    return Person(client)


async def talk(people: dict[str, Person]) -> None:
    """Let both speakers send one packet. The listeners that are present receive."""
    for name, words in VOICES.items():
        people[name].speak(words)
    await asyncio.sleep(0.01)
    for name in people.keys() - VOICES:
        people[name].listen()


async def until_all_hear(people: dict[str, Person]) -> None:
    async with asyncio.timeout(20):
        while not all(len(people[name].heard_at) == len(VOICES) for name in people.keys() - VOICES):
            await talk(people)


@pytest.mark.parametrize("node", [1, 2], indirect=True, ids=["one packet thread", "two"])
async def test_a_removed_participant_neither_sends_nor_gets_media(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A removed speaker is no longer heard, and a removed listener hears nothing. Another speaker and another listener
    continue.

    With two packet threads, each thread has a speaker and a listener, and one of the two is removed. Each voice was heard on
    the other thread too. There it ends, and its mirror leaves no memory.
    """
    threads = range(len(node.shards()))
    turns = cycle(threads)
    monkeypatch.setattr(node._placement, "for_peer", lambda _home, _there: next(turns))
    registry = Registry(node, SystemClock(), asyncio.get_running_loop())
    people = {name: await come_in(registry, name) for name in ("ann", "dan", "binh", "chi")}
    conference = registry.get("c")
    named = [one.client.remote_ufrag[0] for one in people.values()]
    assert len(set(named)) == len(threads), "its first letter names the thread"
    assert named[:2] == named[2:], "its first letter names the thread"
    await until_all_hear(people)
    for name in ("ann", "binh"):
        conference.kick(name)
    kicked_at = time.monotonic()
    while time.monotonic() < kicked_at + WATCHED_S:
        await talk(people)
    heard = people["binh"].heard_at.values(), [people["chi"].heard_at[VOICES["ann"]]]
    assert all(at < kicked_at + WITHIN_S for times in heard for at in times)
    assert people["chi"].heard_at[VOICES["dan"]] > kicked_at + WITHIN_S, "the others go on"
    assert all(thread.memory_bytes for thread in node.shards()), "of dan's voice too, where nobody is any more"
    for name in ("dan", "chi"):
        conference.kick(name)
    async with asyncio.timeout(5):
        while any(thread.memory_bytes for thread in node.shards()):
            await asyncio.sleep(0.05)
    registry.delete("c")


def open_things(node: Node) -> tuple[set[int], set[int], int, int]:
    """Return what the node keeps for its peers, and the figures of its packet threads, which are at most a second old."""
    figures, totals = node.statistics().peers, node.measurements()
    return open_transports(node), set(figures), totals["producers"], totals["consumers"]


async def test_a_participant_in_the_lobby_gets_no_media(node: Node) -> None:
    """A participant that waits in the lobby gets no media. It knocks and tries to join anyway. Then it sends checks and speech
    to the known port.
    """
    clock = SystemClock()
    registry = Registry(node, clock, asyncio.get_running_loop())
    people = {name: await come_in(registry, name) for name in ("ann", "dan", "chi")}
    await until_all_hear(people)
    registry.lobbies.get("c", clock.time()).set(True, ())
    knock = registry.lobbies.knock("c", Knocker(identity="binh", name="Bình"), "", clock.time())
    stranger = IceClient(remote_ufrag="aaaaaaaa", remote_pwd="a password of his own")
    await stranger.open_udp("127.0.0.1", node.udp_ports[0])
    until = time.monotonic() + WATCHED_S
    while time.monotonic() < until:
        await talk(people)
    before = open_things(node)
    assert before[2:] == (2, 2)
    with pytest.raises(Refusal) as refused:
        await come_in(registry, "binh")
    assert refused.value.code == "lobby_waits"
    asked_at = time.monotonic()
    while time.monotonic() < asked_at + WATCHED_S:
        stranger.send(bytes(stranger.request()))
        stranger.send(rtp_packet(payload_type=111, sequence=1, timestamp=1, ssrc=7, payload=b"let me in"))
        await talk(people)
    assert open_things(node) == before
    assert (stranger.raw, knock.state) == ([], State.WAITING)
    assert min(people["chi"].heard_at.values()) > asked_at + WITHIN_S, "the others go on"
    stranger.hang_up()
    registry.delete("c")


async def test_a_control_without_a_lobby_lets_the_newcomer_hear_all(node: Node) -> None:
    registry = Registry(node, SystemClock(), asyncio.get_running_loop())
    people = {name: await come_in(registry, name) for name in ("ann", "dan", "chi")}
    await until_all_hear(people)
    people["binh"] = await come_in(registry, "binh")
    await until_all_hear(people)
    assert set(people["binh"].heard_at) == set(VOICES.values())
    assert len(open_transports(node)) == 4
    registry.delete("c")
