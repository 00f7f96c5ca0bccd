"""Peers of a real node, each with a test client at its other end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiortc import RTCDataChannel
from aiortc.rtcdatachannel import RTCDataChannelParameters

from media import Acceptance, Answer, Node, Offer, OfferedTrack, Peer, Producer, Router
from media.peers.transport import Transport
from tests.clients import offers
from tests.clients.ice_client import IceClient

WAIT_S = 10.0


@dataclass(eq=False)
class Recorder:
    """The calls of media's `PeerEvents`, kept in order as (name, details...)."""

    seen: list[tuple[Any, ...]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def connected(self, peer: int) -> None:
        self._keep("connected")

    def ice_changed(self, peer: int, state: str, path: str) -> None:
        self._keep("ice", state, path)

    def failed(self, peer: int, reason: str) -> None:
        self._keep("failed", reason)

    def channel_opened(self, peer: int, label: str) -> None:
        self._keep("channel", label)

    def channel_drained(self, peer: int, label: str) -> None:
        self._keep("drained", label)

    def message(self, peer: int, label: str, data: bytes) -> None:
        self._keep("message", label, data)

    def negotiation_needed(self, peer: int) -> None:
        self._keep("negotiation")

    def names(self) -> list[str]:
        return [one[0] for one in self.seen]

    async def wait(self, *start: Any) -> tuple[Any, ...]:
        """Wait for the first event that begins with `start`. Remove the event from `seen` and return it."""
        async with asyncio.timeout(WAIT_S):
            while True:
                found = next((one for one in self.seen if one[: len(start)] == start), None)
                if found is not None:
                    self.seen.remove(found)
                    return found
                self._news.clear()
                await self._news.wait()

    def _keep(self, *event: Any) -> None:
        self.seen.append(event)
        self._news.set()


@dataclass(eq=False)
class Call:
    """A peer of the node, and the client at its other end."""

    peer: Peer
    client: IceClient
    events: Recorder
    answer: Answer

    def offer_again(
        self, sections: Sequence[offers.Offered], accept: Callable[[OfferedTrack], Acceptance | None] | None = None
    ) -> Answer:
        text = offers.describe(list(sections), ufrag=self.client.ufrag, fingerprint=self.client.own_fingerprint)
        self.answer = self.peer.answer(text, accept=accept or (lambda _: Acceptance()))
        return self.answer


def tell(client: IceClient, sdp: str) -> None:
    """Set the client's remote credentials and fingerprint from the node's description."""
    client.remote_ufrag = offers.first(sdp, "ice-ufrag")
    client.remote_pwd = offers.first(sdp, "ice-pwd")
    client.fingerprint = offers.first(sdp, "fingerprint").split()[1]


async def connect(
    router: Router,
    sections: Sequence[offers.Offered],
    *,
    forward: Sequence[Producer] = (),
    accept: Callable[[OfferedTrack], Acceptance | None] | None = None,
    protocol: str = "udp",
    profiles: list[Any] | None = None,
    fragment_bytes: int = 0,
) -> Call:
    """Connect a client: the client offers, checks its path, and completes the DTLS handshake."""
    events = Recorder()
    peer = router.open_peer(events)
    for producer in forward:
        peer.consume(producer, stream_id=f"PA_{producer.id}", track_id=f"TR_{producer.id}")
    client = IceClient(remote_ufrag="", remote_pwd="")
    client.fragment_bytes = fragment_bytes
    text = offers.describe(list(sections), ufrag=client.ufrag, fingerprint=client.own_fingerprint)
    answer = peer.answer(text, accept=accept or (lambda _: Acceptance()))
    tell(client, answer.sdp)
    await open_path(client, answer, protocol)
    await client.check()
    await client.handshake(profiles)
    await events.wait("connected")
    return Call(peer, client, events, answer)


async def open_path(client: IceClient, description: Answer | Offer, protocol: str = "udp") -> None:
    address, port = offers.ports(description.sdp)[protocol]
    if protocol == "tcp":
        await client.open_tcp(address, port)
    else:
        await client.open_udp(address, port)


async def waiting(router: Router, sections: Sequence[offers.Offered]) -> Call:
    """Return a call whose peer has answered. The client has an open path but has sent nothing."""
    events, client = Recorder(), IceClient(remote_ufrag="", remote_pwd="")
    peer = router.open_peer(events)
    text = offers.describe(list(sections), ufrag=client.ufrag, fingerprint=client.own_fingerprint)
    answer = peer.answer(text, accept=lambda _: Acceptance())
    tell(client, answer.sdp)
    await open_path(client, answer)
    return Call(peer, client, events, answer)


async def works(call: Call) -> bool:
    """Report whether data messages still pass in both directions."""
    if call.client.sctp is None:
        await call.client.associate()
    assert call.client.sctp is not None
    channel = RTCDataChannel(call.client.sctp, RTCDataChannelParameters(label="_reliable"))
    await call.events.wait("channel", "_reliable")
    while channel.readyState != "open":
        await asyncio.sleep(0.01)
    back: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    channel.on("message", back.set_result)
    channel.send(b"there")
    assert (await call.events.wait("message", "_reliable"))[2] == b"there"
    assert call.peer.send("_reliable", b"back")
    return await asyncio.wait_for(back, 10) == b"back"


def open_transports(node: Node) -> set[int]:
    """Return the numbers of the peers that the node keeps."""
    return {number for number, one in node.seam.receivers.items() if isinstance(one, Transport)}


def port_of(call: Call) -> tuple[str, int]:
    return offers.ports(call.answer.sdp)["udp"]


def end(*calls: Call) -> None:
    for call in calls:
        call.peer.close()
        call.client.hang_up()
