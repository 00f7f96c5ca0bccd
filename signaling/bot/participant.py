"""A test participant: a peer connection of aiortc with one signalling link. It publishes, and it may also receive.

The client makes every offer (single connection). It does not reconnect: a lost connection is reported and stays lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import SessionDescription, candidate_from_sdp
from livekit.protocol import models, rtc

from signaling.bot import limits, scene
from signaling.bot.link import Ended, Link
from signaling.bot.tracks import Picture, Voice

PROTOCOL = 17
_CODECS = {"audio": ("audio/opus",), "video": ("video/VP8", "video/rtx")}


class Participant:
    """A test participant. Call `join`, then `stay`, and always `leave`."""

    def __init__(self, picture: Picture, voice: Voice, *, watch: bool) -> None:
        self.picture = picture
        self.voice = voice
        self.received_frames = 0
        """Decoded pictures and audio packets; counted only with `watch`."""
        self.receiving: set[str] = set()
        """Tracks of other participants from which something was decoded."""
        self._watch = watch
        self._link: Link | None = None
        # No STUN server: the server's own addresses must be reachable, and no other machine is contacted.
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._tasks: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[None] = loop.create_future()
        self._over: asyncio.Future[str] = loop.create_future()
        self._offers = 0
        self._answered = True
        self._offer_again = False

    async def join(self, target: str, token: str, authority: Path | None) -> None:
        """Join, and return when the media connection is established. Raises Ended."""
        try:
            async with asyncio.timeout(limits.JOIN_S):
                await self._join(target, token, authority)
        except TimeoutError as error:
            raise Ended("quá lâu chưa nối được / no media path in time") from error

    async def stay(self) -> None:
        """Wait. Raises Ended when the server or the network ends the connection; never returns."""
        raise Ended(await self._over)

    async def leave(self) -> None:
        """Say goodbye and close everything. May be called in any state."""
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError, Ended):
            async with asyncio.timeout(limits.LEAVE_S):
                if self._link is not None:
                    await self._link.send(rtc.SignalRequest(leave=_goodbye()))
                    await self._link.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limits.LEAVE_S):
                await self._peer.close()

    # -- joining

    async def _join(self, target: str, token: str, authority: Path | None) -> None:
        self._peer.on("connectionstatechange", self._state_changed)
        self._peer.on("track", self._track_arrived)
        for track in (self.voice, self.picture):
            self._add_section(track, "sendonly")
        request = rtc.JoinRequest(
            client_info=models.ClientInfo(sdk=models.ClientInfo.UNKNOWN, protocol=PROTOCOL),
            connection_settings=rtc.ConnectionSettings(auto_subscribe=self._watch),
            add_track_requests=[self._microphone(), self._camera()],
            publisher_offer=await self._offer(),
        )
        self._link = await Link.open(target, token, request, authority)
        first = await self._link.receive(limits.JOIN_S)
        if first.WhichOneof("message") != "join":
            raise Ended(_reason(first.leave) if first.HasField("leave") else "thông báo lạ / unexpected message")
        self._start(self._read(self._link, first.join.ping_timeout or limits.SILENCE_TOLERATED_S))
        if first.join.ping_interval > 0:
            self._start(self._ping(self._link, first.join.ping_interval))
        await asyncio.wait((self._connected, self._over), return_when=asyncio.FIRST_COMPLETED)
        if self._over.done():
            raise Ended(self._over.result())

    def _add_section(self, track: MediaStreamTrack | str, direction: str) -> None:
        kind = track if isinstance(track, str) else track.kind
        section = self._peer.addTransceiver(track, direction)
        wanted = _CODECS[kind]
        section.setCodecPreferences(
            [codec for codec in RTCRtpSender.getCapabilities(kind).codecs if codec.mimeType in wanted]
        )

    async def _offer(self) -> rtc.SessionDescription:
        self._offers += 1
        self._answered = False
        # gathers candidates, so the offer contains all of them
        await self._peer.setLocalDescription(await self._peer.createOffer())
        sdp = self._peer.localDescription.sdp
        if "a=candidate:" not in sdp:
            raise Ended("máy này chỉ có địa chỉ loopback / no network address but loopback on this machine")
        return rtc.SessionDescription(type="offer", sdp=sdp, id=self._offers)

    def _microphone(self) -> rtc.AddTrackRequest:
        return rtc.AddTrackRequest(
            cid=self.voice.id, name="microphone", type=models.AUDIO, source=models.MICROPHONE, disable_red=True
        )

    def _camera(self) -> rtc.AddTrackRequest:
        width, height = scene.WIDTH, scene.HEIGHT
        layer = models.VideoLayer(quality=models.HIGH, width=width, height=height, bitrate=limits.PICTURE_BPS)
        return rtc.AddTrackRequest(
            cid=self.picture.id,
            name="camera",
            width=width,
            height=height,
            type=models.VIDEO,
            source=models.CAMERA,
            layers=[layer],
            simulcast_codecs=[rtc.SimulcastCodec(codec="vp8", cid=self.picture.id)],
        )

    # -- what the server says

    async def _read(self, link: Link, timeout_s: float) -> None:
        while True:
            response = await link.receive(timeout_s)
            match response.WhichOneof("message"):
                case "answer":
                    await self._accept(response.answer)
                case "trickle":
                    await self._add_candidate(response.trickle)
                case "media_sections_requirement":
                    await self._open_sections(response.media_sections_requirement)
                case "leave":
                    raise Ended(_reason(response.leave))

    async def _accept(self, answer: rtc.SessionDescription) -> None:
        if self._answered or answer.id != self._offers:
            return  # the answer to an older offer, or a repeated answer
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
            await self._add_candidates(answer.sdp)
        except Exception as error:  # aiortc raises many kinds of errors for a description that it cannot use
            raise Ended(f"mô tả SDP hỏng / unusable answer: {type(error).__name__}") from error
        self._answered = True
        if self._offer_again:
            await self._negotiate()

    async def _add_candidates(self, sdp: str) -> None:
        """Add the candidates of each section. In a bundle the server may write them into the first section only, but aiortc by
        itself takes those of the last section.
        """
        for section in SessionDescription.parse(sdp).media:
            for candidate in section.ice_candidates[: limits.CANDIDATES]:
                candidate.sdpMid = section.rtp.muxId
                await self._peer.addIceCandidate(candidate)

    async def _add_candidate(self, trickle: rtc.TrickleRequest) -> None:
        try:
            told = json.loads(trickle.candidateInit)
            candidate = candidate_from_sdp(told["candidate"].removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = told.get("sdpMid"), told.get("sdpMLineIndex")
            await self._peer.addIceCandidate(candidate)
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, IndexError):
            return  # an unusable address; the others remain

    async def _open_sections(self, wanted: rtc.MediaSectionsRequirement) -> None:
        """Open more sections and offer. 0 and 0 means only a new offer."""
        for kind, number in (("audio", wanted.num_audios), ("video", wanted.num_videos)):
            have = sum(section.kind == kind for section in self._peer.getTransceivers())
            for _ in range(min(number, limits.REMOTE_SECTIONS - have)):
                self._add_section(kind, "recvonly")
        await self._negotiate()

    async def _negotiate(self) -> None:
        """Send an offer, but only one at a time, and none while aiortc connects, because aiortc then iterates over its
        sections. An offer that must wait is sent later.
        """
        ready = self._answered and self._connected.done()
        self._offer_again = not ready
        if ready and self._link is not None:
            await self._link.send(rtc.SignalRequest(offer=await self._offer()))

    # -- media

    def _state_changed(self) -> None:
        state = self._peer.connectionState
        if state == "connected" and not self._connected.done():
            self._connected.set_result(None)
            if self._offer_again:
                self._start(self._negotiate())
        elif state in ("failed", "closed"):
            self._start(self._end_later("mất đường media / media path lost"))

    def _track_arrived(self, track: MediaStreamTrack) -> None:
        self._start(self._count(track))

    async def _count(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                await track.recv()
                self.received_frames += 1
                self.receiving.add(track.id)
        self.receiving.discard(track.id)

    # -- life

    async def _ping(self, link: Link, interval_s: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            ping = rtc.Ping(timestamp=int(loop.time() * 1000))
            await link.send(rtc.SignalRequest(ping_req=ping))
            await asyncio.sleep(interval_s)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Any) -> None:
        try:
            await work
        except Ended as error:
            self._end(str(error))

    async def _end_later(self, reason: str) -> None:
        """End after a moment.

        The server closes media and sends the reason at once, but the reason may arrive a little later.
        """
        await asyncio.sleep(limits.GOODBYE_S)
        self._end(reason)

    def _end(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(reason)


def _goodbye() -> rtc.LeaveRequest:
    return rtc.LeaveRequest(reason=models.CLIENT_INITIATED, action=rtc.LeaveRequest.DISCONNECT)


def _reason(leave: rtc.LeaveRequest) -> str:
    known = models.DisconnectReason.DESCRIPTOR.values_by_number.get(leave.reason)
    return f"máy chủ cho rời / ended by the server: {known.name if known else leave.reason}"
