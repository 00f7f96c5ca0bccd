"""A participant on plain sockets that only listens. It serves tests with more participants than client libraries can run on one
machine. Its WebSocket, STUN, DTLS and SRTP are real; it decodes no sound.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress

import aiohttp
from livekit.protocol import rtc

from tests.clients import offers
from tests.clients.ice_client import IceClient

WAIT_S = 60.0
CHECKS = 3
CONSENT_S = 5.0
"""Seconds between two consent checks (RFC 7675). Chosen. Longer: the server may close the path, because consent expires.
Shorter: a large crowd loads the machine with checks.
"""


class Listener:
    """A listening participant. `url` is the WebSocket address of the server, or of a proxy in front of the server."""

    def __init__(self, http: aiohttp.ClientSession, url: str, jwt: str) -> None:
        self._http, self._url, self._jwt = http, url, jwt
        self._client = IceClient(remote_ufrag="", remote_pwd="")
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._heard = 0
        self._sections = [offers.audio("recvonly"), offers.application()]
        self._offers = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.sid = ""
        self.told: list[rtc.SignalResponse] = []
        """The messages that the newest socket received."""

    @property
    def heard(self) -> int:
        """Return how many RTP packets have arrived."""
        packets = self._client.rtp
        while not packets.empty():
            self._heard += not 192 <= packets.get_nowait()[1] <= 223
        return self._heard

    @property
    def is_cut(self) -> bool:
        return self._socket is not None and self._socket.closed

    def kinds(self) -> list[str]:
        return [str(one.WhichOneof("message")) for one in self.told]

    async def join(self) -> None:
        """Join the conference. Return when the media path is connected."""
        client = self._client
        settings = rtc.ConnectionSettings(auto_subscribe=True)
        await self._open(rtc.JoinRequest(connection_settings=settings, publisher_offer=self._offer()))
        self.sid = (await self._next("join")).join.participant.sid
        answer = (await self._next("answer")).answer.sdp
        client.remote_ufrag, client.remote_pwd = offers.first(answer, "ice-ufrag"), offers.first(answer, "ice-pwd")
        client.fingerprint = offers.first(answer, "fingerprint").split()[1]
        await client.open_udp(*offers.ports(answer)["udp"])
        await self._check()
        await client.handshake(timeout_s=WAIT_S)
        self._tasks.append(asyncio.create_task(self._consent()))

    async def resume(self) -> None:
        """Resume the session over a new socket. Media stay unchanged. Return when the socket is open."""
        await self._open(rtc.JoinRequest(reconnect=True, participant_sid=self.sid))

    async def leave(self) -> None:
        if self._socket is not None and not self._socket.closed:
            await self._socket.send_bytes(rtc.SignalRequest(leave=rtc.LeaveRequest()).SerializeToString())
            await self._socket.close()
        for task in self._tasks:
            task.cancel()
        self._client.hang_up()

    async def _open(self, request: rtc.JoinRequest) -> None:
        wrapped = rtc.WrappedJoinRequest(join_request=request.SerializeToString()).SerializeToString()
        query = {"join_request": base64.urlsafe_b64encode(wrapped).decode()}
        headers = {"authorization": f"Bearer {self._jwt}"}
        self._socket = await self._http.ws_connect(f"{self._url}/rtc/v1", params=query, headers=headers)
        self.told = []
        self._tasks.append(asyncio.create_task(self._read(self._socket, self.told)))

    def _offer(self) -> rtc.SessionDescription:
        self._offers += 1
        text = offers.describe(self._sections, ufrag=self._client.ufrag, fingerprint=self._client.own_fingerprint)
        return rtc.SessionDescription(type="offer", sdp=text, id=self._offers)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, told: list[rtc.SignalResponse]) -> None:
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                response = rtc.SignalResponse.FromString(message.data)
                told.append(response)
                if response.HasField("media_sections_requirement"):
                    wanted = response.media_sections_requirement
                    self._sections += [offers.audio("recvonly") for _ in range(wanted.num_audios)]
                    self._sections += [offers.video("recvonly") for _ in range(wanted.num_videos)]
                    await socket.send_bytes(rtc.SignalRequest(offer=self._offer()).SerializeToString())

    async def _next(self, kind: str) -> rtc.SignalResponse:
        async with asyncio.timeout(WAIT_S):
            while kind not in self.kinds():
                assert not self.is_cut, self.told
                await asyncio.sleep(0.02)
        return self.told[self.kinds().index(kind)]

    async def _check(self) -> None:
        """Check the path again after a timeout, because a STUN request may be lost when many clients join at once."""
        for _ in range(CHECKS - 1):
            with suppress(TimeoutError):
                await self._client.check()
                return
        await self._client.check()

    async def _consent(self) -> None:
        while True:
            await asyncio.sleep(CONSENT_S)
            with suppress(TimeoutError):
                await self._client.check()
