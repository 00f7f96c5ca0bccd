"""Test participants against a real server process: the pictures and sounds that they send, and that they join, are seen, and
leave.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from aiortc.codecs import get_encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from hypothesis import given
from hypothesis import strategies as st
from livekit import api, rtc

from signaling.bot import group, limits, scene, voice
from signaling.bot.tracks import Picture, Voice
from signaling.bot.voice import Turns
from tests.conftest import ROOT, LiveServer
from tests.waiting import until

SPEAKING = 0.02
BOUND_S = 60.0
"""Seconds. Chosen. The limit of each wait. Longer: a broken test fails later. Shorter: a good test fails on a slow machine."""


def decode(packets: tuple[bytes, ...]) -> list[Any]:
    context: Any = av.CodecContext.create("libvpx", "r")
    return [frame for packet in packets for frame in context.decode(av.Packet(packet))]


def read(luma: np.ndarray, numbers: range) -> tuple[int, int]:
    """Return the participant's number and the index in the loop that this picture shows."""
    lit = int((luma[scene.HEIGHT - 9 : scene.HEIGHT - 6].mean(axis=0) > 130).sum())
    index = min(range(scene.PICTURES), key=lambda at: abs(lit - (scene.WIDTH - 8) * (at + 1) // scene.PICTURES))
    errors = {n: np.abs(scene.draw(n, index)[0].astype(int) - luma).mean() for n in numbers}
    return min(errors, key=errors.__getitem__), index


def luma_of(frame: Any) -> np.ndarray:
    return frame.to_ndarray()[: scene.HEIGHT]


# -- the picture


def test_the_loop_shows_its_counter_and_a_key_frame_a_second() -> None:
    packets = scene.encode(7)
    frames = decode(packets)
    assert [read(luma_of(frame), range(1, 10)) for frame in frames] == [(7, index) for index in range(scene.PICTURES)]
    assert [index for index, packet in enumerate(packets) if not packet[0] & 1] == [0, 15, 30, 45]  # RFC 7741 §4.3: P


@pytest.mark.parametrize("number", [1, 17, 200])
def test_a_viewer_may_begin_at_any_key_picture(number: int) -> None:
    packets = scene.encode(number)
    assert read(luma_of(decode(packets[30:])[0]), range(number, number + 1)) == (number, 30)


async def test_pictures_go_round_without_a_gap() -> None:
    picture = Picture((b"a", b"b", b"c"), 0.0)
    got = [await picture.recv() for _ in range(7)]
    assert b"".join(map(bytes, got)) == b"abcabca"
    assert [packet.pts for packet in got] == list(range(7))
    assert picture.sent_bytes == 7


# -- the voice


@given(st.integers(1, 200), st.integers(0, 10**7))
def test_bots_speak_one_at_a_time_and_once_per_round(count: int, tick: int) -> None:
    turns = Turns(count)
    speaking = [index for index in range(count) if turns.speaks(index, tick)]
    assert speaking == ([turns.speaker(tick)] if tick % voice.TURN_TICKS < voice.SPEECH_TICKS else [])
    starts = [turns.next_start(index, tick) for index in range(count)]
    assert len(set(starts)) == count
    for index, start in enumerate(starts):
        assert tick < start <= tick + count * voice.TURN_TICKS
        assert turns.speaks(index, start)
        assert not turns.speaks(index, start - 1)


def test_voices_differ_and_are_neither_clipped_nor_faint() -> None:
    phrases = [voice.phrase(number) for number in range(voice.VOICES)]
    for phrase in phrases:
        assert phrase.shape == (voice.SPEECH_TICKS, voice.TICK_SAMPLES)
        assert np.abs(phrase).max() <= 12_000
        assert np.sqrt((phrase / 32768.0) ** 2).mean() > SPEAKING
    assert len({phrase.tobytes() for phrase in phrases}) == voice.VOICES


async def test_every_audio_packet_has_its_own_timestamp() -> None:
    """Show that each packet has its own time, as aiortc numbers them: at the end of a turn, in silence, and in the next turn."""
    begun = asyncio.get_running_loop().time()
    near_the_end = voice.SPEECH_TICKS - 3
    track = Voice(0, Turns(1), begun - near_the_end * voice.TICK_S)
    encoder = get_encoder(RTCRtpCodecParameters(mimeType="audio/opus", clockRate=48000, channels=2, payloadType=96))
    stamps = []
    speech = 0
    while speech < 8:
        item = await track.recv()
        if isinstance(item, av.AudioFrame):
            speech += bool(item.to_ndarray().any())
            payloads, stamp = encoder.encode(item)
        else:
            payloads, stamp = encoder.pack(item)
        assert len(payloads) == 1
        stamps.append(stamp // voice.TICK_SAMPLES)
        assert stamp % voice.TICK_SAMPLES == 0
    assert stamps == sorted(set(stamps))
    first = voice.TURN_TICKS - near_the_end  # of the next turn
    assert stamps[-5:] == [stamps[-5] + step for step in range(5)]
    assert any(abs(stamp - first) <= 1 for stamp in stamps)
    assert len(stamps) < stamps[-1]  # silence had few packets


# -- the command


@pytest.mark.parametrize("count", [0, limits.COUNT + 1])
async def test_a_count_out_of_bounds_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="count"):
        await group.run("ws://localhost:1", "key", "s" * 32, "x", count=count)


async def test_an_unreachable_server_is_reported() -> None:
    output = io.StringIO()
    assert await group.run("ws://127.0.0.1:9", "key", "s" * 32, "x", count=2, output=output) == 2
    assert "2 × " in output.getvalue()


class Command:
    """`diemcau bot join` as a process."""

    def __init__(self, server: LiveServer, tmp_path: Path, *arguments: str, secret: str = "") -> None:
        self._output = tmp_path / "output"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
        environ |= {"DIEMCAU_API_KEY": server.api_key, "DIEMCAU_API_SECRET": secret or server.api_secret}
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "signaling", "bot", "join", *arguments, "--url", server.ws_url],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    async def ended(self) -> int:
        return await asyncio.to_thread(self.process.wait, 60)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def commands() -> Iterator[list[Command]]:
    started: list[Command] = []
    yield started
    for command in started:
        command.close()


async def present(server: LiveServer, conference: str) -> list[api.ParticipantInfo]:
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        try:
            answer = await client.room.list_participants(api.ListParticipantsRequest(room=conference))
        except api.TwirpError as error:
            if error.code == api.TwirpErrorCode.NOT_FOUND:
                return []
            raise
        return [who for who in answer.participants if who.identity.startswith("bot-")]


async def gone(server: LiveServer, conference: str) -> None:
    for _ in range(25):
        if not await present(server, conference):
            return
        await asyncio.sleep(0.1)
    pytest.fail("they are still there")


async def published(server: LiveServer, conference: str, count: int, command: Command) -> list[api.ParticipantInfo]:
    for _ in range(600):
        with_tracks = [who for who in await present(server, conference) if len(who.tracks) == 2]
        if len(with_tracks) == count:
            return with_tracks
        if command.process.poll() is not None:
            break
        await asyncio.sleep(0.1)
    raise AssertionError(f"the participants did not come:\n{command.output}{server.output[-20:]}")


class Viewer:
    """A viewer with the unmodified Python SDK. It reads the pictures and the sound of the test participants, and gets the
    speakers.
    """

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.seen: dict[str, list[tuple[int, int]]] = {}
        """The results of `read` for each decoded picture, by identity."""
        self.loudest = 0
        self.speakers: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("active_speakers_changed", lambda those: self.speakers.update(one.identity for one in those))

    async def join(self, server: LiveServer, conference: str) -> None:
        grants = api.VideoGrants(room=conference, room_join=True)
        jwt = api.AccessToken(server.api_key, server.api_secret).with_identity("viewer").with_grants(grants).to_jwt()
        await self.room.connect(server.ws_url, jwt)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    def _subscribed(self, track: rtc.RemoteTrack, _: object, who: rtc.RemoteParticipant) -> None:
        if isinstance(track, rtc.RemoteVideoTrack):
            work = self._look(rtc.VideoStream(track, capacity=30), self.seen.setdefault(who.identity, []))
        else:
            work = self._hear(rtc.AudioStream(track, capacity=100))
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def _look(self, stream: rtc.VideoStream, seen: list[tuple[int, int]]) -> None:
        try:
            async for event in stream:
                luma = event.frame.get_plane(0)
                assert luma is not None
                plane = np.frombuffer(luma, np.uint8)[: scene.WIDTH * scene.HEIGHT]
                seen.append(read(plane.reshape(scene.HEIGHT, scene.WIDTH), range(1, 4)))
        finally:
            await stream.aclose()

    async def _hear(self, stream: rtc.AudioStream) -> None:
        try:
            async for event in stream:
                self.loudest = max(self.loudest, int(np.abs(np.array(event.frame.data, np.int32)).max()))
        finally:
            await stream.aclose()


@pytest.mark.native
async def test_three_come_are_seen_and_heard_and_go(
    live_server: LiveServer, tmp_path: Path, commands: list[Command]
) -> None:
    name = "bots-three"
    commands.append(Command(live_server, tmp_path, name, "--count", "3"))
    for who in await published(live_server, name, 3, commands[0]):
        assert {track.source for track in who.tracks} == {api.TrackSource.CAMERA, api.TrackSource.MICROPHONE}
        assert re.fullmatch(r"Người thử [123]", who.name)
    viewer = Viewer()
    await viewer.join(live_server, name)
    try:
        await until(lambda: len(viewer.seen) == 3, "three pictures")
        await until(lambda: all(len({i for _, i in one}) > 40 for one in viewer.seen.values()), "advancing pictures")
        for identity, seen in viewer.seen.items():
            assert {str(number) for number, _ in seen} == {identity.rsplit("-", 1)[1]}
        await until(lambda: viewer.loudest > 1000, "sound")
        await until(lambda: len(viewer.speakers) >= 2, "speakers change")
        commands[0].process.send_signal(signal.SIGINT)
        await until(lambda: not viewer.room.remote_participants, "all left")
    finally:
        await viewer.leave()
    assert await commands[0].ended() == 0
    assert "3/3" in commands[0].output
    assert "Traceback" not in commands[0].output


@pytest.mark.native
async def test_watching_participants_receive_each_other(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that participants who watch receive each other, while sections are added during the call."""
    monkeypatch.setenv("COLUMNS", "200")
    output = io.StringIO()
    output.isatty = lambda: True  # type: ignore[method-assign]

    def start(**options: Any) -> asyncio.Task[int]:
        key, secret = live_server.api_key, live_server.api_secret
        return asyncio.create_task(group.run(live_server.ws_url, key, secret, "bots-watch", output=output, **options))

    runs = [start(count=2, watch=True)]
    try:
        await until(lambda: "/in 4 ×" in output.getvalue(), "two tracks for each of the two")
        runs.append(start(count=1))
        await until(lambda: "/in 8 ×" in output.getvalue(), "two tracks more for each")
    except AssertionError:
        print("the bots said last:", output.getvalue()[-1000:], "the server:", *live_server.output[-20:])
        raise
    finally:
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
    await gone(live_server, "bots-watch")


@pytest.mark.native
async def test_a_removed_bot_is_reported(live_server: LiveServer, tmp_path: Path, commands: list[Command]) -> None:
    commands.append(Command(live_server, tmp_path, "bots-away"))
    [who] = await published(live_server, "bots-away", 1, commands[0])
    async with api.LiveKitAPI(live_server.url, live_server.api_key, live_server.api_secret) as client:
        await client.room.remove_participant(api.RoomParticipantIdentity(room="bots-away", identity=who.identity))
    assert await commands[0].ended() == 1
    assert "PARTICIPANT_REMOVED" in commands[0].output


@pytest.mark.native
async def test_a_wrong_secret_ends_with_the_servers_words(
    live_server: LiveServer, tmp_path: Path, commands: list[Command]
) -> None:
    commands.append(Command(live_server, tmp_path, "bots-forged", secret="x" * 32))
    assert await commands[0].ended() == 1
    assert "1 × 401 " in commands[0].output


@pytest.mark.native
@pytest.mark.parametrize("how", ["duration", "sigterm"])
async def test_an_end_by_time_or_by_sigterm_is_a_good_end(
    live_server: LiveServer, tmp_path: Path, commands: list[Command], how: str
) -> None:
    arguments = ("--duration", "3") if how == "duration" else ()
    commands.append(Command(live_server, tmp_path, f"bots-{how}", *arguments))
    if how == "sigterm":
        await published(live_server, f"bots-{how}", 1, commands[0])
        commands[0].process.send_signal(signal.SIGTERM)
    assert await commands[0].ended() == 0
    await gone(live_server, f"bots-{how}")
