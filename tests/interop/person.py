"""A participant for tests: the unmodified Python SDK with real libwebrtc, and objects that check received pictures and sound.

All participants run in the test's event loop. Pictures and tones are made in real time, and the received media is kept.
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
"""Seconds. Chosen: the longest wait for any event. The tests do not measure speed with it. Larger: a test that hangs fails
late. Smaller: a test fails on a busy machine.
"""


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
    """The decoded pictures of one video track."""

    sights: list[picture.Sight] = field(default_factory=list)
    damaged: int = 0
    frames: int = 0
    """Pictures that the library delivered."""
    stream: rtc.VideoStream | None = None
    """The newest stream. An older stream continues until its track ends."""
    tint: str = ""
    """The colour of the last picture that `picture.draw` did not make, for example a hall's picture."""

    @property
    def counter(self) -> int:
        """The counter of the last picture, or 0 before the first."""
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
        """Wait until `more` further pictures arrive."""
        wanted = len(self.sights) + more
        await until(lambda: len(self.sights) >= wanted, f"{more} more pictures")

    def gap(self, since: int) -> int:
        """Return the largest step between decoded pictures from counter `since` on. 1 means that no picture is missing.

        The unit is pictures at the camera. A busy machine delays both ends, so its delay does not look like a freeze.
        """
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
    """The sound of the last second of one audio track."""

    chunks: deque[NDArray[np.int16]] = field(default_factory=lambda: deque(maxlen=20))
    """Samples, in chunks of 50 ms."""
    frames: int = 0

    def take(self, frame: rtc.AudioFrame) -> None:
        self.frames += 1
        self.chunks.append(np.array(frame.data, np.int16))

    def lately(self, seconds: float = 0.5) -> NDArray[np.int16]:
        count = round(seconds * 20)
        return np.concatenate(list(self.chunks)[-count:]) if self.chunks else np.zeros(0, np.int16)

    @property
    def hz(self) -> float:
        """The strongest frequency of the last half second, or 0 if the sound is too quiet."""
        samples = self.lately()
        return sound.peak(samples) if len(self.chunks) >= 10 and sound.loudness(samples) > 0.05 else 0.0

    def hears(self, hz: float) -> bool:
        return abs(self.hz - hz) < 8

    async def gets(self, hz: float) -> None:
        await until(lambda: self.hears(hz), f"the tone of {hz} Hz")

    async def still_hears(self, hz: float) -> None:
        """Check that the tone is heard now. A stall of the test's own process spoils the half second of one look."""
        await until(lambda: self.hears(hz), f"the tone of {hz} Hz goes on", 2.0)

    def is_silent(self) -> bool:
        return len(self.chunks) >= 10 and sound.loudness(self.lately(0.3)) < 0.003


@dataclass
class Camera:
    """A published video track."""

    source: rtc.VideoSource
    publication: rtc.LocalTrackPublication
    counter: int = 0
    """The number of the last sent picture."""
    taken_ns: list[int] = field(default_factory=list)
    """The monotonic time of each picture in nanoseconds, from counter 1 on."""


class Person:
    """A participant with a real client. `async with Person(...)` joins, and leaves at the end.

    `takes` names the identities whose tracks the client receives. `hears` names the identities whose sound it keeps. None means
    all.
    """

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
        """The views, by (identity, track source)."""
        self.ears: dict[str, Ear] = {}
        self.events: list[tuple[str, str]] = []
        """The events (name, identity or detail), in the order of arrival."""
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
        async with asyncio.timeout(BOUND_S):  # the library waits without a limit for its own events
            for stream in self._streams:
                await stream.aclose()
            for source in self._sources:
                if isinstance(source, rtc.AudioSource):
                    source.clear_queue()  # the library once aborted when a source with waiting audio was closed
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
        # Before the first frame the library sends its own pictures, so one frame is captured before the track is published.
        data = picture.draw(0, colour, *size, grain)
        frames.capture_frame(rtc.VideoFrame(*size, rtc.VideoBufferType.I420, data))
        track = rtc.LocalVideoTrack.create_video_track("camera", frames)
        async with asyncio.timeout(BOUND_S):
            camera = Camera(frames, await self.room.local_participant.publish_track(track, options))
        self.start(self._film(camera, colour, size, fps, grain))
        return camera

    async def speak(self, hz: float) -> rtc.LocalTrackPublication:
        """Publish a microphone with a tone. At 0 Hz the microphone is silent and sends nothing."""
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
        """Run the coroutine until it ends or the participant leaves."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        return task

    async def _film(self, camera: Camera, colour: str, size: tuple[int, int], fps: int, grain: int) -> None:
        """Send a picture every 1/fps s. After a stall of this process the camera sends no burst, because the encoder would skip
        most pictures of the burst. The viewer's picture would then look frozen.
        """
        due = time.monotonic()
        while True:
            camera.counter += 1
            data = picture.draw(camera.counter, colour, *size, grain)
            camera.taken_ns.append(time.monotonic_ns())
            camera.source.capture_frame(rtc.VideoFrame(*size, rtc.VideoBufferType.I420, data))
            due = max(due + 1 / fps, time.monotonic())
            await asyncio.sleep(max(0.005, due - time.monotonic()))

    async def _sing(self, source: rtc.AudioSource, hz: float) -> None:
        start = 0
        while True:
            frame = rtc.AudioFrame(sound.tone(hz, start), sound.RATE_HZ, 1, sound.CHUNK)
            await source.capture_frame(frame)
            start += sound.CHUNK

    # -- received media and events

    def view(self, identity: str, source: int = rtc.TrackSource.SOURCE_CAMERA) -> View:
        return self.views.setdefault((identity, source), View())

    def ear(self, identity: str) -> Ear:
        return self.ears.setdefault(identity, Ear())

    def publication(self, identity: str, kind: int) -> rtc.RemoteTrackPublication | None:
        other = self.room.remote_participants.get(identity)
        found = other.track_publications.values() if other else ()
        return next((one for one in found if one.kind == kind), None)

    def published(self, identity: str, kind: int) -> rtc.RemoteTrackPublication:
        """Return the publication as `publication` does. Fail if there is none."""
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
        """Take the sound of the participant's newest track. The library continues to deliver silence for a track that has
        ended.
        """
        self._streams.append(stream)
        async for event in stream:
            if self._heard[identity] is stream:
                self.ear(identity).take(event.frame)
