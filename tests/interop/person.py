"""A participant of the tests: the unmodified Python SDK with real libwebrtc, and eyes and ears that check.

Everybody runs in the test's own event loop. Pictures and tones are made at real pace; what comes is kept as evidence.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Container, Coroutine
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import numpy as np
from livekit import api, rtc
from numpy.typing import NDArray

from tests.interop import picture, sound
from tests.waiting import until

BOUND_S = 60.0
"""Nothing may take longer; what is fast is not measured here."""


def token(key: str, secret: str, identity: str, conference: str, **grants: Any) -> str:
    video = api.VideoGrants(room=conference, room_join=True, can_update_own_metadata=True, **grants)
    return api.AccessToken(key, secret).with_identity(identity).with_name(identity).with_grants(video).to_jwt()


def mute(publication: rtc.LocalTrackPublication, muted: bool) -> None:
    track = publication.track
    assert track is not None
    if muted:
        track.mute()
    else:
        track.unmute()


@dataclass
class View:
    """What was decoded of one video track."""

    sights: list[picture.Sight] = field(default_factory=list)
    damaged: int = 0
    frames: int = 0
    """That the library handed on."""
    stream: rtc.VideoStream | None = None
    """The newest: one before it goes on until its track ends."""
    tint: str = ""
    """Of the last picture that was none of ours: a hall's."""

    @property
    def counter(self) -> int:
        """Of the last picture; 0: none has come."""
        return self.sights[-1].counter if self.sights else 0

    @property
    def colour(self) -> str:
        return self.sights[-1].colour if self.sights else ""

    @property
    def width(self) -> int:
        return self.sights[-1].width if self.sights else 0

    async def shows(self, colour: str) -> None:
        await until(lambda: self.colour == colour, f"{colour} pictures")

    async def has_width(self, width: int) -> None:
        await until(lambda: self.width == width, f"pictures of width {width}")

    async def goes_on(self, more: int = 10) -> None:
        """So many further pictures come."""
        wanted = len(self.sights) + more
        await until(lambda: len(self.sights) >= wanted, f"{more} more pictures")

    def gap(self, since: int) -> int:
        """The longest step between decoded pictures from counter `since` on; 1 is none missing. Counted in pictures taken,
        so that a busy machine, which delays both ends, is not called a freeze."""
        counters = [sight.counter for sight in self.sights if sight.counter >= since]
        return max((b - a for a, b in pairwise(counters)), default=0)

    def take(self, frame: rtc.VideoFrame) -> None:
        sight = picture.read(frame.data, frame.width, frame.height)
        if sight is None:
            self.damaged += 1
            self.tint = picture.tint(frame.data, frame.width, frame.height)
        else:
            self.sights.append(sight)


@dataclass
class Ear:
    """What was heard of one audio track: the last second."""

    chunks: deque[NDArray[np.int16]] = field(default_factory=lambda: deque(maxlen=20))
    """Of 50 ms."""
    frames: int = 0

    def take(self, frame: rtc.AudioFrame) -> None:
        self.frames += 1
        self.chunks.append(np.array(frame.data, np.int16))

    def lately(self, seconds: float = 0.5) -> NDArray[np.int16]:
        count = round(seconds * 20)
        return np.concatenate(list(self.chunks)[-count:]) if self.chunks else np.zeros(0, np.int16)

    @property
    def hz(self) -> float:
        """The strongest frequency of the last half second; 0: it is not loud enough."""
        samples = self.lately()
        return sound.peak(samples) if len(self.chunks) >= 10 and sound.loudness(samples) > 0.05 else 0.0

    def hears(self, hz: float) -> bool:
        return abs(self.hz - hz) < 8

    async def gets(self, hz: float) -> None:
        await until(lambda: self.hears(hz), f"the tone of {hz} Hz")

    def is_silent(self) -> bool:
        return len(self.chunks) >= 10 and sound.loudness(self.lately(0.3)) < 0.003


@dataclass
class Camera:
    """A published video track."""

    source: rtc.VideoSource
    publication: rtc.LocalTrackPublication
    counter: int = 0
    """Of the last picture that was taken."""
    taken_ns: list[int] = field(default_factory=list)
    """When each picture was, by the monotonic clock; that of counter 1 first."""


class Person:
    """One client. `async with Person(...)` leaves at the end. `takes`: whose tracks are
    received, `hears`: whose sound is looked at; None for everybody's."""

    def __init__(
        self,
        server_url: str,
        jwt: str,
        *,
        dual: bool = False,
        takes: Container[str] | None = None,
        hears: Container[str] | None = None,
    ):
        self.room = rtc.Room()
        self.views: dict[tuple[str, int], View] = {}
        """By (identity, track source)."""
        self.ears: dict[str, Ear] = {}
        self.events: list[tuple[str, str]] = []
        """(name, identity or detail) in the order of arrival."""
        self.packets: list[rtc.DataPacket] = []
        self.speakers: list[list[str]] = []
        self._url = server_url
        self._jwt = jwt
        self._takes = takes
        self._hears = hears
        self._options = rtc.RoomOptions(
            auto_subscribe=takes is None, single_peer_connection=not dual, connect_timeout=BOUND_S
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: list[rtc.VideoStream | rtc.AudioStream] = []
        self._heard: dict[str, rtc.AudioStream] = {}
        self._sources: list[rtc.VideoSource | rtc.AudioSource] = []
        self._listen()

    async def __aenter__(self) -> Self:
        await self.join()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    @property
    def identity(self) -> str:
        return self.room.local_participant.identity

    async def join(self) -> None:
        await self.room.connect(self._url, self._jwt, self._options)
        for who in self.room.remote_participants.values():
            for publication in who.track_publications.values():
                self._published(publication, who)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        async with asyncio.timeout(BOUND_S):  # the library waits for events of its own, without a bound
            for stream in self._streams:
                await stream.aclose()
            await self.room.disconnect()
            for source in self._sources:
                await source.aclose()
        self._streams.clear()
        self._sources.clear()

    # -- publishing

    async def show(
        self,
        colour: str,
        *,
        codec: rtc.VideoCodec.ValueType = rtc.VideoCodec.VP8,
        size: tuple[int, int] = (320, 240),
        fps: int = 15,
        simulcast: bool = False,
        bitrate_bps: int = 500_000,
        grain: int = 0,
        source: rtc.TrackSource.ValueType = rtc.TrackSource.SOURCE_CAMERA,
    ) -> Camera:
        frames = rtc.VideoSource(*size)
        self._sources.append(frames)
        options = rtc.TrackPublishOptions(
            source=source,
            video_codec=codec,
            simulcast=simulcast,
            video_encoding=rtc.VideoEncoding(max_bitrate=bitrate_bps, max_framerate=fps),
        )
        # Until the first one is there the library sends pictures of its own making.
        data = picture.draw(0, colour, *size, grain)
        frames.capture_frame(rtc.VideoFrame(*size, rtc.VideoBufferType.I420, data))
        track = rtc.LocalVideoTrack.create_video_track("camera", frames)
        async with asyncio.timeout(BOUND_S):
            camera = Camera(frames, await self.room.local_participant.publish_track(track, options))
        self.start(self._film(camera, colour, size, fps, grain))
        return camera

    async def speak(self, hz: float) -> rtc.LocalTrackPublication:
        """A microphone with a tone; at 0 Hz nobody says anything, and nothing is sent."""
        source = rtc.AudioSource(sound.RATE_HZ, 1, queue_size_ms=200)
        self._sources.append(source)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        async with asyncio.timeout(BOUND_S):
            publication = await self.room.local_participant.publish_track(track, options)
        if hz:
            self.start(self._sing(source, hz))
        return publication

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs until it ends or the person leaves."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        return task

    async def _film(self, camera: Camera, colour: str, size: tuple[int, int], fps: int, grain: int) -> None:
        begun = time.monotonic()
        while True:
            camera.counter += 1
            data = picture.draw(camera.counter, colour, *size, grain)
            camera.taken_ns.append(time.monotonic_ns())
            camera.source.capture_frame(rtc.VideoFrame(*size, rtc.VideoBufferType.I420, data))
            await asyncio.sleep(max(0.005, begun + camera.counter / fps - time.monotonic()))

    async def _sing(self, source: rtc.AudioSource, hz: float) -> None:
        start = 0
        while True:
            frame = rtc.AudioFrame(sound.tone(hz, start), sound.RATE_HZ, 1, sound.CHUNK)
            await source.capture_frame(frame)
            start += sound.CHUNK

    # -- what comes

    def view(self, identity: str, source: int = rtc.TrackSource.SOURCE_CAMERA) -> View:
        return self.views.setdefault((identity, source), View())

    def ear(self, identity: str) -> Ear:
        return self.ears.setdefault(identity, Ear())

    def publication(self, identity: str, kind: int) -> rtc.RemoteTrackPublication | None:
        other = self.room.remote_participants.get(identity)
        found = other.track_publications.values() if other else ()
        return next((one for one in found if one.kind == kind), None)

    def published(self, identity: str, kind: int) -> rtc.RemoteTrackPublication:
        """As `publication`, which is known to be there."""
        found = self.publication(identity, kind)
        assert found is not None, f"{identity} publishes no such track"
        return found

    def saw(self, name: str, detail: str) -> bool:
        return (name, detail) in self.events

    def _listen(self) -> None:
        room = self.room
        room.on("participant_connected", lambda who: self.events.append(("participant_connected", who.identity)))
        room.on("participant_disconnected", lambda who: self.events.append(("participant_disconnected", who.identity)))
        room.on("reconnecting", lambda: self.events.append(("reconnecting", "")))
        room.on("reconnected", lambda: self.events.append(("reconnected", "")))
        room.on("disconnected", lambda reason: self.events.append(("disconnected", rtc.DisconnectReason.Name(reason))))
        room.on("track_muted", lambda who, _: self.events.append(("muted", who.identity)))
        room.on("track_unmuted", lambda who, _: self.events.append(("unmuted", who.identity)))
        room.on("track_unpublished", lambda _, who: self.events.append(("unpublished", who.identity)))
        room.on("track_published", self._published)
        room.on("track_subscribed", self._subscribed)
        room.on("data_received", self.packets.append)
        room.on("active_speakers_changed", lambda who: self.speakers.append([one.identity for one in who]))

    def _published(self, publication: rtc.RemoteTrackPublication, who: rtc.RemoteParticipant) -> None:
        if self._takes is not None and who.identity in self._takes:
            publication.set_subscribed(True)

    def _subscribed(
        self, track: rtc.RemoteTrack, publication: rtc.RemoteTrackPublication, who: rtc.RemoteParticipant
    ) -> None:
        self.events.append(("subscribed", f"{who.identity} {rtc.TrackKind.Name(track.kind)}"))
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            view = self.view(who.identity, publication.source)
            view.stream = rtc.VideoStream(track, capacity=30)
            self.start(self._watch(view.stream, view))
        elif track.kind == rtc.TrackKind.KIND_AUDIO and (self._hears is None or who.identity in self._hears):
            stream = rtc.AudioStream(track, sample_rate=sound.RATE_HZ, num_channels=1, frame_size_ms=50, capacity=40)
            self._heard[who.identity] = stream
            self.start(self._hear(stream, who.identity))

    async def _watch(self, stream: rtc.VideoStream, view: View) -> None:
        self._streams.append(stream)
        async for event in stream:
            if view.stream is stream:
                view.frames += 1
                view.take(event.frame)

    async def _hear(self, stream: rtc.AudioStream, identity: str) -> None:
        """Of somebody's tracks the newest counts: the library goes on with the silence of one that has ended."""
        self._streams.append(stream)
        async for event in stream:
            if self._heard[identity] is stream:
                self.ear(identity).take(event.frame)
