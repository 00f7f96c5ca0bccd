"""Attacks of a security review, sent over the network. `PROBLEMS.md` names the tests of all attacks."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from livekit.protocol import models, rtc

from tests.clients import offers
from tests.clients.ice_client import IceClient
from tests.conftest import ROOT, LiveServer

ATTACKER, OFFICE = "127.0.0.12", "127.0.0.11"
"""Addresses that only this file uses. An address may make only a few checks and meetings per minute, and other tests use the
same server.
"""
CONNECTIONS = 1024
"""Connections of one peer that a packet thread accepted at the time of the review. Smaller: the attack does not fill the table.
Larger: the test takes longer.
"""
KEPT = 8
WAIT_S = 30


class Wire:
    """The WebSocket of a call, without a client library."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next_message(self, name: str) -> Any:
        """Return the next message of this name. Skip other messages."""
        async with asyncio.timeout(WAIT_S):
            while True:
                message = rtc.SignalResponse.FromString((await self.socket.receive()).data)
                if message.WhichOneof("message") == name:
                    return getattr(message, name)

    async def told_of(self, identity: str, *attributes: str) -> models.ParticipantInfo:
        """Wait until a participant has these attributes. Return the participant."""
        while True:
            for one in (await self.next_message("update")).participants:
                if one.identity == identity and set(attributes) <= set(one.attributes):
                    return one

    async def say(self, **message: Any) -> None:
        await self.socket.send_bytes(rtc.SignalRequest(**message).SerializeToString())


async def opened(stack: AsyncExitStack, server: LiveServer, token: str, address: str = OFFICE) -> Wire:
    http = await stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0)))
    )
    url, bearer = f"{server.ws_url}/rtc?protocol=15&auto_subscribe=1", {"Authorization": f"Bearer {token}"}
    wire = Wire(await stack.enter_async_context(http.ws_connect(url, headers=bearer)))
    await wire.next_message("join")
    return wire


async def described(stack: AsyncExitStack, server: LiveServer, address: str) -> tuple[IceClient, tuple[str, int]]:
    """Return the passwords of a peer and its TCP address, as an unauthenticated client learns them by the check of devices."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=address)) as stranger:
        begun = await stranger.post(f"{server.url}/api/v1/checks", headers={"origin": server.url})
        assert begun.status_code == 201, begun.text
    wire = await opened(stack, server, begun.json()["sender"], address)
    await wire.say(
        add_track=rtc.AddTrackRequest(cid="mic", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE)
    )
    own = IceClient(remote_ufrag="", remote_pwd="")
    sections = [offers.audio("sendonly", "a=msid:- mic", "a=ssrc:7 cname:x")]
    sdp = offers.describe(sections, fingerprint=own.own_fingerprint)
    await wire.say(offer=rtc.SessionDescription(type="offer", sdp=sdp))
    answer = (await wire.next_message("answer")).sdp
    return offers.client_for(answer), offers.ports(answer)["tcp"]


async def test_a_stranger_with_a_check_cannot_use_up_ice_tcp(live_server: LiveServer) -> None:
    """An unauthenticated client cannot use up ICE over TCP. A device check gives it ICE passwords, and each of its 1024
    connections sends a valid check.
    """
    async with AsyncExitStack() as stack:
        client, place = await described(stack, live_server, ATTACKER)
        lives = []
        for _ in range(CONNECTIONS):
            reader, writer = await asyncio.open_connection(*place, local_addr=(ATTACKER, 0))
            stack.callback(writer.close)
            question = bytes(client.request())
            writer.write(len(question).to_bytes(2, "big") + question)
            lives.append(stack.enter_context(closing(asyncio.create_task(reader.read()))))
        office, place = await described(stack, live_server, OFFICE)
        await office.open_tcp(*place)
        stack.callback(office.hang_up)
        await office.ask(office.request(), WAIT_S)
        async with asyncio.timeout(WAIT_S):
            while sum(not life.done() for life in lives) > KEPT:
                await asyncio.sleep(0.1)
        await office.ask(office.request(), WAIT_S)


@contextmanager
def closing(life: asyncio.Task[bytes]) -> Iterator[asyncio.Task[bytes]]:
    """Read a connection until the server or the test closes it."""
    try:
        yield life
    finally:
        life.cancel()


async def test_a_guest_keeps_the_name_that_was_let_in(live_server: LiveServer) -> None:
    """A guest that was admitted as "Khách A" keeps this name, although it sends another name to the call."""
    base, origin = f"{live_server.url}/api/v1", {"origin": live_server.url}
    async with AsyncExitStack() as stack:
        web, stranger = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=base, headers=origin)) for _ in range(2)
        ]
        made = (await web.post("/conferences", json={"name": "Họp nhanh", "lobby": True})).json()
        address = f"/conferences/{made['conference']}"
        opener = (await web.post(f"{address}/token", json={"name": "Chủ", "moderator": made["moderator"]})).json()
        host = await opened(stack, live_server, opener["token"])
        asked = await stranger.post(f"{address}/token", json={"name": "Khách A", "invite": made["invite"]})
        assert asked.status_code == 202, asked.text
        bearer = {"authorization": f"Bearer {opener['moderation']}"}
        admitted = await web.post(f"{address}/lobby/admit", json={"all": True}, headers=bearer)
        assert admitted.json() == {"admitted": 1}
        given = (
            await stranger.post(f"{address}/token", json={"name": "Khách A", "ticket": asked.json()["ticket"]})
        ).json()
        guest = await opened(stack, live_server, given["token"])
        assert (await host.told_of(given["identity"])).name == "Khách A"
        wish = {"hand": "1"}
        await guest.say(
            update_metadata=rtc.UpdateParticipantMetadata(name="Chủ tịch UBND tỉnh", attributes=wish, request_id=7)
        )
        seen = await host.told_of(given["identity"], "hand")
        assert seen.name == "Khách A", "the hand is up, and the name is what it was"
        assert int(seen.attributes["hand"]) > 1_700_000_000_000, "the time is the server's"


@pytest.mark.parametrize(
    "name", ["data/seal.key", "data2/tls/ca.key", "data-old/diemcau.sqlite", "diemcau.toml", ".env"]
)
def test_secrets_of_a_checkout_stay_out_of_git_and_the_image(name: str) -> None:
    asked = subprocess.run(["git", "check-ignore", "--no-index", "-q", name], cwd=ROOT, check=False)
    assert asked.returncode == 0, "git add takes it along"
    rules = (ROOT / ".dockerignore").read_text().split("\n")
    taken = {one[1:].rstrip("/") for one in rules if one.startswith("!")}
    assert "*" in rules, "docker build takes it along"
    assert not taken & {name, *map(str, Path(name).parents)}, "docker build takes it along"
