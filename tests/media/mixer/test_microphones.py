"""Many halls with open microphones, a real plane and a real mixer process. Each hall hears the loudest others in every tick."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import numpy as np
import pytest

from media import Mixer, Node, NodeSettings
from media.frames.port import Frames, connect
from media.ground import limits
from media.lines.line import line_codec
from media.mixer.ground.scene import CLOCK_HZ, Mix, Scene, Source
from media.mixer.sound.rates import RATE_HZ
from tests.media.mixer.stage import Silent, Told
from tests.media.mixer.studio import listen, packets, strength, tone

CodecName = Literal["g722", "pcma", "opus"]
CODECS: tuple[CodecName, ...] = ("g722", "g722", "pcma", "pcma", "opus")
TYPES = {"g722": 9, "pcma": 8, "opus": 111}
HALLS = 20
PERIOD_S = 0.02
NOISE, SPEECH = 100, 6000
BOUND_S = 0.6
"""Ten times the part of a first word that may be missing."""


def noise(codec: str, seed: int) -> Iterator[bytes]:
    rng = np.random.default_rng(seed)
    return itertools.cycle(list(packets(codec, rng.normal(0, NOISE, RATE_HZ * 2).astype(np.float32))))


class Room:
    """A hall with an open microphone, on its own line."""

    def __init__(self, mixer: Mixer, router: object, number: int) -> None:
        self.codec: CodecName = CODECS[number % len(CODECS)]
        kind = TYPES[self.codec]
        self.line = router.open_line(Silent(), host="127.0.0.1", ports=[0], rtcp_mux=True, latch=False)  # type: ignore[attr-defined]
        self._end = connect(self.line.local)
        self.line.set_remote(self._end.getsockname()[:2])
        self.frames = Frames.open(self._end.fileno())
        self.microphone = self.line.receive("audio", [line_codec(kind, self.codec)], is_microphone=True)
        self.source = Source(
            1000 + number,
            "audio",
            self.codec,
            kind,
            f"r{number}",
            unmeasured=self.codec == "opus",
        )
        self.mix = Mix(f"m{number}", 2000 + number, kind, self.codec, f"r{number}")
        mixer.feed(self.microphone, self.source.ssrc)
        self.says = noise(self.codec, number)
        self.heard: list[bytes] = []

    def listen_to(self, mixer: Mixer) -> None:
        self.frames.expect(self.mix.ssrc, self.codec, CLOCK_HZ[self.codec])
        self.line.send(mixer.output(self.mix.ssrc), {self.mix.payload_type: self.mix.payload_type}, self.mix.ssrc)

    def turn(self, number: int) -> None:
        clock_hz = CLOCK_HZ[self.codec]
        stamp = number * clock_hz // 50
        self.frames.send_audio(2, self.mix.payload_type, stamp, next(self.says), number * 20_000, clock_hz=clock_hz)

    def look(self) -> None:
        self.heard += [event.data for event in self.frames.poll(0) if event.kind == "frame"]

    def speak(self, hz: float) -> None:
        self.says = itertools.cycle(list(packets(self.codec, tone(hz, 4, SPEECH))))

    def close(self) -> None:
        self.frames.close()
        self.line.close()
        self._end.close()


class Assembly:
    def __init__(self) -> None:
        self.node = Node.open(NodeSettings(udp=[("127.0.0.1", 0)]), asyncio.get_running_loop())
        self.router = self.node.open_router()
        self.mixer = Mixer(self.router, Told(), 1.4)
        self.rooms = [Room(self.mixer, self.router, number) for number in range(HALLS)]
        sources = tuple(room.source for room in self.rooms)
        mixes = tuple(room.mix for room in self.rooms)
        self.mixer.set_scene(
            Scene(1, sources=sources, mixes=mixes, open_microphones=tuple(one.site for one in sources))
        )
        for room in self.rooms:
            room.listen_to(self.mixer)
        self._number = time.monotonic_ns() // 20_000_000

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await self.turn()

    async def turn(self) -> None:
        while self._number < time.monotonic_ns() // 20_000_000:
            self._number += 1
            for room in self.rooms:
                room.turn(self._number)
        for room in self.rooms:
            room.look()
        await asyncio.sleep(0.01)

    async def begin(self) -> None:
        """Wait until the process makes sound for all."""
        end = time.monotonic() + 30
        while not all(room.heard for room in self.rooms):
            assert time.monotonic() < end, self.mixer.figures
            await self.turn()
        await self.run(2.0)

    async def until_heard(self, room: Room, hz: float) -> float:
        begun = time.monotonic()
        while strength(listen(room.codec, room.heard[-50:]), hz) < SPEECH * 0.7:
            assert time.monotonic() < begun + 30, (room.codec, len(room.heard), self.mixer.figures)
            await self.run(0.1)
        return time.monotonic() - begun

    async def close(self) -> None:
        self.mixer.close()
        for room in self.rooms:
            room.close()
        self.node.close()


@pytest.fixture
async def assembly() -> AsyncIterator[Assembly]:
    made = Assembly()
    yield made
    await made.close()


@pytest.mark.whole_machine
@pytest.mark.sim
async def test_the_loudest_of_twenty_are_mixed_without_an_echo(assembly: Assembly) -> None:
    g722, g711, opus, listener = assembly.rooms[0], assembly.rooms[2], assembly.rooms[4], assembly.rooms[7]
    await assembly.begin()
    for room, hz in ((g722, 440), (g711, 700), (opus, 1130)):
        room.speak(hz)
        await assembly.until_heard(listener, hz)
    await assembly.run(2.0)
    for room, own in ((g722, 440), (g711, 700), (opus, 1130)):
        for hz in {440, 700, 1130} - {own}:
            await assembly.until_heard(room, hz)
            assert strength(listen(room.codec, room.heard[-60:]), own) < SPEECH * 0.05, room.codec
    mixed = assembly.mixer.figures["sound"]
    awake = [site for site, figures in mixed.items() if figures["awake"]]
    assert 3 <= len(awake) <= limits.MIXER_HEARD + limits.MIXER_UNMEASURED
    before = [len(room.heard) for room in assembly.rooms]
    begun = time.monotonic()
    await assembly.run(2.0)
    wanted = (time.monotonic() - begun) / PERIOD_S
    counts = [len(room.heard) - one for room, one in zip(assembly.rooms, before, strict=True)]
    assert min(counts) > wanted / 10, "every hall gets every tick"
    assert max(counts) - min(counts) <= wanted / 10, "every hall gets every tick"


@pytest.mark.heavy
async def test_a_first_word_is_not_cut(assembly: Assembly) -> None:
    """A first word is complete in each codec, while two others speak. The speaker must take a place from noise."""
    listener = assembly.rooms[7]
    for room, hz in zip(assembly.rooms[8:10], (500, 600), strict=True):
        room.speak(hz)
    await assembly.begin()
    for room in (assembly.rooms[0], assembly.rooms[3], assembly.rooms[4]):
        word = list(packets(room.codec, tone(1500, 1.0, SPEECH)))
        after = noise(room.codec, 3)
        room.says = itertools.chain(word, after)
        begun = len(listener.heard)
        await assembly.run(2.5)
        heard = listen(listener.codec, listener.heard[begun:])
        parts = heard[: len(heard) // 480 * 480].reshape(-1, 480)
        wave = np.exp(-2j * np.pi * 1500 * np.arange(480) / RATE_HZ)
        loud = int((np.abs(parts @ wave) * 2 / 480 > SPEECH * 0.4).sum())
        assert 1.0 - loud / 100 < BOUND_S, (room.codec, loud)
