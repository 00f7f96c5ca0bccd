"""A side of a call whose quality is measured: a process with the unmodified SDK (libwebrtc), in its own namespace.

The command is `python -m tests.simulation.call '<JSON of Part>'`. The process answers each line on standard input with the news
since the last line, as a line of JSON. At the end of input it leaves. `Side` controls the process in the test and stores all
reports. Times are nanoseconds of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
from livekit import rtc

from tests.conftest import ROOT
from tests.interop import picture, sound
from tests.interop.person import BOUND_S, Camera, Ear, Person, View
from tests.waiting import until

GRAIN = 12
SAMPLED_S = 0.5
"""Seconds between two reads of the library's statistics."""


@dataclass
class Part:
    """The role of a participant: it sends a `colour` and a tone, or it watches the participant `watches`."""

    url: str
    token: str
    colour: str = ""
    hz: float = 0.0
    watches: str = ""
    size: tuple[int, int] = (640, 360)
    fps: int = 24
    bitrate_bps: int = 500_000
    simulcast: bool = True
    dual: bool = False


@dataclass
class Sample:
    """The library's counters of received and sent media since the start (W3C webrtc-stats). Durations are in seconds."""

    at_ns: int
    frames_decoded: int = 0
    frames_dropped: int = 0
    key_frames_decoded: int = 0
    freeze_count: int = 0
    freeze_s: float = 0.0
    height: int = 0
    nacks: int = 0
    plis: int = 0
    retransmitted: int = 0
    video_bytes: int = 0
    samples: int = 0
    """Samples of sound that were played."""
    concealed: int = 0
    """Played samples that the library invented at a moment that was not silent."""
    concealments: int = 0
    """Runs of concealed samples."""
    buffered_s: float = 0.0
    """The sum of the times that all played samples spent in the jitter buffer."""
    buffered_samples: int = 0
    frames_sent: int = 0
    """Frames of the layer with the most frames. The library makes fewer frames on a bad uplink."""


@dataclass
class Side:
    """All reports of a participant until now."""

    process: asyncio.subprocess.Process
    taken: list[int] = field(default_factory=list)
    """The times at which the own pictures were taken. The first picture has the counter 1."""
    sights: list[tuple[int, int, int]] = field(default_factory=list)
    """The decoded pictures of the other participant: (counter, time, height)."""
    damaged: list[str] = field(default_factory=list)
    """Pictures of the other participant that could not be read: the counter before, and a description."""
    heard: list[tuple[int, bool]] = field(default_factory=list)
    """For each 50 ms: the time, and whether there was sound."""
    samples: list[Sample] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    async def start(cls, part: Part, *, prefix: Sequence[str] = ()) -> Self:
        """Start the process. `prefix`: a command that runs the process in another place, such as `Namespace.prefix`."""
        process = await asyncio.create_subprocess_exec(
            *(*prefix, sys.executable, "-m", "tests.simulation.call", json.dumps(asdict(part))),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        return cls(process)

    async def look(self) -> None:
        """Read the news from the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        line = await asyncio.wait_for(self.process.stdout.readline(), BOUND_S)
        assert line, f"the side ended with {await self.process.wait()}"
        told = json.loads(line)
        self.taken += told["taken"]
        self.sights += [tuple(sight) for sight in told["sights"]]
        self.heard += [tuple(chunk) for chunk in told["heard"]]
        self.samples += [Sample(**sample) for sample in told["samples"]]
        self.events += [tuple(event) for event in told["events"]]
        self.damaged += told["damaged"]

    async def until(self, condition: Callable[[Side], object], what: str, bound_s: float = BOUND_S) -> None:
        """Wait until the reports of this side meet the condition. Fail with `what` and the last report."""

        async def met() -> object:
            await self.look()
            return condition(self)

        await until(met, lambda: f"{what}: {self.events} {self.samples[-1:]}", bound_s)

    async def stop(self) -> None:
        """Let the participant leave, and wait for the end of the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), BOUND_S)
        except TimeoutError:
            await self.kill()
            raise

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


# -- code of the separate process


class Watched(View):
    """A view that stores new pictures: (counter, time, height)."""

    def __init__(self) -> None:
        super().__init__()
        self.fresh: list[tuple[int, int, int]] = []
        self.last = 0
        self.spoilt: list[str] = []

    def take(self, frame: rtc.VideoFrame) -> None:
        sight = picture.read(frame.data, frame.width, frame.height)
        if sight is None:
            plane = np.frombuffer(frame.data, np.uint8)[: frame.width * frame.height]
            look = f"{frame.width}x{frame.height}, brightness {plane.mean():.0f} +- {plane.std():.0f}"
            self.spoilt.append(f"after {self.last}: {picture.bits(frame.data, frame.width, frame.height):06x}, {look}")
        else:
            self.last = sight.counter
            self.fresh.append((sight.counter, time.monotonic_ns(), sight.height))


class Listened(Ear):
    """An ear that stores new sound: (time, whether there was sound)."""

    def __init__(self) -> None:
        super().__init__()
        self.fresh: list[tuple[int, bool]] = []

    def take(self, frame: rtc.AudioFrame) -> None:
        self.fresh.append((time.monotonic_ns(), sound.loudness(np.array(frame.data, np.int16)) > 0.05))


class Participant:
    def __init__(self, part: Part) -> None:
        self.part = part
        self.person = Person(part.url, part.token, dual=part.dual)
        self.view, self.ear = Watched(), Listened()
        self.person.views[part.watches, rtc.TrackSource.SOURCE_CAMERA] = self.view
        self.person.ears[part.watches] = self.ear
        self.camera: Camera | None = None
        self.samples: list[Sample] = []
        self.told_events = 0
        self.told_pictures = 0

    async def play(self) -> None:
        part, person = self.part, self.person
        await person.join()
        if part.hz:
            await person.speak(part.hz)
        if part.colour:
            self.camera = await person.show(
                part.colour,
                size=part.size,
                fps=part.fps,
                bitrate_bps=part.bitrate_bps,
                simulcast=part.simulcast,
                grain=GRAIN,
            )
        person.start(self._sample())

    async def _sample(self) -> None:
        while True:
            with contextlib.suppress(RuntimeError):  # the library is reconnecting
                stats = await self.person.room.get_rtc_stats()
                both = (*stats.publisher_stats, *stats.subscriber_stats)
                sample = _sample_of([one.inbound_rtp for one in both if one.HasField("inbound_rtp")])
                sent = [one.outbound_rtp.outbound.frames_sent for one in both if one.HasField("outbound_rtp")]
                sample.frames_sent = max(sent, default=0)
                self.samples.append(sample)
            await asyncio.sleep(SAMPLED_S)

    def report(self) -> dict[str, Any]:
        taken = self.camera.taken_ns if self.camera else []
        events = self.person.events
        told = {
            "taken": taken[self.told_pictures :],
            "sights": self.view.fresh,
            "heard": self.ear.fresh,
            "samples": [asdict(sample) for sample in self.samples],
            "events": events[self.told_events :],
            "damaged": self.view.spoilt,
        }
        self.told_pictures, self.told_events = len(taken), len(events)
        self.view.fresh, self.ear.fresh, self.samples, self.view.spoilt = [], [], [], []
        return told


def _sample_of(streams: list[Any]) -> Sample:
    sample = Sample(time.monotonic_ns())
    for stream in streams:
        inbound = stream.inbound
        if stream.stream.kind == "video":
            sample.frames_decoded += inbound.frames_decoded
            sample.frames_dropped += inbound.frames_dropped
            sample.key_frames_decoded += inbound.key_frames_decoded
            sample.freeze_count += inbound.freeze_count
            sample.freeze_s += inbound.total_freeze_duration
            sample.height = max(sample.height, inbound.frame_height)
            sample.nacks += inbound.nack_count
            sample.plis += inbound.pli_count
            sample.retransmitted += inbound.retransmitted_packets_received
            sample.video_bytes += inbound.bytes_received
        else:
            sample.samples += inbound.total_samples_received
            sample.concealed += inbound.concealed_samples - inbound.silent_concealed_samples
            sample.concealments += inbound.concealment_events
            sample.buffered_s += inbound.jitter_buffer_delay
            sample.buffered_samples += inbound.jitter_buffer_emitted_count
    return sample


async def _run(part: Part) -> None:
    # The library calls Python from its own threads for every event. These threads must not wait long for their turn.
    sys.setswitchinterval(0.0005)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    participant = Participant(part)
    try:
        await participant.play()
        while await lines.readline():
            print(json.dumps(participant.report()), flush=True)
    finally:
        await participant.person.leave()


if __name__ == "__main__":
    given: dict[str, Any] = json.loads(sys.argv[1])
    asyncio.run(_run(Part(**{**given, "size": tuple(given["size"])})))
