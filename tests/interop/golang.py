"""A participant with LiveKit's Go SDK and pion: the program in tests/clients/golang, and its sent and received frames."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray

from tests.conftest import ROOT
from tests.interop import picture, sound
from tests.interop.person import BOUND_S, Person
from tests.waiting import until

SIZE = (320, 240)
FPS = 15


def build(output: Path) -> Path:
    """Build the program. The build is fast if Go has compiled the packages already, for example in `make test-go`."""
    done = subprocess.run([ROOT / "tests/clients/golang/build.sh", output], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


def film(file: Path, colour: str, count: int = 90, gop: int = FPS) -> Path:
    """Write a VP8 film with a key frame every `gop` pictures. The Go SDK makes no key frame on request."""
    context = av.CodecContext.create("libvpx", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt, context.framerate = *SIZE, "yuv420p", Fraction(FPS)
    context.gop_size, context.bit_rate = gop, 500_000
    context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    frames: list[bytes] = []
    for number in range(count):
        data = np.frombuffer(picture.draw(number + 1, colour, *SIZE), np.uint8)
        frame = av.VideoFrame.from_ndarray(data.reshape(SIZE[1] * 3 // 2, SIZE[0]), "yuv420p")
        frame.pts = number
        frames += map(bytes, context.encode(frame))
    return _write(file, frames)


def song(file: Path, hz: float, seconds: int = 4) -> Path:
    """Write Opus in packets of 20 ms."""
    context = av.CodecContext.create("libopus", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = sound.RATE_HZ, "mono", "s16"
    frames: list[bytes] = []
    for at in range(0, seconds * sound.RATE_HZ, 2 * sound.CHUNK):
        samples = sound.tone(hz, at) + sound.tone(hz, at + sound.CHUNK)
        frame = av.AudioFrame.from_ndarray(np.frombuffer(samples, np.int16).reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = sound.RATE_HZ, at
        frames += map(bytes, context.encode(frame))
    return _write(file, frames)


def _write(file: Path, frames: Sequence[bytes]) -> Path:
    file.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in frames))
    return file


class GoPerson:
    """A running Go client. `async with GoPerson(...)` joins and leaves. `single`: one peer connection for both ways."""

    def __init__(self, program: Path, url: str, jwt: str, folder: Path, *, single: bool) -> None:
        folder.mkdir(exist_ok=True)
        self.events: list[dict[str, Any]] = []
        self._folder = folder
        self._command = [str(program), "-url", url, "-token", jwt, "-folder", str(folder), f"-single={single}".lower()]
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
        self._reader = asyncio.get_running_loop().create_task(self._read())
        await self.happens("joined")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            assert await asyncio.wait_for(self._process.wait(), BOUND_S) == 0
        finally:
            if self._process.returncode is None:
                self._process.kill()
            if self._reader is not None:
                await self._reader

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(json.loads(line))

    def tell(self, command: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())

    def count(self, event: str, **details: Any) -> int:
        return sum(one["event"] == event and details.items() <= one.items() for one in self.events)

    async def happens(self, event: str, times: int = 1, **details: Any) -> dict[str, Any]:
        """Wait until the event has happened `times` times. Return the newest such event."""

        def is_over() -> bool:
            assert self._reader is not None
            assert not self.count("failed"), self.events
            assert not self._reader.done(), f"the program ended: {self.events}"
            return self.count(event, **details) >= times

        await until(is_over, f"{event} {details}")
        return next(one for one in reversed(self.events) if one["event"] == event and details.items() <= one.items())

    # -- the received media

    def frames(self, identity: str, kind: str) -> list[bytes]:
        file = self._folder / f"{identity}.{kind}"
        content = file.read_bytes() if file.exists() else b""
        found, at = [], 0
        while at + 4 <= len(content):
            end = at + 4 + int.from_bytes(content[at : at + 4], "big")
            if end > len(content):
                break
            found.append(content[at + 4 : end])
            at = end
        return found

    def sights(self, identity: str) -> list[picture.Sight]:
        """Return the received pictures of a participant, decoded from the first key frame on."""
        context = av.CodecContext.create("vp8", "r")
        seen: list[picture.Sight] = []
        is_begun = False
        for frame in self.frames(identity, "video"):
            is_begun = is_begun or not frame[0] & 1
            for one in context.decode(av.Packet(frame)) if is_begun else ():
                assert isinstance(one, av.VideoFrame)
                sight = picture.read(one.to_ndarray(format="yuv420p").tobytes(), one.width, one.height)
                assert sight is not None, "a damaged picture"
                seen.append(sight)
        return seen

    def voice(self, identity: str) -> NDArray[np.int16]:
        """Return the last half second of a participant's sound."""
        context = av.CodecContext.create("libopus", "r")
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate, context.layout = sound.RATE_HZ, "mono"
        decoded = [one for frame in self.frames(identity, "audio")[-40:] for one in context.decode(av.Packet(frame))]
        samples = [one.to_ndarray().reshape(-1) for one in decoded if isinstance(one, av.AudioFrame)]
        whole = np.concatenate(samples) if samples else np.zeros(0)
        scale = 32767 if whole.dtype.kind == "f" else 1
        return (whole * scale).astype(np.int16)[-sound.RATE_HZ // 2 :]

    async def gets(self, identity: str, colour: str, hz: float) -> None:
        """Wait for new media of a participant. Check the colour and the tone."""
        before = len(self.frames(identity, "video")), len(self.frames(identity, "audio"))
        await until(
            lambda: (
                len(self.frames(identity, "video")) > before[0] + 10
                and len(self.frames(identity, "audio")) > before[1] + 60
            ),
            f"media of {identity} at the Go client",
        )
        assert self.sights(identity)[-1].colour == colour
        assert abs(sound.peak(self.voice(identity)) - hz) < 8


async def is_shown(person: Person, identity: str, colour: str, hz: float) -> None:
    """Wait until a client with libwebrtc sees new pictures of the Go client and hears its tone."""
    view = person.view(identity)
    before = len(view.sights)
    await until(lambda: len(view.sights) > before + 10 and view.colour == colour, f"{colour} pictures of {identity}")
    await person.ear(identity).gets(hz)
